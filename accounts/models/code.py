from django.conf import settings
from django.db import models
from django.db.models import F
from django.db.models.functions import Now
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_lazy as _

from vault.digests import keyed_digest


class VerificationCode(models.Model):
    """The one live SMS code of a purpose, phone and flow (one visitor's run through one form)."""

    class Purpose(models.TextChoices):
        REGISTER = "register", _("注册")
        RESET = "reset", _("找回密码")
        ACTIVATE = "activate", _("激活账号")
        PHONE = "phone", _("更换手机号码")

    purpose = models.CharField(_("用途"), max_length=20, choices=Purpose)
    phone = models.CharField(_("手机号码"), max_length=20)
    flow = models.CharField(_("流程"), max_length=64)
    digest = models.CharField(_("验证码摘要"), max_length=64)
    attempts_left = models.PositiveSmallIntegerField(_("剩余次数"), default=settings.CODE_ATTEMPTS)
    expires_at = models.DateTimeField(_("失效时间"))
    used_at = models.DateTimeField(_("使用时间"), null=True)

    class Meta:
        verbose_name = verbose_name_plural = _("短信验证码")
        constraints = [
            models.UniqueConstraint(fields=["purpose", "phone", "flow"], name="one_code_per_purpose_phone_flow"),
        ]

    @staticmethod
    def digest_of(purpose, phone, flow, code):
        return keyed_digest("sms-code", "|".join([purpose, phone, flow, code]))

    def check_code(self, code):
        """Spend one attempt, then compare. Parallel guesses can't share an attempt; a right code works once."""
        mine = type(self).objects.filter(pk=self.pk, digest=self.digest)
        live = mine.filter(attempts_left__gt=0, expires_at__gt=Now(), used_at=None)
        if not live.update(attempts_left=F("attempts_left") - 1):
            return False
        if not constant_time_compare(self.digest, self.digest_of(self.purpose, self.phone, self.flow, code)):
            return False
        return bool(mine.filter(used_at=None).update(used_at=Now()))
