import django.db.models.deletion
import vault.fields
from django.db import migrations, models

# What waits holds a ready text, which the renamed column can't decrypt: the person asks for another code.
FAIL_WAITING = """UPDATE messaging_smsmessage SET status = 'failed', text = NULL, failure = 'update of the portal'
WHERE status IN ('created', 'sending')"""


class Migration(migrations.Migration):

    dependencies = [
        ('messaging', '0001_initial'),
    ]

    operations = [
        migrations.RunSQL(FAIL_WAITING, migrations.RunSQL.noop),
        migrations.RemoveConstraint(model_name='smsmessage', name='finished_sms_has_no_text'),
        migrations.RenameField(model_name='smsmessage', old_name='text', new_name='sealed_parameters'),
        migrations.AlterField(
            model_name='smsmessage',
            name='sealed_parameters',
            field=vault.fields.EncryptedTextField(editable=False, null=True, verbose_name='参数'),
        ),
        migrations.AddConstraint(
            model_name='smsmessage',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['created', 'sending']), ('sealed_parameters__isnull', True), _connector='OR'), name='finished_sms_has_no_text'),
        ),
        migrations.AddField(
            model_name='smsmessage',
            name='claimed_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='开始发送时间'),
        ),
        migrations.CreateModel(
            name='SmsAttempt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveSmallIntegerField(verbose_name='第几次')),
                ('provider', models.CharField(max_length=20, verbose_name='服务商')),
                ('started_at', models.DateTimeField(verbose_name='开始时间')),
                ('finished_at', models.DateTimeField(blank=True, null=True, verbose_name='结束时间')),
                ('outcome', models.CharField(choices=[('calling', '进行中'), ('accepted', '已接收'), ('not_accepted', '未接收'), ('refused', '拒绝'), ('unknown', '结果不明')], default='calling', max_length=12, verbose_name='结果')),
                ('detail', models.CharField(blank=True, max_length=200, verbose_name='服务商答复')),
                ('message', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='calls', to='messaging.smsmessage', verbose_name='短信')),
            ],
            options={
                'verbose_name': '短信发送记录',
                'verbose_name_plural': '短信发送记录',
                'ordering': ['-pk'],
                'constraints': [models.UniqueConstraint(fields=('message', 'number'), name='one_call_per_sms_attempt')],
            },
        ),
    ]
