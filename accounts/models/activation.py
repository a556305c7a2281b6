from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from vault.digests import keyed_digest


class ActivationCode(models.Model):
    """A single-use code (激活码, 65 bits) by which somebody vouches for a person.

    For an `enrolment` it binds a person on a roster who has no account yet; for an `account` it gives one back whose
    phone and password are lost (only a 人工核对 issues those). Only its keyed digest is stored: the text is told once.
    """

    enrolment = models.ForeignKey(
        "accounts.Enrolment",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="activation_codes",
        verbose_name=_("学籍"),
    )
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="activation_codes",
        verbose_name=_("要找回的账号"),
    )
    digest = models.CharField(_("激活码摘要"), max_length=64, unique=True, editable=False)
    issued_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("签发人"))
    issued_at = models.DateTimeField(_("签发时间"), auto_now_add=True)
    expires_at = models.DateTimeField(_("失效时间"))
    used_at = models.DateTimeField(_("使用时间"), null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = _("激活码")
        constraints = [
            # A new code replaces the old one, so that a lost sheet can be made worthless.
            models.UniqueConstraint(
                fields=["enrolment"], condition=Q(used_at=None), name="one_open_activation_code_per_enrolment"
            ),
            models.UniqueConstraint(
                fields=["account"], condition=Q(used_at=None), name="one_open_activation_code_per_account"
            ),
            models.CheckConstraint(
                condition=Q(enrolment__isnull=False, account__isnull=True)
                | Q(enrolment__isnull=True, account__isnull=False),
                name="activation_code_is_for_an_enrolment_or_an_account",
            ),
        ]

    def __str__(self):
        return f"{self.enrolment_id or self.account_id}"

    @staticmethod
    def digest_of(code):
        return keyed_digest("activation-code", code)

    @classmethod
    def find_open(cls, code):
        """The unused code with that text, or None."""
        return cls.objects.filter(digest=cls.digest_of(code), used_at=None, expires_at__gt=Now()).first()

    @property
    def learner_id(self):
        return self.enrolment.learner_id if self.enrolment else self.account.learner_id

    def use(self):
        """Use it up; tell whether it still was open."""
        return bool(type(self).objects.filter(pk=self.pk, used_at=None, expires_at__gt=Now()).update(used_at=Now()))
