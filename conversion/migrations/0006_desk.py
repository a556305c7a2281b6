import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

FROZEN_CRITERIA = """
CREATE TRIGGER frozen BEFORE INSERT OR UPDATE OR DELETE ON conversion_reviewcriterion
    FOR EACH ROW EXECUTE FUNCTION conversion_group_frozen();
"""
FROZEN_CRITERIA_BACK = "DROP TRIGGER frozen ON conversion_reviewcriterion;"


class Migration(migrations.Migration):
    dependencies = [
        ("conversion", "0005_ledger_certificates"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ReviewClaim",
            fields=[
                (
                    "application",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="claim",
                        serialize=False,
                        to="conversion.application",
                        verbose_name="申请",
                    ),
                ),
                ("at", models.DateTimeField(verbose_name="领取时间")),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="review_claims",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="领取人",
                    ),
                ),
            ],
            options={"verbose_name": "审核领取", "verbose_name_plural": "审核领取"},
        ),
        migrations.CreateModel(
            name="ReviewCriterion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveSmallIntegerField(default=1, verbose_name="次序")),
                (
                    "label",
                    models.CharField(
                        help_text="如 内容相关度、学时占目标课程学时的比例", max_length=60, verbose_name="审核指标"
                    ),
                ),
                ("minimum", models.DecimalField(decimal_places=1, max_digits=7, verbose_name="不低于")),
                ("unit", models.CharField(blank=True, default="%", max_length=10, verbose_name="单位")),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="review_criteria",
                        to="conversion.ruleversion",
                        verbose_name="规则版本",
                    ),
                ),
            ],
            options={
                "verbose_name": "审核指标",
                "verbose_name_plural": "审核指标",
                "ordering": ["position"],
                "constraints": [
                    models.UniqueConstraint(fields=("version", "position"), name="criterion_position_once_per_version"),
                    models.UniqueConstraint(fields=("version", "label"), name="criterion_label_once_per_version"),
                ],
            },
        ),
        migrations.AddField(
            model_name="reviewrecord",
            name="findings",
            field=models.JSONField(blank=True, default=list, verbose_name="审核指标"),
        ),
        migrations.RemoveIndex(model_name="application", name="application_step_queue"),
        migrations.AddIndex(
            model_name="application",
            index=models.Index(
                fields=["waiting_since", "id"],
                condition=models.Q(("step", ""), _negated=True),
                name="application_waiting",
            ),
        ),
        migrations.AddIndex(
            model_name="application",
            index=models.Index(
                fields=["receiving_institution", "waiting_since", "id"],
                condition=models.Q(("step", ""), _negated=True),
                name="application_waiting_in_unit",
            ),
        ),
        migrations.RunSQL(FROZEN_CRITERIA, FROZEN_CRITERIA_BACK),
    ]
