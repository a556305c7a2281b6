from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


class InvalidTransitionError(Exception):
    """The case isn't (or is no longer) in a state that allows the action."""


class Kind(models.TextChoices):
    RECOGNITION = "recognition", _("认定")
    CONVERSION = "conversion", _("转换")
    PERFORMANCE = "performance", _("业绩类转换")


class Status(models.TextChoices):
    SUBMITTED = "submitted", _("待初审")
    RETURNED = "returned", _("退回补充材料")
    FIRST_APPROVED = "first_approved", _("初审通过,待终审")
    APPROVED = "approved", _("已通过")
    REJECTED = "rejected", _("不予通过")
    WITHDRAWN = "withdrawn", _("已撤回")
    REVOKED = "revoked", _("已撤销")


class Action(models.TextChoices):
    SUBMIT = "submit", _("提交申请")
    WITHDRAW = "withdraw", _("撤回申请")
    RETURN = "return", _("退回补充材料")
    RESUBMIT = "resubmit", _("补充后重新提交")
    FIRST_APPROVE = "first_approve", _("初审通过")
    FIRST_REJECT = "first_reject", _("初审不予通过")
    FINAL_APPROVE = "final_approve", _("终审通过")
    FINAL_REJECT = "final_reject", _("终审不予通过")


# These release the achievement for the rule; an approved application stays live until it is revoked.
DEAD = [Status.REJECTED, Status.WITHDRAWN, Status.REVOKED]
UNDER_REVIEW = [Status.SUBMITTED, Status.FIRST_APPROVED]
TRANSITIONS = {  # action: (allowed states, next state)
    Action.FIRST_APPROVE: ({Status.SUBMITTED}, Status.FIRST_APPROVED),
    Action.FIRST_REJECT: ({Status.SUBMITTED}, Status.REJECTED),
    Action.FINAL_APPROVE: ({Status.FIRST_APPROVED}, Status.APPROVED),
    Action.FINAL_REJECT: ({Status.FIRST_APPROVED}, Status.REJECTED),
    Action.RETURN: ({Status.SUBMITTED}, Status.RETURNED),
    Action.RESUBMIT: ({Status.RETURNED}, Status.SUBMITTED),
    Action.WITHDRAW: ({Status.SUBMITTED, Status.RETURNED}, Status.WITHDRAWN),
}


class ReasonCode(models.Model):
    """Why a reviewer refused or returned a case: a list the centre keeps."""

    code = models.SlugField(_("代码"), max_length=30, unique=True)
    text = models.CharField(_("原因"), max_length=200)
    is_active = models.BooleanField(_("启用"), default=True)
    position = models.PositiveSmallIntegerField(_("次序"), default=0)

    class Meta:
        verbose_name = verbose_name_plural = _("审核原因")
        ordering = ["position", "code"]

    def __str__(self):
        return self.text


class ApplicationQuerySet(models.QuerySet):
    def of(self, user):
        return self.filter(learner__isnull=False, learner=user.learner_id)

    def live(self):
        return self.exclude(status__in=DEAD)

    def for_lists(self):
        return self.select_related(
            "learner", "receiving_institution", "rule_version__rule", "rule_version__course__programme__institution"
        )


