"""Certificates are signed, revoked with a reason and corrected by another one; shares; daily roots of the ledger."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

CERTIFICATE_FROZEN = """
CREATE FUNCTION conversion_certificate_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    revocation text[] := ARRAY['revoked_at', 'revoked_by_id', 'revocation_reason'];
    replacement text[] := ARRAY['replaced_at', 'replaced_by_id', 'replacement_reason'];
    may_change text[] := '{}';
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an issued certificate is never deleted' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.revoked_at IS NULL THEN may_change := may_change || revocation; END IF;
    IF OLD.replaced_at IS NULL THEN may_change := may_change || replacement; END IF;
    IF to_jsonb(NEW) - may_change IS DISTINCT FROM to_jsonb(OLD) - may_change THEN
        RAISE EXCEPTION 'an issued certificate never changes' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON conversion_certificate
    FOR EACH ROW EXECUTE FUNCTION conversion_certificate_frozen();
"""
CERTIFICATE_FROZEN_BACK = """
DROP TRIGGER frozen ON conversion_certificate;
DROP FUNCTION conversion_certificate_frozen();
"""

REVERSAL_MIRRORS_AWARD = """
CREATE FUNCTION conversion_reversal_mirrors_award() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM conversion_creditentry
        WHERE application_id = NEW.application_id AND kind = 'award'
            AND learner_id = NEW.learner_id AND credits = -NEW.credits
    ) THEN
        RAISE EXCEPTION 'a reversal takes back exactly one award' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER reversal_mirrors_award BEFORE INSERT ON conversion_creditentry
    FOR EACH ROW WHEN (NEW.kind = 'reversal') EXECUTE FUNCTION conversion_reversal_mirrors_award();
"""
REVERSAL_MIRRORS_AWARD_BACK = """
DROP TRIGGER reversal_mirrors_award ON conversion_creditentry;
DROP FUNCTION conversion_reversal_mirrors_award();
"""

ROOT_APPEND_ONLY = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON conversion_ledgerroot
    FOR EACH ROW EXECUTE FUNCTION conversion_append_only();
"""
ROOT_APPEND_ONLY_BACK = "DROP TRIGGER append_only ON conversion_ledgerroot;"


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_sessions_second_factor"),
        ("conversion", "0004_case_course"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='CertificateShare',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('token', models.CharField(editable=False, max_length=32, unique=True)),
                ('note', models.CharField(blank=True, max_length=60, verbose_name='备注')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='创建时间')),
                ('expires_at', models.DateTimeField(verbose_name='有效期至')),
                ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='停止时间')),
            ],
            options={
                'verbose_name': '证明分享',
                'verbose_name_plural': '证明分享',
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='LedgerRoot',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('on', models.DateField(unique=True, verbose_name='日期')),
                ('records', models.PositiveIntegerField(verbose_name='审核记录数')),
                ('entries', models.PositiveIntegerField(verbose_name='流水数')),
                ('certificates', models.PositiveIntegerField(verbose_name='证明数')),
                ('previous_root', models.CharField(blank=True, max_length=64, verbose_name='前一日根')),
                ('root', models.CharField(max_length=64, verbose_name='日根')),
                ('key_id', models.CharField(max_length=16, verbose_name='签名密钥')),
                ('signature', models.CharField(max_length=90, verbose_name='签名')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='生成时间')),
            ],
            options={
                'verbose_name': '账本日根',
                'verbose_name_plural': '账本日根',
                'ordering': ['-on'],
            },
        ),
        migrations.AlterModelOptions(
            name='certificate',
            options={'ordering': ['-issued_at', '-pk'], 'permissions': [('replace_certificate', '更正转换证明')], 'verbose_name': '转换证明', 'verbose_name_plural': '转换证明'},
        ),
        migrations.AddField(
            model_name='certificate',
            name='key_id',
            field=models.CharField(default="", editable=False, max_length=16, verbose_name='签名密钥'),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='certificate',
            name='replaced_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='被更正时间'),
        ),
        migrations.AddField(
            model_name='certificate',
            name='replaced_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='更正人'),
        ),
        migrations.AddField(
            model_name='certificate',
            name='replacement_reason',
            field=models.CharField(blank=True, max_length=200, verbose_name='更正原因'),
        ),
        migrations.AddField(
            model_name='certificate',
            name='replaces',
            field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='replacement', to='conversion.certificate', verbose_name='更正的证明'),
        ),
        migrations.AddField(
            model_name='certificate',
            name='revocation_reason',
            field=models.CharField(blank=True, max_length=200, verbose_name='撤销原因'),
        ),
        migrations.AddField(
            model_name='certificate',
            name='revoked_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='撤销人'),
        ),
        migrations.AddField(
            model_name='certificate',
            name='signature',
            field=models.CharField(default="", editable=False, max_length=90, verbose_name='签名'),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='creditentry',
            name='by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='记账人'),
        ),
        migrations.AlterField(
            model_name='certificate',
            name='application',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='certificates', to='conversion.application', verbose_name='申请'),
        ),
        migrations.AddConstraint(
            model_name='certificate',
            constraint=models.UniqueConstraint(condition=models.Q(('replaced_at', None)), fields=('application',), name='one_current_certificate_per_application'),
        ),
        migrations.AddConstraint(
            model_name='certificate',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('revocation_reason', ''), ('revoked_at', None), ('revoked_by', None)), models.Q(('revoked_at__isnull', False), ('revoked_by__isnull', False), models.Q(('revocation_reason', ''), _negated=True)), _connector='OR'), name='revocation_tells_when_who_and_why'),
        ),
        migrations.AddConstraint(
            model_name='certificate',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('replaced_at', None), ('replaced_by', None), ('replacement_reason', '')), models.Q(('replaced_at__isnull', False), ('replaced_by__isnull', False), models.Q(('replacement_reason', ''), _negated=True)), _connector='OR'), name='replacement_tells_when_who_and_why'),
        ),
        migrations.AddConstraint(
            model_name='creditentry',
            constraint=models.CheckConstraint(condition=models.Q(('kind', 'award'), ('by__isnull', False), _connector='OR'), name='reversal_names_its_author'),
        ),
        migrations.AddField(
            model_name='certificateshare',
            name='certificate',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='shares', to='conversion.certificate', verbose_name='转换证明'),
        ),
        migrations.AddConstraint(
            model_name='certificateshare',
            constraint=models.CheckConstraint(condition=models.Q(('expires_at__gt', models.F('created_at'))), name='share_ends_after_it_began'),
        ),
        migrations.RunSQL(CERTIFICATE_FROZEN, CERTIFICATE_FROZEN_BACK),
        migrations.RunSQL(REVERSAL_MIRRORS_AWARD, REVERSAL_MIRRORS_AWARD_BACK),
        migrations.RunSQL(ROOT_APPEND_ONLY, ROOT_APPEND_ONLY_BACK),
    ]
