"""The course of a case: stages and calendar as data, appeal and revocation, and what only triggers can promise:
nobody decides two steps of a case or one of his own (found by document number), a case keeps its number of stages,
and what was never recognised isn't converted."""

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

SAME_PERSON = """
CREATE FUNCTION conversion_is_same_person(reviewer bigint, applicant bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT 1 FROM accounts_learner learner
        WHERE learner.id = applicant AND (
            EXISTS (
                SELECT 1 FROM accounts_user account JOIN accounts_learner own ON own.id = account.learner_id
                WHERE account.id = reviewer
                AND (own.id = learner.id OR own.document_digest = learner.document_digest)
            )
            OR EXISTS (
                SELECT 1 FROM conversion_reviewerdocument document
                WHERE document.user_id = reviewer AND document.document_digest = learner.document_digest
            )
        )
    )
$$;
"""
SAME_PERSON_BACK = "DROP FUNCTION conversion_is_same_person(bigint, bigint);"

OWN_CASE = """
CREATE FUNCTION conversion_own_case() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM unnest(ARRAY[
            NEW.first_reviewer_id, NEW.second_reviewer_id, NEW.final_reviewer_id, NEW.appeal_reviewer_id, NEW.revoked_by_id
        ]) AS decider WHERE conversion_is_same_person(decider, NEW.learner_id)
    ) THEN
        RAISE EXCEPTION 'nobody reviews his own case' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER own_case BEFORE INSERT OR UPDATE OF
    first_reviewer_id, second_reviewer_id, final_reviewer_id, appeal_reviewer_id, revoked_by_id, learner_id
    ON conversion_application FOR EACH ROW WHEN (
        COALESCE(
            NEW.first_reviewer_id, NEW.second_reviewer_id, NEW.final_reviewer_id, NEW.appeal_reviewer_id, NEW.revoked_by_id
        ) IS NOT NULL
    ) EXECUTE FUNCTION conversion_own_case();
"""
OWN_CASE_BACK = """
DROP TRIGGER own_case ON conversion_application;
DROP FUNCTION conversion_own_case();
"""

ONE_STEP_EACH = """
CREATE FUNCTION conversion_step_of(action text, stage_count integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN action IN ('first_approve', 'first_reject') THEN 'first'
        WHEN action IN ('second_approve', 'second_reject') THEN 'second'
        WHEN action IN ('final_approve', 'final_reject') THEN 'final'
        WHEN action IN ('appeal_approve', 'appeal_reject') THEN 'appeal'
        WHEN action = 'return' THEN CASE WHEN stage_count = 1 THEN 'final' ELSE 'first' END
        WHEN action = 'revoke' THEN 'revoke'
    END
$$;
CREATE FUNCTION conversion_one_step_each() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept conversion_application%ROWTYPE;
    mine text;
BEGIN
    SELECT * INTO kept FROM conversion_application WHERE id = NEW.application_id;
    mine := conversion_step_of(NEW.action, kept.stage_count);
    IF mine IS NULL THEN
        RETURN NEW;
    END IF;
    IF NEW.by_id = kept.submitted_by_id OR conversion_is_same_person(NEW.by_id, kept.learner_id) THEN
        RAISE EXCEPTION 'nobody reviews his own case' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF EXISTS (
        SELECT 1 FROM conversion_reviewrecord earlier
        WHERE earlier.application_id = NEW.application_id AND earlier.by_id = NEW.by_id
        AND conversion_step_of(earlier.action, kept.stage_count) <> mine
    ) THEN
        RAISE EXCEPTION 'nobody decides two stages of a case' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER one_step_each BEFORE INSERT ON conversion_reviewrecord
    FOR EACH ROW EXECUTE FUNCTION conversion_one_step_each();
"""
ONE_STEP_EACH_BACK = """
DROP TRIGGER one_step_each ON conversion_reviewrecord;
DROP FUNCTION conversion_one_step_each();
DROP FUNCTION conversion_step_of(text, integer);
"""

