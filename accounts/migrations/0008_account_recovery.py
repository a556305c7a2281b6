from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """An activation code may also give an account back whose phone and password are lost."""

    dependencies = [("accounts", "0006_sessions_second_factor")]

    operations = [
        migrations.AlterField(
            model_name="activationcode",
            name="enrolment",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=models.deletion.CASCADE,
                related_name="activation_codes",
                to="accounts.enrolment",
                verbose_name="学籍",
            ),
        ),
        migrations.AddField(
            model_name="activationcode",
            name="account",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=models.deletion.CASCADE,
                related_name="activation_codes",
                to=settings.AUTH_USER_MODEL,
                verbose_name="要找回的账号",
            ),
        ),
        migrations.AddConstraint(
            model_name="activationcode",
            constraint=models.UniqueConstraint(
                condition=models.Q(("used_at", None)),
                fields=("account",),
                name="one_open_activation_code_per_account",
            ),
        ),
        migrations.AddConstraint(
            model_name="activationcode",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("account__isnull", True), ("enrolment__isnull", False)),
                    models.Q(("account__isnull", False), ("enrolment__isnull", True)),
                    _connector="OR",
                ),
                name="activation_code_is_for_an_enrolment_or_an_account",
            ),
        ),
    ]
