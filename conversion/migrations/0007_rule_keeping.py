from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("conversion", "0006_desk")]

    operations = []
