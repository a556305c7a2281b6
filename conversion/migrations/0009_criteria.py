"""A test of a criteria table asks for something that can be met."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversion", "0008_lines"), ("achievements", "0006_event_field")]

    operations = [
        migrations.AddConstraint(
            model_name='criteriatest',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('value', ''), _negated=True), ('min_number__isnull', False), ('max_number__isnull', False), _connector='OR'), name='criteria_test_asks_for_something', violation_error_message='请填写要求;不作要求的请删除这一项。'),
        ),
        migrations.AddConstraint(
            model_name='criteriatest',
            constraint=models.CheckConstraint(condition=models.Q(('min_number__isnull', True), ('max_number__isnull', True), ('min_number__lte', models.F('max_number')), _connector='OR'), name='criteria_minimum_below_maximum', violation_error_message='“不小于”不能大于“不大于”。'),
        ),
    ]
