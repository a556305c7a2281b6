"""Rule policies: how often a rule, a group, a course can be used, caps, and the flattened sources for counting.

The promises that Django's constraints can't say: uses follow their case, a used version keeps its groups, and the
flattened sources are exactly those of the published versions.
"""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

USES_FOLLOW = """
ALTER TABLE conversion_exclusiveuse ADD CONSTRAINT use_follows_application_status
    FOREIGN KEY (application_id, application_status) REFERENCES conversion_application (id, status)
    ON UPDATE CASCADE DEFERRABLE INITIALLY IMMEDIATE;
"""
USES_FOLLOW_BACK = "ALTER TABLE conversion_exclusiveuse DROP CONSTRAINT use_follows_application_status;"

FROZEN_GROUPS = """
CREATE FUNCTION conversion_exclusivity_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE kept bigint := CASE WHEN TG_OP = 'DELETE' THEN OLD.ruleversion_id ELSE NEW.ruleversion_id END;
BEGIN
    IF EXISTS (SELECT 1 FROM conversion_ruleversion WHERE id = kept AND status <> 'draft') THEN
        RAISE EXCEPTION 'a published rule version never changes' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER frozen BEFORE INSERT OR UPDATE OR DELETE ON conversion_ruleversion_exclusivity_groups
    FOR EACH ROW EXECUTE FUNCTION conversion_exclusivity_frozen();

CREATE FUNCTION conversion_scope_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.scope <> OLD.scope AND EXISTS (
        SELECT 1 FROM conversion_ruleversion_exclusivity_groups g
        JOIN conversion_ruleversion v ON v.id = g.ruleversion_id
        WHERE g.exclusivitygroup_id = NEW.id AND v.status <> 'draft'
    ) THEN
        RAISE EXCEPTION 'the scope of a group in use never changes'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER scope_frozen BEFORE UPDATE ON conversion_exclusivitygroup
    FOR EACH ROW EXECUTE FUNCTION conversion_scope_frozen();
"""
FROZEN_GROUPS_BACK = """
DROP TRIGGER scope_frozen ON conversion_exclusivitygroup;
DROP FUNCTION conversion_scope_frozen();
DROP TRIGGER frozen ON conversion_ruleversion_exclusivity_groups;
DROP FUNCTION conversion_exclusivity_frozen();
"""

FLATTENED = """
INSERT INTO conversion_publishedsource (
    entry_id, version_id, rule_id, course_id, min_score, min_framework_level, obtained_from, obtained_to,
    max_age_months, valid_from, valid_to, is_once, fills_course_once, exclusivity_groups
)
SELECT
    source.entry_id, version.id, version.rule_id, version.course_id, source.min_score, source.min_framework_level,
    CASE WHEN version.version_selected_by = 'obtained' THEN greatest(source.obtained_from, version.valid_from)
        ELSE source.obtained_from END,
    CASE WHEN version.version_selected_by = 'obtained' THEN least(source.obtained_to, version.valid_to)
        ELSE source.obtained_to END,
    source.max_age_months,
    CASE WHEN version.version_selected_by = 'obtained' THEN NULL ELSE version.valid_from END,
    CASE WHEN version.version_selected_by = 'obtained' THEN NULL ELSE version.valid_to END,
    version.use_policy = 'once', version.fills_course_once,
    (
        SELECT array_agg(g.exclusivitygroup_id) FROM conversion_ruleversion_exclusivity_groups g
        WHERE g.ruleversion_id = version.id
    )
FROM conversion_ruleversion version
JOIN conversion_rulegroup grp ON grp.version_id = version.id
JOIN conversion_rulesource source ON source.group_id = grp.id
WHERE version.status = 'published'
"""

