"""A type remembers which extra fields and materials `load_reference` has brought it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("achievements", "0006_event_field")]

    operations = [
        migrations.AddField(
            model_name='achievementtype',
            name='brought',
            field=models.JSONField(blank=True, default=list, editable=False, verbose_name='随系统提供的附加项和材料'),
        ),
    ]
