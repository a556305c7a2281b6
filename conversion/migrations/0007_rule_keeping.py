"""How rules are kept: records of a version's life, examples, uploaded files, which rule a copy was made from.

What Django's constraints can't say: records only grow (a draft takes its own along), examples are frozen with their
version, and a retired version stays retired.
"""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

RECORDS_GROW = """
CREATE FUNCTION conversion_version_records_grow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE'
        OR EXISTS (SELECT 1 FROM conversion_ruleversion WHERE id = OLD.version_id AND status <> 'draft')
    THEN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON conversion_ruleversionrecord
    FOR EACH ROW EXECUTE FUNCTION conversion_version_records_grow();
"""
RECORDS_GROW_BACK = """
DROP TRIGGER append_only ON conversion_ruleversionrecord;
DROP FUNCTION conversion_version_records_grow();
"""

FROZEN_EXAMPLES = """
CREATE TRIGGER frozen BEFORE INSERT OR UPDATE OR DELETE ON conversion_ruleexample
    FOR EACH ROW EXECUTE FUNCTION conversion_group_frozen();
CREATE FUNCTION conversion_example_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE kept bigint := CASE WHEN TG_OP = 'DELETE' THEN OLD.example_id ELSE NEW.example_id END;
BEGIN
    IF EXISTS (
        SELECT 1 FROM conversion_ruleexample e JOIN conversion_ruleversion v ON v.id = e.version_id
        WHERE e.id = kept AND v.status <> 'draft'
    ) THEN
        RAISE EXCEPTION 'a published rule version never changes' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER frozen BEFORE INSERT OR UPDATE OR DELETE ON conversion_ruleexampleitem
    FOR EACH ROW EXECUTE FUNCTION conversion_example_frozen();
"""
FROZEN_EXAMPLES_BACK = """
DROP TRIGGER frozen ON conversion_ruleexampleitem;
DROP FUNCTION conversion_example_frozen();
DROP TRIGGER frozen ON conversion_ruleexample;
"""

RETIRED_STAYS = """
CREATE FUNCTION conversion_retired_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a retired rule version stays retired' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER retired_stays BEFORE UPDATE ON conversion_ruleversion
    FOR EACH ROW WHEN (OLD.status = 'retired' AND NEW.status <> 'retired')
    EXECUTE FUNCTION conversion_retired_stays();
"""
RETIRED_STAYS_BACK = """
DROP TRIGGER retired_stays ON conversion_ruleversion;
DROP FUNCTION conversion_retired_stays();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("conversion", "0006_desk"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='RuleExample',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='如 CET四级450分,可以转换', max_length=100, verbose_name='例子')),
                ('should_match', models.BooleanField(default=True, help_text='不勾选表示应当不符合', verbose_name='应当符合')),
            ],
            options={
                'verbose_name': '例子',
                'verbose_name_plural': '例子',
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='RuleExampleItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('score', models.DecimalField(blank=True, decimal_places=2, max_digits=6, null=True, verbose_name='成绩')),
                ('obtained_on', models.DateField(verbose_name='取得时间')),
            ],
            options={
                'verbose_name': '例子中的成果',
                'verbose_name_plural': '例子中的成果',
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='RuleImport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uploaded_at', models.DateTimeField(auto_now_add=True, verbose_name='上传时间')),
                ('name', models.CharField(max_length=200, verbose_name='文件名')),
                ('file_key', models.CharField(editable=False, max_length=40, unique=True)),
                ('status', models.CharField(choices=[('checking', '检查中'), ('checked', '已检查,待确认'), ('importing', '导入中'), ('done', '已导入'), ('failed', '未能导入'), ('cancelled', '已取消')], default='checking', max_length=10, verbose_name='状态')),
                ('progress', models.PositiveSmallIntegerField(default=0, verbose_name='进度')),
                ('attempts', models.PositiveSmallIntegerField(default=0, verbose_name='尝试次数')),
                ('touched_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='最近动静')),
                ('counts', models.JSONField(default=dict, verbose_name='结果')),
                ('failure', models.CharField(blank=True, max_length=500, verbose_name='失败原因')),
                ('report', models.TextField(blank=True, help_text='CSV,证件号码已遮蔽', verbose_name='拒绝的行')),
            ],
            options={
                'verbose_name': '规则导入',
                'verbose_name_plural': '规则导入',
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='RuleVersionRecord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('action', models.CharField(choices=[('drafted', '起草'), ('published', '发布'), ('suspended', '暂停'), ('resumed', '恢复'), ('retired', '停用')], max_length=10, verbose_name='操作')),
                ('at', models.DateTimeField(auto_now_add=True, verbose_name='时间')),
                ('reason', models.CharField(blank=True, max_length=300, verbose_name='原因')),
            ],
            options={
                'verbose_name': '规则版本记录',
                'verbose_name_plural': '规则版本记录',
                'ordering': ['pk'],
            },
        ),
        migrations.AddField(
            model_name='conversionrule',
            name='copied_from',
            field=models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='copies', to='conversion.conversionrule', verbose_name='复制自'),
        ),
        migrations.AddConstraint(
            model_name='ruleversion',
            constraint=models.UniqueConstraint(condition=models.Q(('status', 'draft')), fields=('rule',), name='one_draft_per_rule'),
        ),
        migrations.AddField(
            model_name='ruleexample',
            name='version',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='examples', to='conversion.ruleversion', verbose_name='规则版本'),
        ),
        migrations.AddField(
            model_name='ruleexampleitem',
            name='entry',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='achievements.catalogueentry', verbose_name='名录成果'),
        ),
        migrations.AddField(
            model_name='ruleexampleitem',
            name='example',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='items', to='conversion.ruleexample', verbose_name='例子'),
        ),
        migrations.AddField(
            model_name='ruleimport',
            name='institution',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='rule_imports', to='accounts.institution', verbose_name='机构'),
        ),
        migrations.AddField(
            model_name='ruleimport',
            name='uploaded_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='上传人'),
        ),
        migrations.AddField(
            model_name='ruleversionrecord',
            name='by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='操作人'),
        ),
        migrations.AddField(
            model_name='ruleversionrecord',
            name='version',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='records', to='conversion.ruleversion', verbose_name='规则版本'),
        ),
        migrations.AddConstraint(
            model_name='ruleexample',
            constraint=models.UniqueConstraint(fields=('version', 'name'), name='example_name_once_per_version'),
        ),
        migrations.AddConstraint(
            model_name='ruleimport',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ['checking', 'importing'])), fields=('institution',), name='one_running_rule_import_per_institution', violation_error_message='这个机构有一份规则正在处理,请等它完成后再上传。'),
        ),
        migrations.AddConstraint(
            model_name='ruleversionrecord',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('action__in', ['suspended', 'retired']), _negated=True), models.Q(('reason', ''), _negated=True), _connector='OR'), name='stopped_version_tells_why'),
        ),
        migrations.RunSQL(RECORDS_GROW, RECORDS_GROW_BACK),
        migrations.RunSQL(FROZEN_EXAMPLES, FROZEN_EXAMPLES_BACK),
        migrations.RunSQL(RETIRED_STAYS, RETIRED_STAYS_BACK),
    ]
