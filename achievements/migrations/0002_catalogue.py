"""Types with bounds and papers; entries with a life of their own, aliases, families, and a history that writes itself."""

import django.core.validators
import django.db.models.constraints
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

REASONS_OF_OLD = """
UPDATE achievements_catalogueentry SET stop_reason = '停用时未登记原因' WHERE NOT is_active
"""

APPROVED_STAYS = """
CREATE FUNCTION achievements_entry_approved_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'approved' AND NEW.status <> 'approved' THEN
        RAISE EXCEPTION 'an approved entry is stopped, never a draft again'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.keeper <> OLD.keeper OR (OLD.drafted_by_id IS NOT NULL AND NEW.drafted_by_id IS DISTINCT FROM OLD.drafted_by_id)
    THEN
        RAISE EXCEPTION 'who drafted an entry never changes' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER approved_stays BEFORE UPDATE OF status, keeper, drafted_by_id ON achievements_catalogueentry
    FOR EACH ROW EXECUTE FUNCTION achievements_entry_approved_stays();
"""
APPROVED_STAYS_BACK = """
DROP TRIGGER approved_stays ON achievements_catalogueentry;
DROP FUNCTION achievements_entry_approved_stays();
"""

# Who and why come from the transaction's settings catalogue.by and catalogue.reason (services.catalogue.history).
HISTORY = """
CREATE FUNCTION achievements_entry_facts(entry achievements_catalogueentry) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'name', entry.name, 'project_name', entry.project_name,
        'institution', (SELECT name FROM accounts_institution WHERE id = entry.institution_id),
        'type', (SELECT name FROM achievements_achievementtype WHERE id = entry.type_id),
        'level', entry.level, 'framework_level', entry.framework_level,
        'family', (SELECT name FROM achievements_levelfamily WHERE id = entry.family_id),
        'family_rank', entry.family_rank, 'credits', entry.credits, 'hours', entry.hours,
        'hours_unit', entry.hours_unit, 'credit_basis', entry.credit_basis,
        'valid_from', entry.valid_from, 'valid_to', entry.valid_to)
$$;
CREATE FUNCTION achievements_entry_record(entry bigint, action text, changes jsonb, why text) RETURNS void
    LANGUAGE sql AS $$
    INSERT INTO achievements_entryrecord (entry_id, action, changes, reason, by_id, at) VALUES (
        entry, action, changes, coalesce(nullif(why, ''), current_setting('catalogue.reason', true), ''),
        nullif(current_setting('catalogue.by', true), '')::bigint, now())
$$;
CREATE FUNCTION achievements_entry_history() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before jsonb; changes jsonb;
BEGIN
    IF NEW.status <> OLD.status THEN
        PERFORM achievements_entry_record(NEW.id, NEW.status, '{}',
            CASE NEW.status WHEN 'returned' THEN NEW.return_reason END);
    END IF;
    IF OLD.status <> 'approved' THEN
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
CREATE TRIGGER history AFTER UPDATE ON achievements_catalogueentry FOR EACH ROW
    WHEN (OLD.status = 'approved' OR OLD.status <> NEW.status)
    EXECUTE FUNCTION achievements_entry_history();

CREATE FUNCTION achievements_record_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' OR EXISTS (
        SELECT FROM achievements_catalogueentry WHERE id = OLD.entry_id AND status = 'approved'
    ) THEN
        RAISE EXCEPTION 'the history of an entry only grows' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON achievements_entryrecord
    FOR EACH ROW EXECUTE FUNCTION achievements_record_append_only();
"""
HISTORY_BACK = """
DROP TRIGGER append_only ON achievements_entryrecord;
DROP FUNCTION achievements_record_append_only();
DROP TRIGGER history ON achievements_catalogueentry;
DROP FUNCTION achievements_entry_history();
DROP FUNCTION achievements_entry_record(bigint, text, jsonb, text);
DROP FUNCTION achievements_entry_facts(achievements_catalogueentry);
"""

# Once per statement: an import of a million achievements asks once.
ENTRY_APPROVED = """
CREATE FUNCTION achievements_entry_is_approved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM added JOIN achievements_catalogueentry entry ON entry.id = added.entry_id
        WHERE entry.status <> 'approved'
    ) THEN
        RAISE EXCEPTION 'an achievement names an approved entry' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER entry_is_approved AFTER INSERT ON achievements_achievement REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION achievements_entry_is_approved();
CREATE TRIGGER entry_is_approved_still AFTER UPDATE ON achievements_achievement REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION achievements_entry_is_approved();
"""
ENTRY_APPROVED_BACK = """
DROP TRIGGER entry_is_approved_still ON achievements_achievement;
DROP TRIGGER entry_is_approved ON achievements_achievement;
DROP FUNCTION achievements_entry_is_approved();
"""

