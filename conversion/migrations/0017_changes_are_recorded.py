"""Every change of state has its record: looked at when the transaction ends, for raw SQL too."""

from django.db import migrations

RECORDED = """
CREATE FUNCTION conversion_change_is_recorded() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    state text;
    recorded text;
BEGIN
    SELECT status INTO state FROM conversion_application WHERE id = NEW.id;
    SELECT to_status INTO recorded FROM conversion_reviewrecord
        WHERE application_id = NEW.id ORDER BY number DESC LIMIT 1;
    IF state IS NOT NULL AND recorded IS DISTINCT FROM state THEN
        RAISE EXCEPTION 'a change of state is recorded' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER change_is_recorded AFTER UPDATE OF status ON conversion_application
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION conversion_change_is_recorded();
"""
RECORDED_BACK = """
DROP TRIGGER change_is_recorded ON conversion_application;
DROP FUNCTION conversion_change_is_recorded();
"""


class Migration(migrations.Migration):
    dependencies = [("conversion", "0016_records_continue")]

    operations = [migrations.RunSQL(RECORDED, RECORDED_BACK)]