# Per statement, not per row: publishing a cohort's rules is one INSERT … SELECT.
PUBLISHED_SOURCES = f"""
CREATE FUNCTION conversion_keep_published_sources() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM conversion_publishedsource kept USING after JOIN before USING (id)
    WHERE kept.version_id = after.id AND before.status = 'published' AND after.status <> 'published';
    {FLATTENED} AND version.id IN (
        SELECT id FROM after JOIN before USING (id) WHERE after.status = 'published' AND before.status <> 'published'
    );
    RETURN NULL;
END $$;
CREATE TRIGGER keep_published_sources AFTER UPDATE ON conversion_ruleversion
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION conversion_keep_published_sources();
{FLATTENED};
"""
PUBLISHED_SOURCES_BACK = """
DROP TRIGGER keep_published_sources ON conversion_ruleversion;
DROP FUNCTION conversion_keep_published_sources();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_sessions_second_factor"),
        ("achievements", "0001_initial"),
        ("conversion", "0002_guards"),
    ]

    operations = [
        migrations.CreateModel(
            name='PolicyCategory',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=30, unique=True, verbose_name='代码')),
                ('name', models.CharField(max_length=60, verbose_name='名称')),
            ],
            options={
                'verbose_name': '政策类别',
                'verbose_name_plural': '政策类别',
                'ordering': ['code'],
            },
        ),
        migrations.AddField(
            model_name='ruleversion',
            name='fills_course_once',
            field=models.BooleanField(default=True, help_text='选修学分等可以多次转换的课程请取消勾选', verbose_name='目标课程只能转换一次'),
        ),
        migrations.AddField(
            model_name='ruleversion',
            name='use_policy',
            field=models.CharField(choices=[('once', '一名学习者只能按本规则转换一次'), ('repeatable', '可用不同成果多次转换')], default='once', max_length=12, verbose_name='使用次数'),
        ),
        migrations.AddField(
            model_name='ruleversion',
            name='version_selected_by',
            field=models.CharField(choices=[('submission', '提交时在有效期内'), ('obtained', '成果取得时间在有效期内')], default='submission', max_length=12, verbose_name='有效期的含义'),
        ),
        migrations.CreateModel(
            name='ExclusivityGroup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=30, unique=True, verbose_name='代码')),
                ('name', models.CharField(max_length=100, verbose_name='名称')),
                ('scope', models.CharField(choices=[('learner', '每名学习者只能使用组内一条规则'), ('achievement', '每项成果只能用于组内一条规则')], default='learner', max_length=12, verbose_name='范围')),
                ('institution', models.ForeignKey(blank=True, help_text='留空表示由管理中心维护', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='exclusivity_groups', to='accounts.institution', verbose_name='机构')),
            ],
            options={
                'verbose_name': '互斥组',
                'verbose_name_plural': '互斥组',
                'ordering': ['code'],
            },
        ),
        migrations.AddField(
            model_name='ruleversion',
            name='exclusivity_groups',
            field=models.ManyToManyField(blank=True, related_name='versions', to='conversion.exclusivitygroup', verbose_name='互斥组'),
        ),
        migrations.AddField(
            model_name='ruleversion',
            name='policy_category',
            field=models.ForeignKey(blank=True, help_text='转换上限按它区分', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='conversion.policycategory', verbose_name='政策类别'),
        ),
        migrations.CreateModel(
            name='ExclusiveUse',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('application_status', models.CharField(default='submitted', editable=False, max_length=20)),
                ('key', models.CharField(max_length=80, verbose_name='占用')),
                ('application', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='exclusive_uses', to='conversion.application', verbose_name='申请')),
                ('learner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='exclusive_uses', to='accounts.learner', verbose_name='学习者')),
            ],
            options={
                'verbose_name': '唯一占用',
                'verbose_name_plural': '唯一占用',
                'constraints': [models.UniqueConstraint(condition=models.Q(('application_status__in', ['rejected', 'withdrawn', 'revoked']), _negated=True), fields=('learner', 'key'), name='one_live_application_per_exclusive_use'), models.UniqueConstraint(fields=('application', 'key'), name='exclusive_use_once_per_application')],
            },
        ),
        migrations.CreateModel(
            name='ConversionCap',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('course_nature', models.CharField(blank=True, choices=[('required', '必修'), ('elective', '选修'), ('requirement', '毕业要求')], max_length=20, verbose_name='课程性质')),
                ('kind', models.CharField(choices=[('share', '占毕业学分的百分比'), ('credits', '学分'), ('count', '门数')], max_length=10, verbose_name='种类')),
                ('value', models.DecimalField(decimal_places=1, max_digits=6, verbose_name='上限')),
                ('valid_from', models.DateField(verbose_name='生效日期')),
                ('valid_to', models.DateField(blank=True, null=True, verbose_name='失效日期')),
                ('policy_basis', models.CharField(blank=True, max_length=200, verbose_name='政策依据')),
                ('institution', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='conversion_caps', to='accounts.institution', verbose_name='机构')),
                ('programme', models.ForeignKey(blank=True, help_text='留空表示该机构的每个专业', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='caps', to='conversion.programme', verbose_name='专业')),
                ('policy_category', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='caps', to='conversion.policycategory', verbose_name='政策类别')),
            ],
            options={
                'verbose_name': '转换上限',
                'verbose_name_plural': '转换上限',
                'ordering': ['institution', 'pk'],
                'constraints': [models.CheckConstraint(condition=models.Q(('value__gte', 0)), name='cap_not_negative'), models.CheckConstraint(condition=models.Q(models.Q(('kind', 'share'), _negated=True), ('value__lte', 100), _connector='OR'), name='cap_share_up_to_100'), models.CheckConstraint(condition=models.Q(('valid_to__isnull', True), ('valid_to__gte', models.F('valid_from')), _connector='OR'), name='cap_ends_after_it_begins')],
            },
        ),
        migrations.CreateModel(
            name='PublishedSource',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('min_score', models.DecimalField(decimal_places=2, max_digits=6, null=True)),
                ('min_framework_level', models.PositiveSmallIntegerField(null=True)),
                ('obtained_from', models.DateField(null=True)),
                ('obtained_to', models.DateField(null=True)),
                ('max_age_months', models.PositiveSmallIntegerField(null=True)),
                ('valid_from', models.DateField(null=True)),
                ('valid_to', models.DateField(null=True)),
                ('is_once', models.BooleanField()),
                ('fills_course_once', models.BooleanField()),
                ('exclusivity_groups', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), null=True, size=None)),
                ('course', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='conversion.course')),
                ('entry', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='achievements.catalogueentry')),
                ('rule', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='conversion.conversionrule')),
                ('version', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='published_sources', to='conversion.ruleversion')),
            ],
            options={
                'verbose_name': '已发布的来源成果',
                'verbose_name_plural': '已发布的来源成果',
                'indexes': [models.Index(fields=['entry', 'version'], include=('rule', 'course', 'min_score', 'min_framework_level', 'obtained_from', 'obtained_to', 'max_age_months', 'valid_from', 'valid_to', 'is_once', 'fills_course_once', 'exclusivity_groups'), name='published_source_covering')],
            },
        ),
        migrations.RunSQL(USES_FOLLOW, USES_FOLLOW_BACK),
        migrations.RunSQL(FROZEN_GROUPS, FROZEN_GROUPS_BACK),
        migrations.RunSQL(PUBLISHED_SOURCES, PUBLISHED_SOURCES_BACK),
    ]
