from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("achievements", "0003_search")]

    operations = []
