"""Drafts of 成果添加, versions of achievements, and a token that lets one form make one achievement."""

import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("achievements", "0003_search"),
        ("accounts", "0006_sessions_second_factor"),
        ("evidence", "0002_uploads_without_account"),
    ]

    operations = [
        migrations.CreateModel(
            name='AchievementDraft',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('token', models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name='表单标识')),
                ('data', models.JSONField(default=dict, verbose_name='已填写的内容')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='开始填写时间')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='最近保存时间')),
            ],
            options={
                'verbose_name': '成果草稿',
                'verbose_name_plural': '成果草稿',
                'ordering': ['-updated_at', '-pk'],
            },
        ),
        migrations.RemoveConstraint(
            model_name='achievement',
            name='one_certificate_once_per_learner',
        ),
        migrations.AddField(
            model_name='achievement',
            name='edited_at',
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name='修改时间'),
        ),
        migrations.AddField(
            model_name='achievement',
            name='first_version',
            field=models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='achievements.achievement', verbose_name='最初版本'),
        ),
        migrations.AddField(
            model_name='achievement',
            name='form_token',
            field=models.UUIDField(blank=True, editable=False, null=True, unique=True, verbose_name='提交标识'),
        ),
        migrations.AddField(
            model_name='achievement',
            name='replaced_by',
            field=models.OneToOneField(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='replaces', to='achievements.achievement', verbose_name='更正后的版本'),
        ),
        migrations.AddConstraint(
            model_name='achievement',
            constraint=models.UniqueConstraint(condition=models.Q(models.Q(('certificate_key', ''), _negated=True), ('replaced_by', None)), fields=('learner', 'type', 'certificate_key'), name='one_certificate_once_per_learner', violation_error_message='您已添加过这份证书(类型、编号和机构都相同)。'),
        ),
        migrations.AddConstraint(
            model_name='achievement',
            constraint=models.CheckConstraint(condition=models.Q(('replaced_by', models.F('id')), _negated=True), name='no_version_replaces_itself'),
        ),
        migrations.AddConstraint(
            model_name='achievement',
            constraint=models.CheckConstraint(condition=models.Q(('replaced_by', None), ('first_version__isnull', False), _connector='OR'), name='replaced_version_is_in_a_line'),
        ),
        migrations.AddField(
            model_name='achievementdraft',
            name='achievement',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='drafts', to='achievements.achievement', verbose_name='所修改的成果'),
        ),
        migrations.AddField(
            model_name='achievementdraft',
            name='files',
            field=models.ManyToManyField(related_name='drafts', to='evidence.evidencefile', verbose_name='相关材料'),
        ),
        migrations.AddField(
            model_name='achievementdraft',
            name='learner',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='drafts', to='accounts.learner', verbose_name='学习者'),
        ),
        migrations.AddField(
            model_name='achievementdraft',
            name='type',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='achievements.achievementtype', verbose_name='成果类型'),
        ),
    ]
