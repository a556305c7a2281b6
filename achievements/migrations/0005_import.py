from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("achievements", "0004_drafts_versions")]

    operations = []
