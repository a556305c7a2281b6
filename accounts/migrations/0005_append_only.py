"""Who looked at personal data, and what was merged, is never edited or deleted."""

from django.db import migrations

APPEND_ONLY = """
CREATE FUNCTION accounts_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_personaldataaccess
    FOR EACH ROW EXECUTE FUNCTION accounts_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_learnermerge
    FOR EACH ROW EXECUTE FUNCTION accounts_append_only();
"""
APPEND_ONLY_BACK = """
DROP TRIGGER append_only ON accounts_personaldataaccess;
DROP TRIGGER append_only ON accounts_learnermerge;
DROP FUNCTION accounts_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_personal_data_identity_merging")]

    operations = [migrations.RunSQL(APPEND_ONLY, APPEND_ONLY_BACK)]
