from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession, BaseSessionManager
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from vault.digests import keyed_digest


class SignInSessionQuerySet(models.QuerySet):
    def live(self):
        return self.filter(expire_date__gt=timezone.now())

    def others(self, session_key):
        """All but the session of that key."""
        return self.exclude(pk=SignInSession.digest_of(session_key))


class SignInSession(AbstractBaseSession):
    """A visitor's session, and whose it is: deleting the row ends the session at the next request.

    `session_key` is a keyed digest, so that nobody signs in with what a dump holds. `expire_date` is the earlier of
    the idle and the absolute limit; `accounts.sessions` moves it while the session is in use.
    """

    session_key = models.CharField(_("会话摘要"), max_length=64, primary_key=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="sessions", verbose_name=_("账号")
    )
    signed_in_at = models.DateTimeField(_("登录时间"), null=True)
    last_seen_at = models.DateTimeField(_("最近使用"))
    address = models.CharField(_("网络地址"), max_length=45, blank=True)
    device = models.CharField(_("设备"), max_length=60, blank=True)

    objects = BaseSessionManager.from_queryset(SignInSessionQuerySet)()

    class Meta:
        verbose_name = verbose_name_plural = _("登录会话")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(user=None) | models.Q(signed_in_at__isnull=False),
                name="session_of_a_user_has_a_sign_in",
            ),
        ]

    def __str__(self):
        return self.device

    @staticmethod
    def digest_of(session_key):
        return keyed_digest("session", session_key)

    @classmethod
    def get_session_store_class(cls):
        from accounts.sessions import SessionStore  # stands above the models

        return SessionStore

    def belong_to(self, user_id, sign_in):
        """Take over what was noted at the sign-in, and its limits."""
        self.user_id = user_id
        self.signed_in_at = datetime.fromtimestamp(sign_in["at"], UTC)
        self.address, self.device = sign_in["address"], sign_in["device"]
        self.expire_date = end_of(sign_in, self.last_seen_at)


def end_of(sign_in, last_seen_at):
    """When a session ends that isn't used any more: idle, or 12 hours after the sign-in."""
    absolute = datetime.fromtimestamp(sign_in["at"], UTC) + timedelta(seconds=settings.SESSION_COOKIE_AGE)
    return min(absolute, last_seen_at + timedelta(seconds=sign_in["idle"]))
