import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_account_recovery"), ("evidence", "0003_clean_index")]

    operations = [
        migrations.AlterField(
            model_name="institution",
            name="licence",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="licence_of",
                to="evidence.evidencefile",
                verbose_name="证照",
            ),
        ),
    ]
