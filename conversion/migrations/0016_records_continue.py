"""A case's log has no gaps: a record continues the one before in number, state and hash, whoever writes it.

Records that are there stay as they are; `verify_ledger` looks at them.
"""

from django.db import migrations

CONTINUES = """
CREATE FUNCTION conversion_record_continues() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE last conversion_reviewrecord%ROWTYPE;
BEGIN
    SELECT * INTO last FROM conversion_reviewrecord
        WHERE application_id = NEW.application_id ORDER BY number DESC LIMIT 1;
    IF (NEW.number, NEW.from_status, NEW.previous_hash)
        IS DISTINCT FROM (COALESCE(last.number, 0) + 1, COALESCE(last.to_status, ''), COALESCE(last.hash, ''))
    THEN
        RAISE EXCEPTION 'a record continues the one before' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER continues BEFORE INSERT ON conversion_reviewrecord
    FOR EACH ROW EXECUTE FUNCTION conversion_record_continues();
"""
CONTINUES_BACK = """
DROP TRIGGER continues ON conversion_reviewrecord;
DROP FUNCTION conversion_record_continues();
"""


class Migration(migrations.Migration):
    dependencies = [("conversion", "0015_returns_of_every_stage")]

    operations = [migrations.RunSQL(CONTINUES, CONTINUES_BACK)]
