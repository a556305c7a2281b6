"""A published criteria table never changes, as the other parts of a version."""

from django.db import migrations

FROZEN = """
CREATE TRIGGER frozen BEFORE INSERT OR UPDATE OR DELETE ON conversion_criteriarow
    FOR EACH ROW EXECUTE FUNCTION conversion_group_frozen();
CREATE FUNCTION conversion_criteria_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE kept bigint := CASE WHEN TG_OP = 'DELETE' THEN OLD.row_id ELSE NEW.row_id END;
BEGIN
    IF EXISTS (
        SELECT 1 FROM conversion_criteriarow r JOIN conversion_ruleversion v ON v.id = r.version_id
        WHERE r.id = kept AND v.status <> 'draft'
    ) THEN
        RAISE EXCEPTION 'a published rule version never changes' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER frozen BEFORE INSERT OR UPDATE OR DELETE ON conversion_criteriatest
    FOR EACH ROW EXECUTE FUNCTION conversion_criteria_frozen();
"""
FROZEN_BACK = """
DROP TRIGGER frozen ON conversion_criteriatest;
DROP FUNCTION conversion_criteria_frozen();
DROP TRIGGER frozen ON conversion_criteriarow;
"""


class Migration(migrations.Migration):
    dependencies = [("conversion", "0003_criteria")]

    operations = [migrations.RunSQL(FROZEN, FROZEN_BACK)]
