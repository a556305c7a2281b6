from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.totp import step_of
from vault.digests import keyed_digest
from vault.fields import EncryptedTextField


class StaffTotp(models.Model):
    """The authenticator app a member of staff has set up: the second factor at sign-in."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="totp", verbose_name=_("账号"))
    secret = EncryptedTextField(_("密钥"))
    last_step = models.BigIntegerField(_("最近用过的时间步"), help_text=_("用过的动态码不能再用"))
    confirmed_at = models.DateTimeField(_("绑定时间"), auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = _("身份验证器")

    def use(self, code):
        """Tell whether the code is right now and was not used before; it works once, also in parallel."""
        step = step_of(self.secret, code, after=self.last_step)
        if step is None:
            return False
        return bool(type(self).objects.filter(pk=self.pk, last_step__lt=step).update(last_step=step))


class RecoveryCode(models.Model):
    """A single-use code in place of the authenticator app; only its keyed digest is stored."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="recovery_codes", verbose_name=_("账号")
    )
    digest = models.CharField(_("恢复码摘要"), max_length=64, unique=True, editable=False)
    used_at = models.DateTimeField(_("使用时间"), null=True)

    class Meta:
        verbose_name = verbose_name_plural = _("恢复码")

    @staticmethod
    def digest_of(user, code):
        return keyed_digest("recovery-code", f"{user.pk}|{code}")

    @classmethod
    def use(cls, user, code):
        """Use up the account's code with that text; tell whether it still was unused."""
        return bool(cls.objects.filter(digest=cls.digest_of(user, code), used_at=None).update(used_at=Now()))
