from django.db import models
from django.db.models import Q, Sum
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


class CreditEntryQuerySet(models.QuerySet):
    def balance(self):
        """The sum of the entries' credits, as a Decimal."""
        return self.aggregate(total=Sum("credits", default=0))["total"]


class CreditEntry(models.Model):
    """学分流水: an award by a final approval or its reversal. Append-only (a trigger keeps it so)."""

    class Kind(models.TextChoices):
        AWARD = "award", _("授予")
        REVERSAL = "reversal", _("冲销")

    learner = models.ForeignKey(
        "accounts.Learner", models.PROTECT, related_name="credit_entries", verbose_name=_("学习者")
    )
    application = models.ForeignKey(
        "conversion.Application", models.PROTECT, related_name="credit_entries", verbose_name=_("申请")
    )
    kind = models.CharField(_("种类"), max_length=10, choices=Kind)
    credits = models.DecimalField(_("学分"), max_digits=6, decimal_places=1)
    created_at = models.DateTimeField(_("记账时间"), auto_now_add=True)

    objects = CreditEntryQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = _("学分流水")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["application", "kind"], name="one_award_and_one_reversal_per_application"),
            models.CheckConstraint(
                condition=Q(kind="award", credits__gte=0) | Q(kind="reversal", credits__lte=0),
                name="award_adds_reversal_takes",
            ),
        ]

    def __str__(self):
        return f"{self.get_kind_display()} {self.credits}"


class Certificate(models.Model):
    """学习成果转换证明, issued with the final approval; what it says is frozen in `content`."""

    application = models.OneToOneField(
        "conversion.Application", models.PROTECT, related_name="certificate", verbose_name=_("申请")
    )
    number = models.CharField(_("证明编号"), max_length=30, unique=True)
    token = models.CharField(_("验证码"), max_length=32, unique=True, editable=False)
    content = models.JSONField(_("内容"))
    issued_at = models.DateTimeField(_("签发时间"), auto_now_add=True)
    revoked_at = models.DateTimeField(_("撤销时间"), null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = _("转换证明")
        ordering = ["-issued_at"]

    def __str__(self):
        return self.number

    def get_absolute_url(self):
        return reverse("conversion:certificate_pdf", args=[self.pk])

    @property
    def is_valid(self):
        return self.revoked_at is None
