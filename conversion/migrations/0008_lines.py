"""A correction is a new version of an achievement, not another achievement: uses count for the whole line.

And what a case has used doesn't change any more, whoever writes.
"""

from django.db import migrations, models

LINES = """
CREATE FUNCTION conversion_source_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT CASE WHEN NEW.kind = 'recognition' THEN id ELSE coalesce(first_version_id, id) END INTO NEW.line
    FROM achievements_achievement WHERE id = NEW.achievement_id;
    RETURN NEW;
END $$;
CREATE TRIGGER line BEFORE INSERT OR UPDATE OF achievement_id, kind, line ON conversion_applicationsource
    FOR EACH ROW EXECUTE FUNCTION conversion_source_line();
UPDATE conversion_applicationsource SET line = 0;
SET CONSTRAINTS ALL IMMEDIATE;
"""
LINES_BACK = """
DROP TRIGGER line ON conversion_applicationsource;
DROP FUNCTION conversion_source_line();
"""

USED_STAYS = """
CREATE FUNCTION conversion_used_achievement_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM conversion_applicationsource
        WHERE achievement_id = OLD.id AND application_status <> 'withdrawn'
    ) THEN
        RAISE EXCEPTION 'an achievement that a case uses never changes' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER used_stays
    BEFORE UPDATE OF name, body_name, body_code, certificate_number, obtained_on, score, extra, type_id
    ON achievements_achievement FOR EACH ROW
    WHEN (
        (OLD.name, OLD.body_name, OLD.body_code, OLD.certificate_number)
        IS DISTINCT FROM (NEW.name, NEW.body_name, NEW.body_code, NEW.certificate_number)
        OR (OLD.obtained_on, OLD.score, OLD.extra, OLD.type_id)
        IS DISTINCT FROM (NEW.obtained_on, NEW.score, NEW.extra, NEW.type_id)
    )
    EXECUTE FUNCTION conversion_used_achievement_stays();
"""
USED_STAYS_BACK = """
DROP TRIGGER used_stays ON achievements_achievement;
DROP FUNCTION conversion_used_achievement_stays();
"""


class Migration(migrations.Migration):
    dependencies = [("conversion", "0007_rule_keeping"), ("achievements", "0005_import")]

    operations = [
        migrations.AddField(
            model_name="applicationsource",
            name="line",
            field=models.BigIntegerField(default=0, editable=False),
        ),
        migrations.RunSQL(LINES, LINES_BACK),
        migrations.RemoveConstraint(
            model_name="applicationsource", name="one_live_application_per_achievement_and_rule"
        ),
        migrations.AddConstraint(
            model_name="applicationsource",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("application_status__in", ["rejected", "withdrawn", "revoked"]), _negated=True
                ),
                fields=("line", "kind", "rule"),
                name="one_live_application_per_achievement_and_rule",
                nulls_distinct=False,
            ),
        ),
        migrations.RunSQL(USED_STAYS, USED_STAYS_BACK),
    ]
