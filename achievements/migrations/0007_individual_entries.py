"""个案认定: entries that stand for what one person did. Achievements may name them; else they are kept like approved ones."""

from django.db import migrations, models

FUNCTIONS = """
CREATE OR REPLACE FUNCTION achievements_entry_approved_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status IN (SETTLED) AND NEW.status <> OLD.status THEN
        RAISE EXCEPTION 'an approved entry is stopped, never a draft again'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.keeper <> OLD.keeper OR (OLD.drafted_by_id IS NOT NULL AND NEW.drafted_by_id IS DISTINCT FROM OLD.drafted_by_id)
    THEN
        RAISE EXCEPTION 'who drafted an entry never changes' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION achievements_entry_history() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before jsonb; changes jsonb;
BEGIN
    IF NEW.status <> OLD.status THEN
        PERFORM achievements_entry_record(NEW.id, NEW.status, '{}',
            CASE NEW.status WHEN 'returned' THEN NEW.return_reason END);
    END IF;
    IF OLD.status NOT IN (SETTLED) THEN
        RETURN NULL;
    END IF;
    before := achievements_entry_facts(OLD);
    SELECT jsonb_object_agg(key, jsonb_build_array(before -> key, value)) INTO changes
        FROM jsonb_each(achievements_entry_facts(NEW)) WHERE value IS DISTINCT FROM before -> key;
    IF changes IS NOT NULL THEN
        PERFORM achievements_entry_record(NEW.id, 'changed', changes, NULL);
    END IF;
    IF NEW.is_active <> OLD.is_active THEN
        PERFORM achievements_entry_record(NEW.id, CASE WHEN NEW.is_active THEN 'resumed' ELSE 'stopped' END, '{}',
            CASE WHEN NEW.is_active THEN NULL ELSE NEW.stop_reason END);
    END IF;
    IF NEW.name <> OLD.name THEN
        DELETE FROM achievements_cataloguealias WHERE entry_id = NEW.id AND name = NEW.name;
        INSERT INTO achievements_cataloguealias (entry_id, name, kind) VALUES (NEW.id, OLD.name, 'former')
            ON CONFLICT (entry_id, name) DO UPDATE SET kind = 'former';
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER history ON achievements_catalogueentry;
CREATE TRIGGER history AFTER UPDATE ON achievements_catalogueentry FOR EACH ROW
    WHEN (OLD.status IN (SETTLED) OR OLD.status <> NEW.status)
    EXECUTE FUNCTION achievements_entry_history();

CREATE OR REPLACE FUNCTION achievements_record_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' OR EXISTS (
        SELECT FROM achievements_catalogueentry WHERE id = OLD.entry_id AND status IN (SETTLED)
    ) THEN
        RAISE EXCEPTION 'the history of an entry only grows' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN OLD;
END $$;

CREATE OR REPLACE FUNCTION achievements_entry_is_approved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM added JOIN achievements_catalogueentry entry ON entry.id = added.entry_id
        WHERE entry.status NOT IN (SETTLED)
    ) THEN
        RAISE EXCEPTION 'an achievement names an approved entry' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
"""
WITH_INDIVIDUAL = FUNCTIONS.replace("SETTLED", "'approved', 'individual'")
APPROVED_ALONE = FUNCTIONS.replace("SETTLED", "'approved'")
STATES = [
    ("draft", "草稿"), ("submitted", "待审核"), ("returned", "已退回"), ("approved", "已批准"), ("individual", "个案认定"),
]


class Migration(migrations.Migration):
    dependencies = [("achievements", "0007_brought")]

    operations = [
        migrations.AlterField(
            model_name="catalogueentry",
            name="status",
            field=models.CharField(choices=STATES, default="draft", max_length=10, verbose_name="状态"),
        ),
        migrations.RunSQL(WITH_INDIVIDUAL, APPROVED_ALONE),
    ]