FIELD_KEPT = """
CREATE FUNCTION achievements_type_field_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (TG_OP = 'DELETE' OR NEW.key <> OLD.key OR NEW.type_id <> OLD.type_id) AND EXISTS (
        SELECT FROM achievements_achievement WHERE type_id = OLD.type_id AND jsonb_exists(extra, OLD.key)
    ) THEN
        RAISE EXCEPTION 'achievements hold values of this field: stop it instead'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER kept BEFORE DELETE OR UPDATE OF key, type_id ON achievements_typefield
    FOR EACH ROW EXECUTE FUNCTION achievements_type_field_kept();
"""
FIELD_KEPT_BACK = """
DROP TRIGGER kept ON achievements_typefield;
DROP FUNCTION achievements_type_field_kept();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_sessions_second_factor"),
        ("achievements", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='CatalogueAlias',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200, verbose_name='名称')),
                ('kind', models.CharField(choices=[('alias', '别名'), ('former', '曾用名')], default='alias', max_length=10, verbose_name='种类')),
            ],
            options={
                'verbose_name': '别名和曾用名',
                'verbose_name_plural': '别名和曾用名',
                'ordering': ['kind', 'name'],
            },
        ),
        migrations.CreateModel(
            name='EntryRecord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('action', models.CharField(choices=[('submitted', '提交审核'), ('returned', '退回'), ('approved', '批准'), ('changed', '变更'), ('stopped', '停用'), ('resumed', '恢复启用'), ('draft', '撤回为草稿')], max_length=10, verbose_name='事项')),
                ('changes', models.JSONField(default=dict, verbose_name='变更内容')),
                ('reason', models.CharField(blank=True, max_length=500, verbose_name='原因')),
                ('at', models.DateTimeField(verbose_name='时间')),
            ],
            options={
                'verbose_name': '名录变更记录',
                'verbose_name_plural': '名录变更记录',
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='LevelFamily',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120, unique=True, verbose_name='名称')),
            ],
            options={
                'verbose_name': '等级系列',
                'verbose_name_plural': '等级系列',
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='TypeMaterial',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('label', models.CharField(help_text='如 获奖证书原件照片', max_length=60, verbose_name='材料')),
                ('hint', models.CharField(blank=True, max_length=200, verbose_name='说明')),
                ('is_required', models.BooleanField(default=True, verbose_name='必需')),
                ('position', models.PositiveSmallIntegerField(default=0, verbose_name='次序')),
            ],
            options={
                'verbose_name': '所需材料',
                'verbose_name_plural': '所需材料',
                'ordering': ['position', 'pk'],
            },
        ),
        migrations.AlterModelOptions(
            name='catalogueentry',
            options={'ordering': ['-is_active', 'pk'], 'permissions': [('approve_catalogueentry', '批准或退回名录成果')], 'verbose_name': '名录成果', 'verbose_name_plural': '名录成果'},
        ),
        migrations.AddField(
            model_name='achievementtype',
            name='min_files',
            field=models.PositiveSmallIntegerField(default=1, help_text='添加成果时至少上传几个文件;0 表示不要求', validators=[django.core.validators.MaxValueValidator(10)], verbose_name='最少文件数'),
        ),
        migrations.AddField(
            model_name='catalogueentry',
            name='approved_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='批准时间'),
        ),
        migrations.AddField(
            model_name='catalogueentry',
            name='approved_by',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='批准人'),
        ),
        migrations.AddField(
            model_name='catalogueentry',
            name='credit_basis',
            field=models.CharField(blank=True, help_text='如 16学时=1学分', max_length=60, verbose_name='学分依据'),
        ),
        migrations.AddField(
            model_name='catalogueentry',
            name='drafted_by',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='起草人'),
        ),
        migrations.AddField(
            model_name='catalogueentry',
            name='family_rank',
            field=models.PositiveSmallIntegerField(blank=True, help_text='数字越大等级越高,同一系列中不重复', null=True, verbose_name='系列中的次序'),
        ),
        migrations.AddField(
            model_name='catalogueentry',
            name='hours_unit',
            field=models.CharField(choices=[('hour', '学时'), ('day', '天'), ('week', '周')], default='hour', max_length=10, verbose_name='学习量单位'),
        ),
        migrations.AddField(
            model_name='catalogueentry',
            name='keeper',
            field=models.CharField(choices=[('centre', '管理中心'), ('institution', '资历机构')], default='centre', max_length=12, verbose_name='维护单位'),
        ),
        migrations.AddField(
            model_name='catalogueentry',
            name='return_reason',
            field=models.CharField(blank=True, max_length=500, verbose_name='退回原因'),
        ),
        migrations.AddField(
            model_name='catalogueentry',
            name='status',
            field=models.CharField(choices=[('draft', '草稿'), ('submitted', '待审核'), ('returned', '已退回'), ('approved', '已批准')], default='approved', max_length=10, verbose_name='状态'),
        ),
        migrations.AddField(
            model_name='catalogueentry',
            name='stop_reason',
            field=models.CharField(blank=True, max_length=200, verbose_name='停用原因'),
        ),
        migrations.AddField(
            model_name='catalogueentry',
            name='submitted_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='提交时间'),
        ),
        migrations.AddField(
            model_name='typefield',
            name='allows_future',
            field=models.BooleanField(default=False, verbose_name='可晚于今天'),
        ),
        migrations.AddField(
            model_name='typefield',
            name='decimals',
            field=models.PositiveSmallIntegerField(default=0, validators=[django.core.validators.MaxValueValidator(2)], verbose_name='小数位数'),
        ),
        migrations.AddField(
            model_name='typefield',
            name='hint',
            field=models.CharField(blank=True, max_length=100, verbose_name='提示'),
        ),
        migrations.AddField(
            model_name='typefield',
            name='is_active',
            field=models.BooleanField(default=True, help_text='停用后不再填写,已填的照常显示', verbose_name='启用'),
        ),
        migrations.AddField(
            model_name='typefield',
            name='maximum',
            field=models.DecimalField(blank=True, decimal_places=2, help_text='数字的最大值,文字的最多字数', max_digits=12, null=True, verbose_name='上限'),
        ),
        migrations.AddField(
            model_name='typefield',
            name='minimum',
            field=models.DecimalField(blank=True, decimal_places=2, help_text='数字的最小值,文字的最少字数', max_digits=12, null=True, verbose_name='下限'),
        ),
        migrations.AddField(
            model_name='typefield',
            name='not_before',
            field=models.SlugField(blank=True, help_text='同一类型中另一日期项的键,如 started_on', max_length=30, verbose_name='不早于'),
        ),
        migrations.AlterField(
            model_name='achievementtype',
            name='is_active',
            field=models.BooleanField(default=True, help_text='停用后不能再添加,已有的成果不受影响', verbose_name='启用'),
        ),
        migrations.AlterField(
            model_name='catalogueentry',
            name='credits',
            field=models.DecimalField(blank=True, decimal_places=1, max_digits=5, null=True, validators=[django.core.validators.MinValueValidator(0)], verbose_name='学分'),
        ),
        migrations.AlterField(
            model_name='catalogueentry',
            name='description',
            field=models.TextField(blank=True, max_length=600, verbose_name='说明'),
        ),
        migrations.AlterField(
            model_name='catalogueentry',
            name='hours',
            field=models.DecimalField(blank=True, decimal_places=1, max_digits=7, null=True, validators=[django.core.validators.MinValueValidator(0)], verbose_name='学习量'),
        ),
        migrations.AlterField(
            model_name='typefield',
            name='key',
            field=models.SlugField(help_text='小写英文,如 prize;有成果填写后不能再改', max_length=30, verbose_name='键'),
        ),
        migrations.AlterField(
            model_name='catalogueentry',
            name='status',
            field=models.CharField(choices=[('draft', '草稿'), ('submitted', '待审核'), ('returned', '已退回'), ('approved', '已批准')], default='draft', max_length=10, verbose_name='状态'),
        ),
        migrations.RunSQL(REASONS_OF_OLD, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name='achievementtype',
            constraint=models.CheckConstraint(condition=models.Q(('min_files__lte', 10)), name='type_min_files_at_most_10'),
        ),
        migrations.AddConstraint(
            model_name='typefield',
            constraint=models.CheckConstraint(condition=models.Q(('minimum__isnull', True), ('maximum__isnull', True), ('minimum__lte', models.F('maximum')), _connector='OR'), name='type_field_minimum_below_maximum', violation_error_message='下限不能大于上限。'),
        ),
        migrations.AddConstraint(
            model_name='typefield',
            constraint=models.CheckConstraint(condition=models.Q(('decimals__lte', 2)), name='type_field_two_decimals_at_most'),
        ),
        migrations.AddField(
            model_name='cataloguealias',
            name='entry',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='aliases', to='achievements.catalogueentry', verbose_name='名录成果'),
        ),
        migrations.AddField(
            model_name='entryrecord',
            name='by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='经办人'),
        ),
        migrations.AddField(
            model_name='entryrecord',
            name='entry',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='records', to='achievements.catalogueentry', verbose_name='名录成果'),
        ),
        migrations.AddField(
            model_name='catalogueentry',
            name='family',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='achievements.levelfamily', verbose_name='等级系列'),
        ),
        migrations.AddIndex(
            model_name='catalogueentry',
            index=models.Index(condition=models.Q(('status', 'submitted')), fields=['submitted_at', 'id'], name='entry_waiting'),
        ),
        migrations.AddConstraint(
            model_name='catalogueentry',
            constraint=models.CheckConstraint(condition=models.Q(('hours__isnull', True), ('hours__gte', 0), _connector='OR'), name='entry_hours_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='catalogueentry',
            constraint=models.UniqueConstraint(deferrable=django.db.models.constraints.Deferrable['IMMEDIATE'], fields=('family', 'family_rank'), name='family_rank_once', violation_error_message='同一等级系列中已有这个次序。'),
        ),
        migrations.AddConstraint(
            model_name='catalogueentry',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('family__isnull', True), ('family_rank__isnull', True)), models.Q(('family__isnull', False), ('family_rank__isnull', False)), _connector='OR'), name='entry_of_a_family_has_its_rank', violation_error_message='等级系列和系列中的次序要一起填写。'),
        ),
        migrations.AddConstraint(
            model_name='catalogueentry',
            constraint=models.CheckConstraint(condition=models.Q(('valid_from__isnull', True), ('valid_to__isnull', True), ('valid_from__lte', models.F('valid_to')), _connector='OR'), name='entry_ends_after_it_begins', violation_error_message='失效日期不能早于生效日期。'),
        ),
        migrations.AddConstraint(
            model_name='catalogueentry',
            constraint=models.CheckConstraint(condition=models.Q(('is_active', True), models.Q(('stop_reason', ''), _negated=True), _connector='OR'), name='stopped_entry_tells_why', violation_error_message='停用时请填写原因。'),
        ),
        migrations.AddConstraint(
            model_name='catalogueentry',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'returned'), _negated=True), models.Q(('return_reason', ''), _negated=True), _connector='OR'), name='returned_entry_tells_why', violation_error_message='退回时请填写原因。'),
        ),
        migrations.AddConstraint(
            model_name='catalogueentry',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('keeper', 'institution'), _negated=True), models.Q(('status', 'approved'), _negated=True), models.Q(('approved_by__isnull', False), ('drafted_by__isnull', False), models.Q(('approved_by', models.F('drafted_by')), _negated=True)), _connector='OR'), name='institution_entry_is_approved_by_another', violation_error_message='机构起草的成果不能由起草人批准。'),
        ),
        migrations.AddField(
            model_name='typematerial',
            name='type',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='materials', to='achievements.achievementtype', verbose_name='成果类型'),
        ),
        migrations.AddConstraint(
            model_name='cataloguealias',
            constraint=models.UniqueConstraint(fields=('entry', 'name'), name='alias_once_per_entry', violation_error_message='这项成果已有这个别名。'),
        ),
        migrations.CreateModel(
            name='CatalogueImport',
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
                ('institution', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='catalogue_imports', to='accounts.institution', verbose_name='机构')),
                ('uploaded_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='上传人')),
            ],
            options={
                'verbose_name': '名录成果导入',
                'verbose_name_plural': '名录成果导入',
                'ordering': ['-pk'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('status__in', ['checking', 'importing'])), fields=('institution',), name='one_running_catalogue_import_per_institution', nulls_distinct=False, violation_error_message='有一份名录正在处理,请等它完成后再上传。')],
            },
        ),
        migrations.RunSQL(APPROVED_STAYS, APPROVED_STAYS_BACK),
        migrations.RunSQL(HISTORY, HISTORY_BACK),
        migrations.RunSQL(ENTRY_APPROVED, ENTRY_APPROVED_BACK),
        migrations.RunSQL(FIELD_KEPT, FIELD_KEPT_BACK),
    ]
