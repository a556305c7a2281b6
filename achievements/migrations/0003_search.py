"""What the catalogue is searched by: a row of folded texts and their characters and pairs per entry, kept by triggers.

A pair of characters is the smallest thing an index can find Chinese by; see `achievements/search.py`.
"""

import django.contrib.postgres.fields.ranges
import django.db.models.deletion
from django.db import migrations, models

# Width, case and runs of blanks make no difference. Each text lies between line feeds, so that its beginning and end
# can be asked for; no word has one.
FUNCTIONS = """
CREATE FUNCTION achievements_fold(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN btrim(regexp_replace(lower(normalize(value, NFKC)), '\\s+', ' ', 'g'));

-- Calls nothing but what PostgreSQL brings along: indexes are built and restored under a search_path of their own.
CREATE FUNCTION achievements_grams(project text, names text, institution text)
RETURNS tsvector LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 1000 AS $$
DECLARE
    grams text[] := '{}';
    marked text;
    mark text;
    one text;
    before text;
BEGIN
    FOREACH marked IN ARRAY ARRAY['p' || project, 'n' || names, 'i' || institution] LOOP
        mark := left(marked, 1);
        before := '';
        FOREACH one IN ARRAY string_to_array(substr(marked, 2), NULL) LOOP
            IF one COLLATE "C" <= ' ' THEN
                before := '';
            ELSE
                grams := grams || (mark || one);
                IF before <> '' THEN
                    grams := grams || (mark || before || one);
                END IF;
                before := one;
            END IF;
        END LOOP;
    END LOOP;
    RETURN array_to_tsvector(grams);
END $$;
"""
FUNCTIONS_BACK = """
DROP FUNCTION achievements_grams(text, text, text);
DROP FUNCTION achievements_fold(text);
"""

SOURCE = """
CREATE VIEW achievements_cataloguesource AS
SELECT
    entry.id AS entry_id,
    E'\\n' || achievements_fold(entry.project_name) || E'\\n' AS project,
    E'\\n' || achievements_fold(entry.name) || E'\\n' || coalesce(
        (SELECT string_agg(achievements_fold(alias.name) || E'\\n', '' ORDER BY alias.id)
         FROM achievements_cataloguealias alias WHERE alias.entry_id = entry.id), '') AS names,
    E'\\n' || achievements_fold(institution.name) || E'\\n' AS institution,
    entry.status = 'approved' AS is_public,
    CASE WHEN entry.is_active THEN daterange(entry.valid_from, entry.valid_to, '[]') ELSE 'empty' END AS choosable
FROM achievements_catalogueentry entry
JOIN accounts_institution institution ON institution.id = entry.institution_id;
"""
SOURCE_BACK = "DROP VIEW achievements_cataloguesource;"

WRITE = """
INSERT INTO achievements_cataloguetext AS kept ({columns})
SELECT {columns} FROM achievements_cataloguesource
WHERE entry_id IN ({ids})
ON CONFLICT (entry_id) DO UPDATE SET
    project = excluded.project, names = excluded.names, institution = excluded.institution,
    is_public = excluded.is_public, choosable = excluded.choosable
WHERE (kept.project, kept.names, kept.institution, kept.is_public, kept.choosable) IS DISTINCT FROM
    (excluded.project, excluded.names, excluded.institution, excluded.is_public, excluded.choosable)
""".replace("{columns}", "entry_id, project, names, institution, is_public, choosable")

