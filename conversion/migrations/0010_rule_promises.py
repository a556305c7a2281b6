"""Examples of performance tables, and two promises kept against raw SQL that comes at the same moment.

Whoever changes a part of a version first locks the version: beside a publication under way he waits and is refused.
A part can't be moved out of a published version either: the version it leaves is looked at as well. Both functions
replaced here keep their triggers; undone, the stricter ones stay, which hurts nobody.
"""

import django.db.models.deletion
from django.db import migrations, models

# NO KEY UPDATE and not SHARE: two who change one draft take turns, instead of waiting for each other's lock.
PARTS_OF_A_VERSION = """
CREATE OR REPLACE FUNCTION conversion_{name}_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ids bigint[] := CASE TG_OP WHEN 'INSERT' THEN ARRAY[NEW.{column}] WHEN 'DELETE' THEN ARRAY[OLD.{column}]
        ELSE ARRAY[OLD.{column}, NEW.{column}] END;
    found text;
BEGIN
    FOR found IN
        SELECT version.status FROM {tables} WHERE {id} = ANY (ids) ORDER BY version.id FOR NO KEY UPDATE OF version
    LOOP
        IF found <> 'draft' THEN
            RAISE EXCEPTION 'a published rule version never changes' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END LOOP;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
"""


def _part(name, column, table=None):
    """The function for rows that name their version in `column`, or a row of `table` that does."""
    if table is None:
        tables, id_ = "conversion_ruleversion version", "version.id"
    else:
        tables, id_ = f"{table} part JOIN conversion_ruleversion version ON version.id = part.version_id", "part.id"
    return PARTS_OF_A_VERSION.format(name=name, column=column, tables=tables, id=id_)


FROZEN = "".join(
    [
        _part("group", "version_id"),  # groups, criteria rows, review criteria, examples
        _part("exclusivity", "ruleversion_id"),
        _part("source", "group_id", "conversion_rulegroup"),
        _part("criteria", "row_id", "conversion_criteriarow"),
        _part("example", "example_id", "conversion_ruleexample"),
    ]
)
FROZEN_VALUES = """
CREATE TRIGGER frozen BEFORE INSERT OR UPDATE OR DELETE ON conversion_ruleexamplevalue
    FOR EACH ROW EXECUTE FUNCTION conversion_example_frozen();
"""
FROZEN_VALUES_BACK = "DROP TRIGGER frozen ON conversion_ruleexamplevalue;"


class Migration(migrations.Migration):
    dependencies = [
        ("achievements", "0001_initial"),
        ("conversion", "0009_criteria"),
    ]

    operations = [
        migrations.AddField(
            model_name='ruleexample',
            name='credits',
            field=models.DecimalField(blank=True, decimal_places=1, help_text='留空表示不核对学分', max_digits=5, null=True, verbose_name='应得学分'),
        ),
        migrations.AddField(
            model_name='ruleexample',
            name='obtained_on',
            field=models.DateField(blank=True, help_text='留空表示试算当天', null=True, verbose_name='取得时间'),
        ),
        migrations.CreateModel(
            name='RuleExampleValue',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('value', models.CharField(max_length=200, verbose_name='填写')),
                ('example', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='values', to='conversion.ruleexample', verbose_name='例子')),
                ('field', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='achievements.typefield', verbose_name='附加项')),
            ],
            options={
                'verbose_name': '例子中的附加项',
                'verbose_name_plural': '例子中的附加项',
                'ordering': ['pk'],
            },
        ),
        migrations.AddConstraint(
            model_name='ruleexamplevalue',
            constraint=models.UniqueConstraint(fields=('example', 'field'), name='field_once_per_example'),
        ),
        migrations.AddConstraint(
            model_name='ruleversion',
            constraint=models.CheckConstraint(condition=models.Q(('valid_to__isnull', True), ('valid_to__gte', models.F('valid_from')), _connector='OR'), name='version_ends_after_it_begins', violation_error_message='失效日期不能早于生效日期。'),
        ),
        migrations.AddConstraint(
            model_name='ruleversion',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('score_policy', 'fixed'), _negated=True), models.Q(('fixed_score', ''), _negated=True), _connector='OR'), name='fixed_score_is_stated', violation_error_message='请填写固定成绩。'),
        ),
        migrations.RunSQL(FROZEN, migrations.RunSQL.noop),
        migrations.RunSQL(FROZEN_VALUES, FROZEN_VALUES_BACK),
    ]