STAGES_KEPT = """
CREATE FUNCTION conversion_stages_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE configured integer;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        RAISE EXCEPTION 'a case keeps its number of stages' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    SELECT CASE WHEN count(*) = 0 THEN 2 ELSE count(*) FILTER (WHERE is_active) END INTO configured
        FROM conversion_reviewstage WHERE kind = NEW.kind AND step <> 'appeal';
    IF NEW.stage_count <> configured THEN
        RAISE EXCEPTION 'a case has the stages that are configured' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER stages_configured BEFORE INSERT ON conversion_application
    FOR EACH ROW EXECUTE FUNCTION conversion_stages_kept();
CREATE TRIGGER stages_kept BEFORE UPDATE ON conversion_application
    FOR EACH ROW WHEN (NEW.stage_count <> OLD.stage_count) EXECUTE FUNCTION conversion_stages_kept();
"""
STAGES_KEPT_BACK = """
DROP TRIGGER stages_kept ON conversion_application;
DROP TRIGGER stages_configured ON conversion_application;
DROP FUNCTION conversion_stages_kept();
"""

# The lock waits for a revocation of the recognition that runs beside it, and then sees what it left.
RECOGNISED_FIRST = """
CREATE FUNCTION conversion_recognised_first() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM achievements_achievement
        WHERE id = NEW.achievement_id AND entry_id IS NOT NULL FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'only a recognised achievement is converted' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER recognised_first BEFORE INSERT ON conversion_applicationsource
    FOR EACH ROW WHEN (NEW.kind <> 'recognition') EXECUTE FUNCTION conversion_recognised_first();
"""
RECOGNISED_FIRST_BACK = """
DROP TRIGGER recognised_first ON conversion_applicationsource;
DROP FUNCTION conversion_recognised_first();
"""