# A text is put together from three tables. Who writes one waits for whoever is changing the others, and then reads.
TRIGGERS = """
CREATE FUNCTION achievements_text_of_entries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM accounts_institution WHERE id IN (SELECT institution_id FROM changed) ORDER BY id FOR SHARE;
    {of_entries};
    RETURN NULL;
END $$;
CREATE FUNCTION achievements_text_of_aliases() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM achievements_catalogueentry WHERE id IN (SELECT entry_id FROM changed) ORDER BY id FOR NO KEY UPDATE;
    {of_aliases};
    RETURN NULL;
END $$;
CREATE FUNCTION achievements_text_of_institution() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {of_institution};
    RETURN NULL;
END $$;

CREATE TRIGGER text_of_new_entries AFTER INSERT ON achievements_catalogueentry
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION achievements_text_of_entries();
CREATE TRIGGER text_of_changed_entries AFTER UPDATE ON achievements_catalogueentry
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION achievements_text_of_entries();
CREATE TRIGGER text_of_new_aliases AFTER INSERT ON achievements_cataloguealias
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION achievements_text_of_aliases();
CREATE TRIGGER text_of_changed_aliases AFTER UPDATE ON achievements_cataloguealias
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION achievements_text_of_aliases();
CREATE TRIGGER text_of_removed_aliases AFTER DELETE ON achievements_cataloguealias
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION achievements_text_of_aliases();
CREATE TRIGGER text_of_renamed_institution AFTER UPDATE OF name ON accounts_institution
    FOR EACH ROW WHEN (OLD.name IS DISTINCT FROM NEW.name) EXECUTE FUNCTION achievements_text_of_institution();
""".format(
    of_entries=WRITE.format(ids="SELECT id FROM changed"),
    of_aliases=WRITE.format(ids="SELECT entry_id FROM changed"),
    of_institution=WRITE.format(ids="SELECT id FROM achievements_catalogueentry WHERE institution_id = NEW.id"),
)
TRIGGERS_BACK = """
DROP TRIGGER text_of_renamed_institution ON accounts_institution;
DROP TRIGGER text_of_removed_aliases ON achievements_cataloguealias;
DROP TRIGGER text_of_changed_aliases ON achievements_cataloguealias;
DROP TRIGGER text_of_new_aliases ON achievements_cataloguealias;
DROP TRIGGER text_of_changed_entries ON achievements_catalogueentry;
DROP TRIGGER text_of_new_entries ON achievements_catalogueentry;
DROP FUNCTION achievements_text_of_institution();
DROP FUNCTION achievements_text_of_aliases();
DROP FUNCTION achievements_text_of_entries();
"""

# Not Django's key: raw SQL that deletes an entry takes its text along.
CASCADE = """
ALTER TABLE achievements_cataloguetext ADD CONSTRAINT text_goes_with_its_entry
    FOREIGN KEY (entry_id) REFERENCES achievements_catalogueentry (id) ON DELETE CASCADE;
"""
CASCADE_BACK = "ALTER TABLE achievements_cataloguetext DROP CONSTRAINT text_goes_with_its_entry;"

# The grams are in the index alone: a row of texts is a fifth as long without them, and searches walk through many.
# PostgreSQL reads all that an index has on a word before it tells the first row. So the index is cut in slices, of which
# a search reads the next one only when the ones before held too few. Neighbours share a slice: its rows then lie on a
# part of the pages. No lists of pending entries, which every search would have to read through.
SLICES = 4
INDEX = "".join(
    f"""
CREATE INDEX catalogue_by_grams_{number} ON achievements_cataloguetext
    USING gin (achievements_grams(project, names, institution)) WITH (fastupdate = off)
    WHERE mod(entry_id / 1024, {SLICES}) = {number};
"""
    for number in range(SLICES)
)
INDEX_BACK = "".join(f"DROP INDEX catalogue_by_grams_{number};\n" for number in range(SLICES))

FILL = WRITE.format(ids="SELECT id FROM achievements_catalogueentry")


class Migration(migrations.Migration):
    dependencies = [("achievements", "0002_catalogue"), ("accounts", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="CatalogueText",
            fields=[
                (
                    "entry",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="text",
                        serialize=False,
                        to="achievements.catalogueentry",
                    ),
                ),
                ("project", models.TextField()),
                ("names", models.TextField()),
                ("institution", models.TextField()),
                ("is_public", models.BooleanField()),
                ("choosable", django.contrib.postgres.fields.ranges.DateRangeField()),
            ],
            options={"verbose_name": "名录成果检索文本", "verbose_name_plural": "名录成果检索文本"},
        ),
        migrations.RunSQL(CASCADE, CASCADE_BACK),
        migrations.RunSQL(FUNCTIONS, FUNCTIONS_BACK),
        migrations.RunSQL(SOURCE, SOURCE_BACK),
        migrations.RunSQL(TRIGGERS, TRIGGERS_BACK),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RunSQL(INDEX, INDEX_BACK),
    ]
