"""Promises that Django's constraints can't say: source rows follow their case, records and ledger only grow,
and a version that left the draft state never changes."""

from django.db import migrations

SOURCES_FOLLOW = """
ALTER TABLE conversion_applicationsource ADD CONSTRAINT source_follows_application_status
    FOREIGN KEY (application_id, application_status) REFERENCES conversion_application (id, status)
    ON UPDATE CASCADE DEFERRABLE INITIALLY IMMEDIATE;
"""
SOURCES_FOLLOW_BACK = (
    "ALTER TABLE conversion_applicationsource DROP CONSTRAINT source_follows_application_status;"
)

APPEND_ONLY = """
CREATE FUNCTION conversion_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON conversion_reviewrecord
    FOR EACH ROW EXECUTE FUNCTION conversion_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON conversion_creditentry
    FOR EACH ROW EXECUTE FUNCTION conversion_append_only();
"""
APPEND_ONLY_BACK = """
DROP TRIGGER append_only ON conversion_reviewrecord;
DROP TRIGGER append_only ON conversion_creditentry;
DROP FUNCTION conversion_append_only();
"""

FROZEN_VERSION = """
CREATE FUNCTION conversion_version_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status <> 'draft' AND (
        TG_OP = 'DELETE' OR NEW.status = 'draft'
        OR to_jsonb(NEW) - 'status' IS DISTINCT FROM to_jsonb(OLD) - 'status'
    ) THEN
        RAISE EXCEPTION 'a published rule version never changes' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON conversion_ruleversion
    FOR EACH ROW EXECUTE FUNCTION conversion_version_frozen();

CREATE FUNCTION conversion_group_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE version bigint := CASE WHEN TG_OP = 'DELETE' THEN OLD.version_id ELSE NEW.version_id END;
BEGIN
    IF EXISTS (SELECT 1 FROM conversion_ruleversion WHERE id = version AND status <> 'draft') THEN
        RAISE EXCEPTION 'a published rule version never changes' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER frozen BEFORE INSERT OR UPDATE OR DELETE ON conversion_rulegroup
    FOR EACH ROW EXECUTE FUNCTION conversion_group_frozen();

CREATE FUNCTION conversion_source_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE kept bigint := CASE WHEN TG_OP = 'DELETE' THEN OLD.group_id ELSE NEW.group_id END;
BEGIN
    IF EXISTS (
        SELECT 1 FROM conversion_rulegroup g JOIN conversion_ruleversion v ON v.id = g.version_id
        WHERE g.id = kept AND v.status <> 'draft'
    ) THEN
        RAISE EXCEPTION 'a published rule version never changes' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER frozen BEFORE INSERT OR UPDATE OR DELETE ON conversion_rulesource
    FOR EACH ROW EXECUTE FUNCTION conversion_source_frozen();
"""
FROZEN_VERSION_BACK = """
DROP TRIGGER frozen ON conversion_rulesource;
DROP TRIGGER frozen ON conversion_rulegroup;
DROP TRIGGER frozen ON conversion_ruleversion;
DROP FUNCTION conversion_source_frozen();
DROP FUNCTION conversion_group_frozen();
DROP FUNCTION conversion_version_frozen();
"""

FROZEN_CRITERIA = """
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
FROZEN_CRITERIA_BACK = """
DROP TRIGGER frozen ON conversion_criteriatest;
DROP FUNCTION conversion_criteria_frozen();
DROP TRIGGER frozen ON conversion_criteriarow;
"""


class Migration(migrations.Migration):
    dependencies = [("conversion", "0001_initial")]

    operations = [
        migrations.RunSQL(SOURCES_FOLLOW, SOURCES_FOLLOW_BACK),
        migrations.RunSQL(APPEND_ONLY, APPEND_ONLY_BACK),
        migrations.RunSQL(FROZEN_VERSION, FROZEN_VERSION_BACK),
        migrations.RunSQL(FROZEN_CRITERIA, FROZEN_CRITERIA_BACK),
    ]
