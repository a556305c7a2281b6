from datetime import timedelta

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q, Sum, Window
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class CreditEntryQuerySet(models.QuerySet):
    def of(self, user):
        return self.filter(learner__isnull=False, learner=user.learner_id)

    def balance(self):
        """The sum of the entries' credits, as a Decimal."""
        return self.aggregate(total=Sum("credits", default=0))["total"]

    def with_balance(self):
        """Each entry with `balance`, its learner's credit after it."""
        return self.annotate(balance=Window(Sum("credits"), partition_by="learner_id", order_by="pk"))


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
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("记账人")
    )
    created_at = models.DateTimeField(_("记账时间"), auto_now_add=True)

    objects = CreditEntryQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = _("学分流水")
        ordering = ["pk"]
        indexes = [BrinIndex(fields=["created_at"], name="entry_by_day", pages_per_range=32, autosummarize=True)]
        constraints = [
            models.UniqueConstraint(fields=["application", "kind"], name="one_award_and_one_reversal_per_application"),
            models.CheckConstraint(
                condition=Q(kind="award", credits__gte=0) | Q(kind="reversal", credits__lte=0),
                name="award_adds_reversal_takes",
            ),
            models.CheckConstraint(condition=Q(kind="award") | Q(by__isnull=False), name="reversal_names_its_author"),
        ]

    def __str__(self):
        return f"{self.get_kind_display()} {self.credits}"

    @property
    def number(self):
        """流水号, as statements print it."""
        return f"LS{self.pk:09d}"


class Certificate(models.Model):
    """学习成果转换证明, issued with the final approval.

    What it says is frozen in `content`, and `signature` (Ed25519, docs/certificates.md) covers it; triggers keep both.
    A correction issues another one, which names the one it `replaces`.
    """

    class State(models.TextChoices):
        VALID = "valid", _("有效")
        REVOKED = "revoked", _("已撤销")
        REPLACED = "replaced", _("已更正")

    application = models.ForeignKey(
        "conversion.Application", models.PROTECT, related_name="certificates", verbose_name=_("申请")
    )
    number = models.CharField(_("证明编号"), max_length=30, unique=True)
    token = models.CharField(_("验证码"), max_length=32, unique=True, editable=False)
    content = models.JSONField(_("内容"))
    key_id = models.CharField(_("签名密钥"), max_length=16, editable=False)
    signature = models.CharField(_("签名"), max_length=90, editable=False)
    issued_at = models.DateTimeField(_("签发时间"), default=timezone.now, editable=False)
    replaces = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="replacement", verbose_name=_("更正的证明")
    )
    replaced_at = models.DateTimeField(_("被更正时间"), null=True, blank=True)
    replaced_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("更正人")
    )
    replacement_reason = models.CharField(_("更正原因"), max_length=200, blank=True)
    revoked_at = models.DateTimeField(_("撤销时间"), null=True, blank=True)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("撤销人")
    )
    revocation_reason = models.CharField(_("撤销原因"), max_length=200, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = _("转换证明")
        ordering = ["-issued_at", "-pk"]
        permissions = [("replace_certificate", _("更正转换证明"))]
        indexes = [models.Index(fields=["-issued_at", "-id"], name="certificate_by_day")]
        constraints = [
            models.UniqueConstraint(
                fields=["application"], condition=Q(replaced_at=None), name="one_current_certificate_per_application"
            ),
            models.CheckConstraint(
                condition=Q(revoked_at=None, revoked_by=None, revocation_reason="")
                | (Q(revoked_at__isnull=False, revoked_by__isnull=False) & ~Q(revocation_reason="")),
                name="revocation_tells_when_who_and_why",
            ),
            models.CheckConstraint(
                condition=Q(replaced_at=None, replaced_by=None, replacement_reason="")
                | (Q(replaced_at__isnull=False, replaced_by__isnull=False) & ~Q(replacement_reason="")),
                name="replacement_tells_when_who_and_why",
            ),
        ]

    def __str__(self):
        return self.number

    def get_absolute_url(self):
        return reverse("conversion:certificate_pdf", args=[self.pk])

    @property
    def is_valid(self):
        return self.state == self.State.VALID

    @property
    def state(self):
        if self.revoked_at:
            return self.State.REVOKED
        return self.State.REPLACED if self.replaced_at else self.State.VALID


class CertificateShareQuerySet(models.QuerySet):
    def open(self):
        return self.filter(ended_at=None, expires_at__gt=timezone.now())


class CertificateShare(models.Model):
    """分享链接: shows a certificate to whoever has the link, until the day its learner has set."""

    certificate = models.ForeignKey(Certificate, models.PROTECT, related_name="shares", verbose_name=_("转换证明"))
    token = models.CharField(max_length=32, unique=True, editable=False)
    note = models.CharField(_("备注"), max_length=60, blank=True)
    created_at = models.DateTimeField(_("创建时间"), auto_now_add=True)
    expires_at = models.DateTimeField(_("有效期至"))
    ended_at = models.DateTimeField(_("停止时间"), null=True, blank=True)

    objects = CertificateShareQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = _("证明分享")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="share_ends_after_it_began"),
        ]

    def __str__(self):
        return f"{self.certificate} {self.expires_at:%Y-%m-%d}"

    def get_absolute_url(self):
        return reverse("conversion:shared_certificate", args=[self.token])

    @property
    def last_day(self):
        """The last moment of it, for showing the day."""
        return self.expires_at - timedelta(seconds=1)

    @property
    def is_open(self):
        return self.ended_at is None and self.expires_at > timezone.now()


class LedgerRoot(models.Model):
    """日根: one SHA-256 over all records, entries and certificates of a day and the root of the day before.

    Append-only (a trigger keeps it so), signed, and exported to a file; `manage.py verify_ledger` recomputes it.
    """

    on = models.DateField(_("日期"), unique=True)
    records = models.PositiveIntegerField(_("审核记录数"))
    entries = models.PositiveIntegerField(_("流水数"))
    certificates = models.PositiveIntegerField(_("证明数"))
    previous_root = models.CharField(_("前一日根"), max_length=64, blank=True)
    root = models.CharField(_("日根"), max_length=64)
    key_id = models.CharField(_("签名密钥"), max_length=16)
    signature = models.CharField(_("签名"), max_length=90)
    created_at = models.DateTimeField(_("生成时间"), auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = _("账本日根")
        ordering = ["-on"]

    def __str__(self):
        return f"{self.on:%Y-%m-%d} {self.root[:12]}"
