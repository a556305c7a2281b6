"""A field of a type may name the event (赛事) that an achievement is of."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("achievements", "0005_import")]

    operations = [
        migrations.AddField(
            model_name='typefield',
            name='names_event',
            field=models.BooleanField(default=False, help_text='业绩类:填写相同的成果算同一赛事,转换时只计其中最高的一项;从保存起提交的申请按它判断', verbose_name='表示同一赛事'),
        ),
        migrations.AddConstraint(
            model_name='typefield',
            constraint=models.UniqueConstraint(condition=models.Q(('names_event', True)), fields=('type',), name='one_event_field_per_type', violation_error_message='一个类型只能有一项表示同一赛事。'),
        ),
        migrations.AddConstraint(
            model_name='typefield',
            constraint=models.CheckConstraint(condition=models.Q(('names_event', False), ('kind__in', ['text', 'choice']), _connector='OR'), name='event_field_holds_words', violation_error_message='只有文字项和选项可以表示同一赛事。'),
        ),
    ]
