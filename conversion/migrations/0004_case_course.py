from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("conversion", "0003_rule_policies")]

    operations = []
