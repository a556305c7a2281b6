"""What a day of the ledger is found by, and two promises: a place in use follows its case, a used reason keeps its words.

Records and entries are appended in the order of time, so a block range index of a few pages finds a day of them.
Where two records of one person are merged, a case takes its exclusive places along, and a place that names an
achievement follows the achievement; two live cases that then hold the same one are refused by
`one_live_application_per_exclusive_use`.
"""

import django.contrib.postgres.indexes
from django.db import migrations, models

PLACES_FOLLOW = """
UPDATE conversion_exclusiveuse used SET learner_id = a.learner_id
FROM conversion_application a WHERE a.id = used.application_id AND a.learner_id <> used.learner_id;

CREATE FUNCTION conversion_use_is_its_cases() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT learner_id INTO NEW.learner_id FROM conversion_application WHERE id = NEW.application_id;
    RETURN NEW;
END $$;
CREATE TRIGGER learner_of_case BEFORE INSERT OR UPDATE OF learner_id, application_id ON conversion_exclusiveuse
    FOR EACH ROW EXECUTE FUNCTION conversion_use_is_its_cases();

CREATE FUNCTION conversion_uses_follow_learner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE conversion_exclusiveuse SET learner_id = NEW.learner_id WHERE application_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER uses_follow_learner AFTER UPDATE OF learner_id ON conversion_application
    FOR EACH ROW WHEN (OLD.learner_id <> NEW.learner_id) EXECUTE FUNCTION conversion_uses_follow_learner();

CREATE FUNCTION conversion_uses_follow_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE conversion_exclusiveuse SET key = regexp_replace(key, ':achievement:.*$', ':achievement:' || NEW.line)
    WHERE application_id = NEW.application_id AND key LIKE 'group:%:achievement:' || OLD.line;
    RETURN NULL;
END $$;
CREATE TRIGGER uses_follow_line AFTER UPDATE OF achievement_id ON conversion_applicationsource
    FOR EACH ROW WHEN (OLD.line <> NEW.line) EXECUTE FUNCTION conversion_uses_follow_line();
"""
PLACES_STAY = """
DROP TRIGGER uses_follow_line ON conversion_applicationsource;
DROP FUNCTION conversion_uses_follow_line();
DROP TRIGGER uses_follow_learner ON conversion_application;
DROP FUNCTION conversion_uses_follow_learner();
DROP TRIGGER learner_of_case ON conversion_exclusiveuse;
DROP FUNCTION conversion_use_is_its_cases();
"""
KEPT_WORDS = """
CREATE FUNCTION conversion_reason_keeps_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM conversion_reviewrecord WHERE reason_id = OLD.id) THEN
        RAISE EXCEPTION 'a reason that a record gives keeps its words'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keeps_words BEFORE UPDATE OF code, text ON conversion_reasoncode
    FOR EACH ROW WHEN ((OLD.code, OLD.text) IS DISTINCT FROM (NEW.code, NEW.text))
    EXECUTE FUNCTION conversion_reason_keeps_words();
"""
FREE_WORDS = """
DROP TRIGGER keeps_words ON conversion_reasoncode;
DROP FUNCTION conversion_reason_keeps_words();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("conversion", "0010_rule_promises"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="reviewrecord",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["at"], name="record_by_day", pages_per_range=32
            ),
        ),
        migrations.AddIndex(
            model_name="creditentry",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["created_at"], name="entry_by_day", pages_per_range=32
            ),
        ),
        migrations.AddIndex(
            model_name="certificate",
            index=models.Index(fields=["-issued_at", "-id"], name="certificate_by_day"),
        ),
        migrations.RunSQL(PLACES_FOLLOW, PLACES_STAY),
        migrations.RunSQL(KEPT_WORDS, FREE_WORDS),
    ]
