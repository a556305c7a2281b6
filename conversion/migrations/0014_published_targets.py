"""What a published rule converts into stays what it was when a second person agreed.

Programme and course of a version that is published or suspended keep their facts, whoever writes; 毕业学分 is no part
of a rule and stays free. Who wants to correct one retires its rules first.
"""

from django.db import migrations

FIXED = """
CREATE FUNCTION conversion_target_is_published() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM conversion_ruleversion v JOIN conversion_course c ON c.id = v.course_id
        WHERE v.status IN ('published', 'suspended')
          AND CASE TG_TABLE_NAME WHEN 'conversion_course' THEN c.id ELSE c.programme_id END = OLD.id
    ) THEN
        RAISE EXCEPTION 'the target of a published rule keeps its facts'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER target_is_published BEFORE UPDATE OF institution_id, name, cohort, cohort_to ON conversion_programme
    FOR EACH ROW WHEN ((OLD.institution_id, OLD.name, OLD.cohort, OLD.cohort_to)
                       IS DISTINCT FROM (NEW.institution_id, NEW.name, NEW.cohort, NEW.cohort_to))
    EXECUTE FUNCTION conversion_target_is_published();
CREATE TRIGGER target_is_published BEFORE UPDATE OF programme_id, code, name, credits, nature ON conversion_course
    FOR EACH ROW WHEN ((OLD.programme_id, OLD.code, OLD.name, OLD.credits, OLD.nature)
                       IS DISTINCT FROM (NEW.programme_id, NEW.code, NEW.name, NEW.credits, NEW.nature))
    EXECUTE FUNCTION conversion_target_is_published();
"""
FREE = """
DROP TRIGGER target_is_published ON conversion_course;
DROP TRIGGER target_is_published ON conversion_programme;
DROP FUNCTION conversion_target_is_published();
"""


class Migration(migrations.Migration):
    dependencies = [("conversion", "0013_cohort_ranges")]
    operations = [migrations.RunSQL(FIXED, FREE)]
