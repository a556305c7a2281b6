"""Every stage may ask for material: a return belongs to the stage it was made in, a withdrawal comes before any decision."""

from django.db import migrations, models

ONE_STEP_EACH = """
CREATE FUNCTION conversion_step_of(action text, from_status text, stage_count integer) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN action IN ('first_approve', 'first_reject') THEN 'first'
        WHEN action IN ('second_approve', 'second_reject') THEN 'second'
        WHEN action IN ('final_approve', 'final_reject') THEN 'final'
        WHEN action IN ('appeal_approve', 'appeal_reject') THEN 'appeal'
        WHEN action = 'return' AND from_status = 'submitted' AND stage_count > 1 THEN 'first'
        WHEN action = 'return' AND from_status = 'first_approved' AND stage_count = 3 THEN 'second'
        WHEN action = 'return' THEN 'final'
        WHEN action = 'revoke' THEN 'revoke'
    END
$$;
CREATE OR REPLACE FUNCTION conversion_one_step_each() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept conversion_application%ROWTYPE;
    mine text;
BEGIN
    SELECT * INTO kept FROM conversion_application WHERE id = NEW.application_id;
    mine := conversion_step_of(NEW.action, NEW.from_status, kept.stage_count);
    IF mine IS NULL THEN
        RETURN NEW;
    END IF;
    IF NEW.by_id = kept.submitted_by_id OR conversion_is_same_person(NEW.by_id, kept.learner_id) THEN
        RAISE EXCEPTION 'nobody reviews his own case' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF EXISTS (
        SELECT 1 FROM conversion_reviewrecord earlier
        WHERE earlier.application_id = NEW.application_id AND earlier.by_id = NEW.by_id
        AND conversion_step_of(earlier.action, earlier.from_status, kept.stage_count) <> mine
    ) THEN
        RAISE EXCEPTION 'nobody decides two stages of a case' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
DROP FUNCTION conversion_step_of(text, integer);
"""
ONE_STEP_EACH_BACK = """
CREATE FUNCTION conversion_step_of(action text, stage_count integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN action IN ('first_approve', 'first_reject') THEN 'first'
        WHEN action IN ('second_approve', 'second_reject') THEN 'second'
        WHEN action IN ('final_approve', 'final_reject') THEN 'final'
        WHEN action IN ('appeal_approve', 'appeal_reject') THEN 'appeal'
        WHEN action = 'return' THEN CASE WHEN stage_count = 1 THEN 'final' ELSE 'first' END
        WHEN action = 'revoke' THEN 'revoke'
    END
$$;
CREATE OR REPLACE FUNCTION conversion_one_step_each() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept conversion_application%ROWTYPE;
    mine text;
BEGIN
    SELECT * INTO kept FROM conversion_application WHERE id = NEW.application_id;
    mine := conversion_step_of(NEW.action, kept.stage_count);
    IF mine IS NULL THEN
        RETURN NEW;
    END IF;
    IF NEW.by_id = kept.submitted_by_id OR conversion_is_same_person(NEW.by_id, kept.learner_id) THEN
        RAISE EXCEPTION 'nobody reviews his own case' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF EXISTS (
        SELECT 1 FROM conversion_reviewrecord earlier
        WHERE earlier.application_id = NEW.application_id AND earlier.by_id = NEW.by_id
        AND conversion_step_of(earlier.action, kept.stage_count) <> mine
    ) THEN
        RAISE EXCEPTION 'nobody decides two stages of a case' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
DROP FUNCTION conversion_step_of(text, text, integer);
"""


class Migration(migrations.Migration):
    dependencies = [("conversion", "0014_published_targets")]

    operations = [
        migrations.RunSQL(ONE_STEP_EACH, ONE_STEP_EACH_BACK),
        migrations.AddConstraint(
            model_name="application",
            constraint=models.CheckConstraint(
                condition=models.Q(("status", "withdrawn"), _negated=True)
                | models.Q(("final_reviewer__isnull", True), ("first_reviewer__isnull", True)),
                name="withdrawn_before_the_first_decision",
            ),
        ),
    ]