class Application(models.Model):
    """One case of recognition, conversion or performance conversion, on its way through two reviews."""

    kind = models.CharField(_("申请种类"), max_length=20, choices=Kind)
    learner = models.ForeignKey(
        "accounts.Learner", models.PROTECT, related_name="applications", verbose_name=_("学习者")
    )
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="applications", verbose_name=_("申请人")
    )
    submission_token = models.UUIDField(_("提交标识"), unique=True, editable=False)
    status = models.CharField(_("状态"), max_length=20, choices=Status, default=Status.SUBMITTED)
    rule_version = models.ForeignKey(
        "conversion.RuleVersion",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="applications",
        verbose_name=_("规则版本"),
    )
    receiving_institution = models.ForeignKey(
        "accounts.Institution", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("接收机构")
    )
    snapshot = models.JSONField(_("提交时的快照"), default=dict)
    files = models.ManyToManyField(
        "evidence.EvidenceFile", blank=True, related_name="applications", verbose_name=_("上传的相关资料")
    )
    first_reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("初审人")
    )
    final_reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("终审人")
    )
    refusal_reason = models.ForeignKey(
        ReasonCode, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("不予通过原因")
    )
    submitted_at = models.DateTimeField(_("提交时间"), auto_now_add=True)
    waiting_since = models.DateTimeField(_("等待自"), auto_now_add=True)
    decided_at = models.DateTimeField(_("办结时间"), null=True, blank=True)

    objects = ApplicationQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = _("申请")
        ordering = ["waiting_since", "pk"]
        permissions = [
            ("first_review_application", _("初审申请")),
            ("final_review_application", _("终审申请")),
        ]
        indexes = [
            models.Index(fields=["status", "waiting_since"], name="application_queue"),
            models.Index(
                fields=["receiving_institution", "status", "waiting_since"], name="application_queue_of_unit"
            ),
            models.Index(fields=["learner", "-submitted_at"], name="application_by_learner"),
        ]
        constraints = [
            # The source rows follow the status through this key (ON UPDATE CASCADE, see the migration).
            models.UniqueConstraint(fields=["id", "status"], name="application_id_status"),
            models.CheckConstraint(condition=~Q(first_reviewer=F("final_reviewer")), name="two_different_reviewers"),
            models.CheckConstraint(
                condition=~Q(first_reviewer=F("submitted_by")) & ~Q(final_reviewer=F("submitted_by")),
                name="nobody_reviews_his_own_case",
            ),
            models.CheckConstraint(
                condition=~Q(status="rejected") | Q(refusal_reason__isnull=False), name="no_refusal_without_reason"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["approved", "revoked"])
                | Q(first_reviewer__isnull=False, final_reviewer__isnull=False),
                name="approval_takes_two_reviewers",
            ),
            models.CheckConstraint(
                condition=~Q(status="first_approved") | Q(first_reviewer__isnull=False),
                name="first_approval_names_its_reviewer",
            ),
            models.CheckConstraint(
                condition=Q(kind="conversion", rule_version__isnull=False, receiving_institution__isnull=False)
                | Q(kind="recognition", rule_version__isnull=True, receiving_institution__isnull=True)
                | Q(kind="performance", receiving_institution__isnull=False),
                name="conversion_has_target_recognition_has_none",
            ),
        ]

    def __str__(self):
        return f"{self.get_kind_display()}申请 {self.pk}"

    def get_absolute_url(self):
        return reverse("conversion:application", args=[self.pk])

    def move(self, action, **changes):
        """Apply one transition with `changes` of other columns; fail if the row has moved since it was loaded."""
        sources, target = TRANSITIONS[action]
        rows = type(self).objects.filter(pk=self.pk, status=self.status, status__in=sources)
        if not rows.update(status=target, **changes):
            raise InvalidTransitionError(action)
        self.refresh_from_db()

    def allows(self, action):
        return self.status in TRANSITIONS[action][0]

    @property
    def is_live(self):
        return self.status not in DEAD

    @property
    def certificate(self):
        """The certificate that counts, a revoked one included; None when there is none. Replaced ones don't count."""
        return self.certificates.filter(replaced_at=None).first()

    @property
    def title(self):
        """What the case is about, from the frozen snapshot."""
        return self.snapshot.get("rule", {}).get("title") or self.snapshot["sources"][0]["name"]


class ApplicationSource(models.Model):
    """An achievement that an application uses. While the application lives, no other may use it for that rule.

    `application_status` follows the application by a composite foreign key with ON UPDATE CASCADE, so raw SQL
    obeys too.
    """

    application = models.ForeignKey(Application, models.CASCADE, related_name="sources", verbose_name=_("申请"))
    application_status = models.CharField(max_length=20, choices=Status, default=Status.SUBMITTED, editable=False)
    kind = models.CharField(max_length=20, choices=Kind, editable=False)
    achievement = models.ForeignKey(
        "achievements.Achievement", models.PROTECT, related_name="application_sources", verbose_name=_("成果")
    )
    rule = models.ForeignKey(
        "conversion.ConversionRule", models.PROTECT, null=True, related_name="+", verbose_name=_("转换规则")
    )

    class Meta:
        verbose_name = verbose_name_plural = _("申请所用成果")
        constraints = [
            models.UniqueConstraint(
                fields=["achievement", "kind", "rule"],
                condition=~Q(application_status__in=["rejected", "withdrawn", "revoked"]),
                nulls_distinct=False,
                name="one_live_application_per_achievement_and_rule",
            ),
            models.UniqueConstraint(fields=["application", "achievement"], name="achievement_once_per_application"),
        ]

    def __str__(self):
        return str(self.achievement)


class ReviewRecord(models.Model):
    """One change of state of a case: numbered without gaps, hash-chained, append-only (a trigger keeps it so)."""

    application = models.ForeignKey(Application, models.PROTECT, related_name="records", verbose_name=_("申请"))
    number = models.PositiveSmallIntegerField(_("序号"))
    action = models.CharField(_("操作"), max_length=20, choices=Action)
    from_status = models.CharField(_("原状态"), max_length=20, choices=Status, blank=True)
    to_status = models.CharField(_("新状态"), max_length=20, choices=Status)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("操作人"))
    unit = models.CharField(_("办理单位"), max_length=120, blank=True)
    reason = models.ForeignKey(
        ReasonCode, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("原因")
    )
    opinion = models.TextField(_("意见"), max_length=1000, blank=True)
    # What the reviewer found out for each `ReviewCriterion`, as [{"label", "minimum", "unit", "found"}…].
    findings = models.JSONField(_("审核指标"), default=list, blank=True)
    at = models.DateTimeField(_("时间"))
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    class Meta:
        verbose_name = verbose_name_plural = _("审核记录")
        ordering = ["application", "number"]
        constraints = [
            models.UniqueConstraint(fields=["application", "number"], name="record_number_once_per_case"),
            models.CheckConstraint(
                condition=~Q(to_status__in=["rejected", "returned"]) | Q(reason__isnull=False),
                name="no_refusal_record_without_reason",
            ),
        ]

    def __str__(self):
        return f"{self.get_action_display()} {self.at:%Y-%m-%d}"