# What the engine can't see. The reasons that contradict it (level, score, age, cap) don't serve for a rule that is met.
SPECIAL_REASONS = """
UPDATE conversion_reasoncode SET for_met_rule = true WHERE code IN (
    'evidence_missing', 'evidence_unreadable', 'not_genuine', 'name_mismatch', 'number_mismatch', 'date_mismatch',
    'content_mismatch', 'not_enrolled', 'already_credited'
);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("conversion", "0003_rule_policies"),
        ("accounts", "0006_sessions_second_factor"),
        ("achievements", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name='CalendarDay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField(unique=True, verbose_name='日期')),
                ('is_workday', models.BooleanField(default=False, help_text='调休上班日勾选;节假日不勾选', verbose_name='上班')),
                ('name', models.CharField(blank=True, max_length=60, verbose_name='说明')),
                ('source', models.CharField(blank=True, max_length=200, verbose_name='依据')),
            ],
            options={
                'verbose_name': '工作日历',
                'verbose_name_plural': '工作日历',
                'ordering': ['day'],
            },
        ),
        migrations.CreateModel(
            name='ReviewerDocument',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('document_digest', models.CharField(editable=False, error_messages={'unique': '这个证件号码已登记在另一个工作账号上。'}, max_length=64, unique=True, verbose_name='证件号码摘要')),
                ('recorded_at', models.DateTimeField(auto_now=True, verbose_name='登记时间')),
            ],
            options={
                'verbose_name': '审核人员证件登记',
                'verbose_name_plural': '审核人员证件登记',
                'ordering': ['user'],
            },
        ),
        migrations.CreateModel(
            name='ReviewStage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('recognition', '认定'), ('conversion', '转换'), ('performance', '业绩类转换')], max_length=20, verbose_name='申请种类')),
                ('step', models.CharField(choices=[('first', '初审'), ('second', '复审'), ('final', '终审'), ('appeal', '申诉裁决')], max_length=20, verbose_name='环节')),
                ('name', models.CharField(max_length=20, verbose_name='名称')),
                ('owner', models.CharField(choices=[('institution', '接收机构'), ('centre', '管理中心')], max_length=20, verbose_name='由谁审核')),
                ('permission', models.CharField(choices=[('first_review_application', '初审申请'), ('second_review_application', '复审申请'), ('final_review_application', '终审申请'), ('appeal_review_application', '裁决申诉')], max_length=40, verbose_name='所需权限')),
                ('due_days', models.PositiveSmallIntegerField(validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(250)], verbose_name='办理时限(工作日)')),
                ('is_active', models.BooleanField(default=True, verbose_name='启用')),
            ],
            options={
                'verbose_name': '审核环节',
                'verbose_name_plural': '审核环节',
                'ordering': ['kind', 'pk'],
            },
        ),
        migrations.AlterModelOptions(
            name='application',
            options={'ordering': ['waiting_since', 'pk'], 'permissions': [('first_review_application', '初审申请'), ('second_review_application', '复审申请'), ('final_review_application', '终审申请'), ('appeal_review_application', '裁决申诉'), ('revoke_application', '撤销已通过的申请')], 'verbose_name': '申请', 'verbose_name_plural': '申请'},
        ),
        migrations.RemoveConstraint(
            model_name='application',
            name='two_different_reviewers',
        ),
        migrations.RemoveConstraint(
            model_name='application',
            name='nobody_reviews_his_own_case',
        ),
        migrations.RemoveConstraint(
            model_name='application',
            name='approval_takes_two_reviewers',
        ),
        migrations.RemoveConstraint(
            model_name='application',
            name='first_approval_names_its_reviewer',
        ),
        migrations.RemoveConstraint(
            model_name='reviewrecord',
            name='no_refusal_record_without_reason',
        ),
        migrations.AddField(
            model_name='application',
            name='appeal_reviewer',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='申诉裁决人'),
        ),
        migrations.AddField(
            model_name='application',
            name='days_used',
            field=models.PositiveSmallIntegerField(default=0, help_text='退回补充材料期间不计入办理时间', verbose_name='退回前已用工作日'),
        ),
        migrations.AddField(
            model_name='application',
            name='due_on',
            field=models.DateField(blank=True, null=True, verbose_name='应办结日期'),
        ),
        migrations.AddField(
            model_name='application',
            name='first_decision_late',
            field=models.BooleanField(default=False, verbose_name='首次审核逾期'),
        ),
        migrations.AddField(
            model_name='application',
            name='revocation_reason',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='conversion.reasoncode', verbose_name='撤销原因'),
        ),
        migrations.AddField(
            model_name='application',
            name='revoked_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='撤销人'),
        ),
        migrations.AddField(
            model_name='application',
            name='second_reviewer',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='复审人'),
        ),
        migrations.AddField(
            model_name='application',
            name='stage_count',
            field=models.PositiveSmallIntegerField(default=2, editable=False, help_text='提交时的设置,以后不再改变', verbose_name='审核级数'),
        ),
        migrations.AddField(
            model_name='reasoncode',
            name='for_met_rule',
            field=models.BooleanField(default=False, help_text='规则条件全部满足的申请,只能用勾选此项的原因不予通过,并须写明意见。', verbose_name='规则条件已满足时可用'),
        ),
        migrations.AddField(
            model_name='reasoncode',
            name='for_refusal',
            field=models.BooleanField(default=True, verbose_name='用于不予通过'),
        ),
        migrations.AddField(
            model_name='reasoncode',
            name='for_return',
            field=models.BooleanField(default=True, verbose_name='用于退回补充材料'),
        ),
        migrations.AddField(
            model_name='reasoncode',
            name='for_revocation',
            field=models.BooleanField(default=False, verbose_name='用于撤销'),
        ),
        migrations.AlterField(
            model_name='application',
            name='status',
            field=models.CharField(choices=[('submitted', '待初审'), ('returned', '退回补充材料'), ('first_approved', '初审通过,待终审'), ('second_approved', '复审通过,待终审'), ('appealed', '申诉待裁决'), ('approved', '已通过'), ('rejected', '不予通过'), ('withdrawn', '已撤回'), ('revoked', '已撤销')], default='submitted', max_length=20, verbose_name='状态'),
        ),
        migrations.AlterField(
            model_name='applicationsource',
            name='application_status',
            field=models.CharField(choices=[('submitted', '待初审'), ('returned', '退回补充材料'), ('first_approved', '初审通过,待终审'), ('second_approved', '复审通过,待终审'), ('appealed', '申诉待裁决'), ('approved', '已通过'), ('rejected', '不予通过'), ('withdrawn', '已撤回'), ('revoked', '已撤销')], default='submitted', editable=False, max_length=20),
        ),
        migrations.AlterField(
            model_name='reviewrecord',
            name='action',
            field=models.CharField(choices=[('submit', '提交申请'), ('withdraw', '撤回申请'), ('return', '退回补充材料'), ('resubmit', '补充后重新提交'), ('first_approve', '初审通过'), ('first_reject', '初审不予通过'), ('second_approve', '复审通过'), ('second_reject', '复审不予通过'), ('final_approve', '终审通过'), ('final_reject', '终审不予通过'), ('appeal', '提出申诉'), ('appeal_approve', '申诉成立,予以通过'), ('appeal_reject', '申诉不成立,维持不予通过'), ('revoke', '撤销')], max_length=20, verbose_name='操作'),
        ),
        migrations.AlterField(
            model_name='reviewrecord',
            name='from_status',
            field=models.CharField(blank=True, choices=[('submitted', '待初审'), ('returned', '退回补充材料'), ('first_approved', '初审通过,待终审'), ('second_approved', '复审通过,待终审'), ('appealed', '申诉待裁决'), ('approved', '已通过'), ('rejected', '不予通过'), ('withdrawn', '已撤回'), ('revoked', '已撤销')], max_length=20, verbose_name='原状态'),
        ),
        migrations.AlterField(
            model_name='reviewrecord',
            name='to_status',
            field=models.CharField(choices=[('submitted', '待初审'), ('returned', '退回补充材料'), ('first_approved', '初审通过,待终审'), ('second_approved', '复审通过,待终审'), ('appealed', '申诉待裁决'), ('approved', '已通过'), ('rejected', '不予通过'), ('withdrawn', '已撤回'), ('revoked', '已撤销')], max_length=20, verbose_name='新状态'),
        ),
        migrations.AddIndex(
            model_name='application',
            index=models.Index(condition=models.Q(('due_on__isnull', False)), fields=['due_on'], name='application_due'),
        ),
        migrations.AddConstraint(
            model_name='application',
            constraint=models.CheckConstraint(condition=models.Q(('stage_count__range', (1, 3))), name='one_to_three_stages'),
        ),
        migrations.AddConstraint(
            model_name='application',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('first_reviewer', models.F('second_reviewer')), _negated=True), models.Q(('first_reviewer', models.F('final_reviewer')), _negated=True), models.Q(('first_reviewer', models.F('appeal_reviewer')), _negated=True), models.Q(('first_reviewer', models.F('revoked_by')), _negated=True), models.Q(('second_reviewer', models.F('final_reviewer')), _negated=True), models.Q(('second_reviewer', models.F('appeal_reviewer')), _negated=True), models.Q(('second_reviewer', models.F('revoked_by')), _negated=True), models.Q(('final_reviewer', models.F('appeal_reviewer')), _negated=True), models.Q(('final_reviewer', models.F('revoked_by')), _negated=True), models.Q(('appeal_reviewer', models.F('revoked_by')), _negated=True)), name='nobody_decides_two_stages'),
        ),
        migrations.AddConstraint(
            model_name='application',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('first_reviewer', models.F('submitted_by')), _negated=True), models.Q(('second_reviewer', models.F('submitted_by')), _negated=True), models.Q(('final_reviewer', models.F('submitted_by')), _negated=True), models.Q(('appeal_reviewer', models.F('submitted_by')), _negated=True), models.Q(('revoked_by', models.F('submitted_by')), _negated=True)), name='nobody_reviews_his_own_case'),
        ),
        migrations.AddConstraint(
            model_name='application',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'revoked'), _negated=True), models.Q(('revocation_reason__isnull', False), ('revoked_by__isnull', False)), _connector='OR'), name='no_revocation_without_reason'),
        ),
        migrations.AddConstraint(
            model_name='application',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status__in', ['approved', 'revoked']), _negated=True), models.Q(('final_reviewer__isnull', False), ('stage_count', 1)), models.Q(('final_reviewer__isnull', False), ('first_reviewer__isnull', False), ('stage_count', 2)), models.Q(('final_reviewer__isnull', False), ('first_reviewer__isnull', False), ('second_reviewer__isnull', False), ('stage_count', 3)), models.Q(models.Q(('first_reviewer__isnull', False), ('final_reviewer__isnull', False), _connector='OR'), ('appeal_reviewer__isnull', False), ('refusal_reason__isnull', False)), _connector='OR'), name='approval_passes_every_stage'),
        ),
        migrations.AddConstraint(
            model_name='application',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status__in', ['first_approved', 'second_approved']), _negated=True), ('first_reviewer__isnull', False), _connector='OR'), name='first_approval_names_its_reviewer'),
        ),
        migrations.AddConstraint(
            model_name='application',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'second_approved'), _negated=True), ('second_reviewer__isnull', False), _connector='OR'), name='second_approval_names_its_reviewer'),
        ),
        migrations.AddConstraint(
            model_name='application',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'appealed'), _negated=True), models.Q(('appeal_reviewer__isnull', True), ('refusal_reason__isnull', False)), _connector='OR'), name='one_appeal_of_a_refusal'),
        ),
        migrations.AddConstraint(
            model_name='reviewrecord',
            constraint=models.UniqueConstraint(condition=models.Q(('action', 'appeal')), fields=('application',), name='one_appeal_per_case'),
        ),
        migrations.AddConstraint(
            model_name='reviewrecord',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('to_status__in', ['rejected', 'returned', 'revoked']), _negated=True), ('reason__isnull', False), _connector='OR'), name='no_refusal_record_without_reason'),
        ),
        migrations.AddField(
            model_name='reviewerdocument',
            name='user',
            field=models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='reviewer_document', to=settings.AUTH_USER_MODEL, verbose_name='工作人员'),
        ),
        migrations.AddConstraint(
            model_name='reviewstage',
            constraint=models.UniqueConstraint(fields=('kind', 'step'), name='step_once_per_kind'),
        ),
        migrations.AddConstraint(
            model_name='reviewstage',
            constraint=models.CheckConstraint(condition=models.Q(('due_days__range', (1, 250))), name='stage_has_days'),
        ),
        migrations.AddConstraint(
            model_name='reviewstage',
            constraint=models.CheckConstraint(condition=models.Q(('is_active', True), ('step__in', ['first', 'second']), _connector='OR'), name='final_stage_and_appeal_always_exist', violation_error_message='终审和申诉裁决不能停用。'),
        ),
        migrations.AddConstraint(
            model_name='reviewstage',
            constraint=models.CheckConstraint(condition=models.Q(('kind', 'recognition'), ('owner', 'institution'), _negated=True), name='recognition_belongs_to_the_centre', violation_error_message='认定没有接收机构,只能由管理中心审核。'),
        ),
        migrations.AddField(
            model_name='application',
            name='step',
            field=models.GeneratedField(db_persist=True, expression=models.Case(models.When(status='appealed', then=models.Value('appeal')), models.When(stage_count=1, status='submitted', then=models.Value('final')), models.When(status='submitted', then=models.Value('first')), models.When(stage_count=3, status='first_approved', then=models.Value('second')), models.When(status__in=['first_approved', 'second_approved'], then=models.Value('final')), default=models.Value('')), output_field=models.CharField(choices=[('first', '初审'), ('second', '复审'), ('final', '终审'), ('appeal', '申诉裁决')], max_length=20), verbose_name='等待的环节'),
        ),
        migrations.AddIndex(
            model_name='application',
            index=models.Index(condition=models.Q(('step', ''), _negated=True), fields=['step', 'waiting_since'], name='application_step_queue'),
        ),
        migrations.RunSQL(SPECIAL_REASONS, migrations.RunSQL.noop),
        migrations.RunSQL(SAME_PERSON, SAME_PERSON_BACK),
        migrations.RunSQL(OWN_CASE, OWN_CASE_BACK),
        migrations.RunSQL(ONE_STEP_EACH, ONE_STEP_EACH_BACK),
        migrations.RunSQL(STAGES_KEPT, STAGES_KEPT_BACK),
        migrations.RunSQL(RECOGNISED_FIRST, RECOGNISED_FIRST_BACK),
    ]
