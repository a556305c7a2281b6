from django.db import migrations, models


class Migration(migrations.Migration):
    """Reviewers are told of a certificate number that another learner holds, without a look at every achievement."""

    dependencies = [("achievements", "0008_levels_in_range")]

    operations = [
        migrations.AddIndex(
            model_name="achievement",
            index=models.Index(
                models.Func(
                    models.F("certificate_key"),
                    models.Value("|"),
                    models.Value(1),
                    function="split_part",
                    output_field=models.TextField(),
                ),
                name="achievement_by_number",
            ),
        ),
    ]
