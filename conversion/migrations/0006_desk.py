from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("conversion", "0005_ledger_certificates")]

    operations = []
