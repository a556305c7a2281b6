"""Achievements imported by an institution, and the files it uploads for that."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("achievements", "0004_drafts_versions"),
        ("accounts", "0006_sessions_second_factor"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AchievementImport',
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
                ('institution', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='achievement_imports', to='accounts.institution', verbose_name='机构')),
                ('uploaded_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='上传人')),
            ],
            options={
                'verbose_name': '成果导入',
                'verbose_name_plural': '成果导入',
                'ordering': ['-pk'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('status__in', ['checking', 'importing'])), fields=('institution',), name='one_running_achievement_import_per_institution', violation_error_message='本机构有一份成果文件正在处理,请等它完成后再上传。')],
            },
        ),
        migrations.AddField(
            model_name='achievement',
            name='imported_from',
            field=models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='imported_achievements', to='accounts.institution', verbose_name='导入机构'),
        ),
        migrations.AddConstraint(
            model_name='achievement',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('imported_from__isnull', False), ('origin', 'imported')), models.Q(('imported_from', None), ('origin', 'self')), _connector='OR'), name='imported_achievement_names_its_institution'),
        ),
    ]
