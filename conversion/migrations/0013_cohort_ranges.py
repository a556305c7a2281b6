"""A programme holds for cohorts from one to another; those of one name at one institution never overlap.

Ranges alone can be compared in an exclusion constraint without an extension: an institution and the hash of a name are
ranges of one number there.
"""

import django.contrib.postgres.constraints
import django.contrib.postgres.fields.ranges
from django.db import migrations, models

# Not an UPDATE: its pending checks of foreign keys would forbid to alter the table in this transaction.
FROM_TO_THE_SAME = "ALTER TABLE conversion_programme ALTER cohort_to TYPE smallint USING cohort"


def only(expression):
    return models.Func(
        expression, expression, models.Value('[]'), function='int8range',
        output_field=django.contrib.postgres.fields.ranges.BigIntegerRangeField(),
    )  # fmt: skip


NAME_HASH = models.Func(
    models.F('name'), models.Value(0), function='hashtextextended', output_field=models.BigIntegerField()
)
COHORTS = models.Func(
    models.F('cohort'), models.F('cohort_to'), models.Value('[]'), function='int4range',
    output_field=django.contrib.postgres.fields.ranges.IntegerRangeField(),
)  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [
        ('conversion', '0012_frozen_cases'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='programme',
            name='programme_once_per_cohort',
        ),
        migrations.AlterField(
            model_name='programme',
            name='cohort',
            field=models.PositiveSmallIntegerField(verbose_name='最先的年级'),
        ),
        migrations.AddField(
            model_name='programme',
            name='cohort_to',
            field=models.PositiveSmallIntegerField(null=True, verbose_name='最后的年级'),
        ),
        migrations.RunSQL(FROM_TO_THE_SAME, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name='programme',
            name='cohort_to',
            field=models.PositiveSmallIntegerField(verbose_name='最后的年级'),
        ),
        migrations.AddConstraint(
            model_name='programme',
            constraint=models.CheckConstraint(
                condition=models.Q(('cohort__gte', 1900), ('cohort_to__lte', 2099)), name='programme_cohorts_are_years'
            ),
        ),
        migrations.AddConstraint(
            model_name='programme',
            constraint=models.CheckConstraint(
                condition=models.Q(('cohort_to__gte', models.F('cohort'))), name='programme_cohorts_in_order'
            ),
        ),
        migrations.AddConstraint(
            model_name='programme',
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(
                name='programme_cohorts_never_overlap',
                expressions=[(only(models.F('institution')), '='), (only(NAME_HASH), '='), (COHORTS, '&&')],
                violation_error_message='这个专业的年级与已有的重叠。',
            ),
        ),
    ]
