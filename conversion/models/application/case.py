from itertools import combinations

from django.conf import settings
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from conversion.models.application.reason import ReasonCode
from conversion.models.application.states import (
    DEAD,
    DECIDED_BY,
    TRANSITIONS,
    WAITS_IN,
    Action,
    InvalidTransitionError,
    Kind,
    Status,
    Step,
)

DECIDERS = [column.removesuffix("_id") for column in DECIDED_BY.values()]


def _nobody(pairs):
    """The condition that in no pair of columns the same person stands twice."""
    condition = Q()
    for one, other in pairs:
        condition &= ~Q(**{one: F(other)})
    return condition


class ApplicationQuerySet(models.QuerySet):
    def of(self, user):
        return self.filter(learner__isnull=False, learner=user.learner_id)

    def live(self):
        return self.exclude(status__in=DEAD)

    def overdue(self):
        """Cases that wait for a reviewer who should have decided before today."""
        return self.exclude(step="").filter(due_on__lt=timezone.localdate())

    def for_lists(self):
        return self.select_related(
            "learner", "receiving_institution", "rule_version__rule", "rule_version__course__programme__institution"
        )


class Application(models.Model):
    """One case of recognition, conversion or performance conversion, on its way through its review stages."""

    kind = models.CharField(_("申请种类"), max_length=20, choices=Kind)
    learner = models.ForeignKey(
        "accounts.Learner", models.PROTECT, related_name="applications", verbose_name=_("学习者")
    )
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="applications", verbose_name=_("申请人")
    )
    submission_token = models.UUIDField(_("提交标识"), unique=True, editable=False)
    status = models.CharField(_("状态"), max_length=20, choices=Status, default=Status.SUBMITTED)
    stage_count = models.PositiveSmallIntegerField(
        _("审核级数"), default=2, editable=False, help_text=_("提交时的设置,以后不再改变")
    )
    step = models.GeneratedField(
        verbose_name=_("等待的环节"),
        expression=Case(
            When(status="appealed", then=Value("appeal")),
            When(status="submitted", stage_count=1, then=Value("final")),
            When(status="submitted", then=Value("first")),
            When(status="first_approved", stage_count=3, then=Value("second")),
            When(status__in=["first_approved", "second_approved"], then=Value("final")),
            default=Value(""),
        ),
        output_field=models.CharField(max_length=20, choices=Step),
        db_persist=True,
    )
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
    second_reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("复审人")
    )
    final_reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("终审人")
    )
    appeal_reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("申诉裁决人")
    )
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("撤销人")
    )
    refusal_reason = models.ForeignKey(
        ReasonCode, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("不予通过原因")
    )
    revocation_reason = models.ForeignKey(
        ReasonCode, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("撤销原因")
    )
    submitted_at = models.DateTimeField(_("提交时间"), auto_now_add=True)
    waiting_since = models.DateTimeField(_("等待自"), auto_now_add=True)
    due_on = models.DateField(_("应办结日期"), null=True, blank=True)
    days_used = models.PositiveSmallIntegerField(
        _("退回前已用工作日"), default=0, help_text=_("退回补充材料期间不计入办理时间")
    )
    first_decision_late = models.BooleanField(_("首次审核逾期"), default=False)
    decided_at = models.DateTimeField(_("办结时间"), null=True, blank=True)

    objects = ApplicationQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = _("申请")
        ordering = ["waiting_since", "pk"]
        permissions = [
            ("first_review_application", _("初审申请")),
            ("second_review_application", _("复审申请")),
            ("final_review_application", _("终审申请")),
            ("appeal_review_application", _("裁决申诉")),
            ("revoke_application", _("撤销已通过的申请")),
        ]
        indexes = [
            models.Index(fields=["status", "waiting_since"], name="application_queue"),
            # The queues of the centre and of an institution, longest waiting first.
            models.Index(fields=["waiting_since", "id"], condition=~Q(step=""), name="application_waiting"),
            models.Index(
                fields=["receiving_institution", "waiting_since", "id"],
                condition=~Q(step=""),
                name="application_waiting_in_unit",
            ),
            models.Index(fields=["learner", "-submitted_at"], name="application_by_learner"),
            models.Index(fields=["due_on"], condition=Q(due_on__isnull=False), name="application_due"),
        ]
        constraints = [
            # The source rows follow the status through this key (ON UPDATE CASCADE, see the migration).
            models.UniqueConstraint(fields=["id", "status"], name="application_id_status"),
            models.CheckConstraint(condition=Q(stage_count__range=(1, 3)), name="one_to_three_stages"),
            models.CheckConstraint(condition=_nobody(combinations(DECIDERS, 2)), name="nobody_decides_two_stages"),
            models.CheckConstraint(
                condition=_nobody((decider, "submitted_by") for decider in DECIDERS),
                name="nobody_reviews_his_own_case",
            ),
            models.CheckConstraint(
                condition=~Q(status="rejected") | Q(refusal_reason__isnull=False), name="no_refusal_without_reason"
            ),
            models.CheckConstraint(
                condition=~Q(status="revoked") | Q(revocation_reason__isnull=False, revoked_by__isnull=False),
                name="no_revocation_without_reason",
            ),
            # An appeal that succeeds stands in for what was refused: still another person than the one before.
            models.CheckConstraint(
                condition=~Q(status__in=["approved", "revoked"])
                | Q(final_reviewer__isnull=False, stage_count=1)
                | Q(final_reviewer__isnull=False, first_reviewer__isnull=False, stage_count=2)
                | Q(
                    final_reviewer__isnull=False,
                    second_reviewer__isnull=False,
                    first_reviewer__isnull=False,
                    stage_count=3,
                )
                | Q(
                    Q(first_reviewer__isnull=False) | Q(final_reviewer__isnull=False),
                    appeal_reviewer__isnull=False,
                    refusal_reason__isnull=False,
                ),
                name="approval_passes_every_stage",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["first_approved", "second_approved"]) | Q(first_reviewer__isnull=False),
                name="first_approval_names_its_reviewer",
            ),
            models.CheckConstraint(
                condition=~Q(status="second_approved") | Q(second_reviewer__isnull=False),
                name="second_approval_names_its_reviewer",
            ),
            models.CheckConstraint(
                condition=~Q(status="withdrawn") | Q(first_reviewer__isnull=True, final_reviewer__isnull=True),
                name="withdrawn_before_the_first_decision",
            ),
            models.CheckConstraint(
                condition=~Q(status="appealed") | Q(appeal_reviewer__isnull=True, refusal_reason__isnull=False),
                name="one_appeal_of_a_refusal",
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

    @property
    def transitions(self):
        """{action: (allowed states, next state)} for the number of stages the case was submitted under."""
        return TRANSITIONS[self.stage_count]

    def move(self, action, **changes):
        """Apply one transition with `changes` of other columns; fail if the row has moved since it was loaded."""
        if not self.allows(action):
            raise InvalidTransitionError(action)
        rows = type(self).objects.filter(pk=self.pk, status=self.status, waiting_since=self.waiting_since)
        if not rows.update(status=self.after(action), **changes):
            raise InvalidTransitionError(action)
        self.refresh_from_db()

    def allows(self, action):
        """Whether the state of the case allows an action; once a stage has approved, nothing is withdrawn."""
        allowed = action in self.transitions and self.status in self.transitions[action][0]
        return allowed and not (action == Action.WITHDRAW and self.first_reviewer_id)

    def after(self, action):
        """The state an action leads to; material goes to the stage that asked for it, the first not yet decided."""
        if action != Action.RESUBMIT:
            return self.transitions[action][1]
        waits_in = WAITS_IN[self.stage_count].items()
        open_stages = (state for step, state in waits_in if getattr(self, DECIDED_BY[step]) is None)
        return next(open_stages, Status.SUBMITTED)

    @property
    def is_live(self):
        return self.status not in DEAD

    @property
    def successor(self):
        """The live case that has taken the place of this ended one; None while it can be applied for or appealed."""
        rule = self.rule_version.rule_id if self.rule_version else None
        of_sources = Q(sources__line__in=self.sources.values("line"), sources__kind=self.kind, sources__rule=rule)
        of_keys = Q(exclusive_uses__key__in=self.exclusive_uses.values("key"))
        rivals = type(self).objects.live().filter(of_sources | of_keys, learner=self.learner_id)
        return rivals.exclude(pk=self.pk).order_by("-pk").first()

    @property
    def certificate(self):
        """The certificate that counts, a revoked one included; None when there is none. Replaced ones don't count."""
        return self.certificates.filter(replaced_at=None).first()

    @property
    def is_overdue(self):
        """Whether a reviewer should have decided before today."""
        return bool(self.step and self.due_on and self.due_on < timezone.localdate())

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
    # The achievement, all its versions alike; a recognition is of one version. A trigger writes it.
    line = models.BigIntegerField(editable=False, default=0)
    rule = models.ForeignKey(
        "conversion.ConversionRule", models.PROTECT, null=True, related_name="+", verbose_name=_("转换规则")
    )

    class Meta:
        verbose_name = verbose_name_plural = _("申请所用成果")
        constraints = [
            models.UniqueConstraint(
                fields=["line", "kind", "rule"],
                condition=~Q(application_status__in=["rejected", "withdrawn", "revoked"]),
                nulls_distinct=False,
                name="one_live_application_per_achievement_and_rule",
            ),
            models.UniqueConstraint(fields=["application", "achievement"], name="achievement_once_per_application"),
        ]

    def __str__(self):
        return str(self.achievement)
