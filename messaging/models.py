import json
from datetime import timedelta

from django.conf import settings
from django.db import connection, models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from messaging.wording import compose
from vault.fields import EncryptedTextField


class SmsQuerySet(models.QuerySet):
    def due(self):
        """Messages that wait to be handed to a provider now."""
        return self.filter(status=SmsMessage.Status.CREATED, next_attempt_at__lte=Now(), give_up_at__gt=Now())

    def finished(self):
        return self.filter(status__in=[SmsMessage.Status.SENT, SmsMessage.Status.FAILED])

    def given_up(self):
        """Messages nobody has accepted in time."""
        return self.filter(status=SmsMessage.Status.CREATED, give_up_at__lte=Now())

    def abandoned(self):
        """Messages left in `sending` for longer than any task may run: by a process that died."""
        dead = Now() - timedelta(seconds=settings.SMS_SENDING_SECONDS)
        return self.filter(status=SmsMessage.Status.SENDING, claimed_at__lte=dead)


class SmsMessage(models.Model):
    """Outbox row of one SMS, written in the transaction that needs it; erased of its parameters once finished."""

    class Status(models.TextChoices):
        CREATED = "created", _("待发送")
        SENDING = "sending", _("发送中")
        SENT = "sent", _("已发送")
        FAILED = "failed", _("发送失败")

    purpose = models.CharField(_("用途"), max_length=20)
    phone = models.CharField(_("手机号码"), max_length=20)
    sealed_parameters = EncryptedTextField(_("参数"), null=True, editable=False)
    status = models.CharField(_("状态"), max_length=10, choices=Status, default=Status.CREATED)
    attempts = models.PositiveSmallIntegerField(_("尝试次数"), default=0)
    failure = models.CharField(_("失败原因"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("创建时间"), auto_now_add=True)
    next_attempt_at = models.DateTimeField(_("下次尝试时间"), db_default=Now())
    claimed_at = models.DateTimeField(_("开始发送时间"), null=True, blank=True)
    give_up_at = models.DateTimeField(_("放弃时间"))
    sent_at = models.DateTimeField(_("发送时间"), null=True, blank=True)

    objects = SmsQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = _("短信")
        ordering = ["-pk"]
        indexes = [
            models.Index(
                fields=["next_attempt_at"], condition=Q(status__in=["created", "sending"]), name="sms_waiting"
            ),
            models.Index(
                fields=["created_at"],
                condition=Q(status__in=["sent", "failed"]) & ~Q(phone=""),
                name="sms_finished_with_phone",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["created", "sending"]) | Q(sealed_parameters__isnull=True),
                name="finished_sms_has_no_text",
            ),
        ]

    def __str__(self):
        return f"{self.purpose} {self.pk}"

    @property
    def parameters(self):
        """What the wording is filled with; None once the message is finished."""
        return None if self.sealed_parameters is None else json.loads(self.sealed_parameters)

    @property
    def text(self):
        """What the phone shows; None once the message is finished."""
        return None if self.sealed_parameters is None else compose(self.purpose, self.parameters)

    def claim(self):
        """Move created → sending; only one of several senders gets it."""
        rows = type(self).objects.due().filter(pk=self.pk)
        return bool(rows.update(status=self.Status.SENDING, attempts=F("attempts") + 1, claimed_at=Now()))

    def _leave_sending(self, **changes):
        type(self).objects.filter(pk=self.pk, status=self.Status.SENDING).update(**changes)

    def mark_sent(self):
        self._leave_sending(status=self.Status.SENT, sealed_parameters=None, sent_at=Now(), failure="")

    def mark_failed(self, failure):
        self._leave_sending(status=self.Status.FAILED, sealed_parameters=None, failure=failure[:200])

    def retry_in(self, seconds, failure):
        """Go back to created: the provider surely did not accept."""
        again = Now() + timedelta(seconds=seconds)
        self._leave_sending(status=self.Status.CREATED, next_attempt_at=again, failure=failure[:200])


class SmsAttempt(models.Model):
    """One call to one provider, for operators: no phone, no text."""

    class Outcome(models.TextChoices):
        CALLING = "calling", _("进行中")
        ACCEPTED = "accepted", _("已接收")
        NOT_ACCEPTED = "not_accepted", _("未接收")
        REFUSED = "refused", _("拒绝")
        UNKNOWN = "unknown", _("结果不明")

    message = models.ForeignKey(
        SmsMessage, models.CASCADE, related_name="calls", verbose_name=_("短信"), db_index=False
    )
    number = models.PositiveSmallIntegerField(_("第几次"))
    provider = models.CharField(_("服务商"), max_length=20)
    started_at = models.DateTimeField(_("开始时间"))
    finished_at = models.DateTimeField(_("结束时间"), null=True, blank=True)
    outcome = models.CharField(_("结果"), max_length=12, choices=Outcome, default=Outcome.CALLING)
    detail = models.CharField(_("服务商答复"), max_length=200, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = _("短信发送记录")
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["message", "number"], name="one_call_per_sms_attempt")]

    def __str__(self):
        return f"{self.message_id}/{self.number} {self.provider}"

    def finish(self, outcome, detail):
        type(self).objects.filter(pk=self.pk, outcome=self.Outcome.CALLING).update(
            outcome=outcome, detail=detail[:200], finished_at=Now()
        )


class SmsBudget(models.Model):
    """How many SMS the site has sent on a day; the ceiling is `settings.SMS_PER_DAY`."""

    day = models.DateField(_("日期"), primary_key=True)
    sent = models.PositiveIntegerField(_("已用条数"), default=0)

    class Meta:
        verbose_name = verbose_name_plural = _("短信预算")

    @classmethod
    def spend(cls):
        """Take one SMS out of today's budget; tell whether there was one left."""
        with connection.cursor() as cursor:
            cursor.execute(
                """INSERT INTO messaging_smsbudget AS kept (day, sent) VALUES (current_date, 1)
                ON CONFLICT (day) DO UPDATE SET sent = kept.sent + 1 WHERE kept.sent < %s RETURNING 1""",
                [settings.SMS_PER_DAY],
            )
            return cursor.fetchone() is not None


class LocalSms(models.Model):
    """What the local gateway "sent": shown on a page that exists in development only."""

    phone = models.CharField(_("手机号码"), max_length=20)
    text = models.TextField(_("内容"))
    sent_at = models.DateTimeField(_("发送时间"), auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = _("本地短信")
        ordering = ["-pk"]

    def __str__(self):
        return f"{self.pk}"


class InboxMessage(models.Model):
    """A message in a person's 收件箱, written in the transaction of what it tells about."""

    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="inbox_messages", verbose_name=_("收件人")
    )
    subject = models.CharField(_("标题"), max_length=200)
    body = models.TextField(_("内容"))
    link = models.CharField(_("相关页面"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("时间"), auto_now_add=True)
    read_at = models.DateTimeField(_("阅读时间"), null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = _("收件箱消息")
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["recipient"], condition=Q(read_at=None), name="inbox_unread"),
            models.Index(fields=["recipient", "-created_at"], name="inbox_by_time"),
        ]

    def __str__(self):
        return self.subject

    @staticmethod
    def unread_by(user_id):
        """How many messages a person has not read: asked by every page, hence without the ORM's spelling."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM messaging_inboxmessage WHERE recipient_id = %s AND read_at IS NULL", [user_id]
            )
            return cursor.fetchone()[0]
