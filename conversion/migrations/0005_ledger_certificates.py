from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("conversion", "0004_case_course")]

    operations = []
