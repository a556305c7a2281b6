"""What a case froze at its submission stays for raw SQL too, and its first record holds a digest of it.

Records from before have no digest and can't get one (they are append-only): the check holds for new rows only,
and `verify_ledger` names the old ones.
"""

from django.db import migrations, models

DIGESTED = models.CheckConstraint(
    condition=models.Q(("action", "submit"), _negated=True) | models.Q(("frozen_digest", ""), _negated=True),
    name="submission_record_digests_what_was_frozen",
)
DIGESTED_FROM_NOW_ON = """
ALTER TABLE conversion_reviewrecord ADD CONSTRAINT submission_record_digests_what_was_frozen
    CHECK (action <> 'submit' OR frozen_digest <> '') NOT VALID;
"""
DIGESTED_BACK = "ALTER TABLE conversion_reviewrecord DROP CONSTRAINT submission_record_digests_what_was_frozen;"

CASE_FROZEN = """
CREATE FUNCTION conversion_case_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a case keeps what was submitted' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER frozen BEFORE UPDATE OF
    snapshot, kind, rule_version_id, receiving_institution_id, submitted_by_id, submitted_at, submission_token
    ON conversion_application FOR EACH ROW WHEN (
        (OLD.snapshot, OLD.kind, OLD.rule_version_id, OLD.receiving_institution_id)
        IS DISTINCT FROM (NEW.snapshot, NEW.kind, NEW.rule_version_id, NEW.receiving_institution_id)
        OR (OLD.submitted_by_id, OLD.submitted_at, OLD.submission_token)
        IS DISTINCT FROM (NEW.submitted_by_id, NEW.submitted_at, NEW.submission_token)
    ) EXECUTE FUNCTION conversion_case_frozen();
"""
CASE_FROZEN_BACK = """
DROP TRIGGER frozen ON conversion_application;
DROP FUNCTION conversion_case_frozen();
"""


class Migration(migrations.Migration):
    dependencies = [("conversion", "0011_ledger_days_and_kept_words")]

    operations = [
        migrations.AddField(
            model_name="reviewrecord",
            name="frozen_digest",
            field=models.CharField(blank=True, default="", max_length=64),
            preserve_default=False,
        ),
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL(DIGESTED_FROM_NOW_ON, DIGESTED_BACK)],
            [migrations.AddConstraint(model_name="reviewrecord", constraint=DIGESTED)],
        ),
        migrations.RunSQL(CASE_FROZEN, CASE_FROZEN_BACK),
    ]
