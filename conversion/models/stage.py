from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from conversion.models.application import Kind, Step


class ReviewStage(models.Model):
    """How one kind of application is reviewed at one step: by whom, and within how many business days.

    A review has the active ones of 初审, 复审 and 终审, in this order; the last is always there. A case keeps the
    number of stages it was submitted under. A step without a row is as in `conversion.stages`.
    """

    class Owner(models.TextChoices):
        INSTITUTION = "institution", _("接收机构")
        CENTRE = "centre", _("管理中心")

    class Right(models.TextChoices):
        FIRST = "first_review_application", _("初审申请")
        SECOND = "second_review_application", _("复审申请")
        FINAL = "final_review_application", _("终审申请")
        APPEAL = "appeal_review_application", _("裁决申诉")

    kind = models.CharField(_("申请种类"), max_length=20, choices=Kind)
    step = models.CharField(_("环节"), max_length=20, choices=Step)
    name = models.CharField(_("名称"), max_length=20)
    owner = models.CharField(_("由谁审核"), max_length=20, choices=Owner)
    permission = models.CharField(_("所需权限"), max_length=40, choices=Right)
    due_days = models.PositiveSmallIntegerField(
        _("办理时限(工作日)"), validators=[MinValueValidator(1), MaxValueValidator(250)]
    )
    is_active = models.BooleanField(_("启用"), default=True)

    class Meta:
        verbose_name = verbose_name_plural = _("审核环节")
        ordering = ["kind", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "step"], name="step_once_per_kind"),
            models.CheckConstraint(condition=Q(due_days__range=(1, 250)), name="stage_has_days"),
            models.CheckConstraint(
                condition=Q(is_active=True) | Q(step__in=["first", "second"]),
                name="final_stage_and_appeal_always_exist",
                violation_error_message=_("终审和申诉裁决不能停用。"),
            ),
            models.CheckConstraint(
                condition=~Q(kind="recognition", owner="institution"),
                name="recognition_belongs_to_the_centre",
                violation_error_message=_("认定没有接收机构,只能由管理中心审核。"),
            ),
        ]

    def __str__(self):
        return f"{self.get_kind_display()} · {self.name}"

    def reviewers(self):
        """Who holds the right of this stage and works on its side, superusers left aside."""
        is_centre = self.owner == self.Owner.CENTRE
        staff = get_user_model().objects.filter(is_active=True, is_staff=True, institution__isnull=is_centre)
        right = {"codename": self.permission, "content_type__app_label": "conversion"}
        rights = Permission.objects.filter(**right)
        return staff.filter(Q(groups__permissions__in=rights) | Q(user_permissions__in=rights))

    def may_belong_to(self, user):
        """Whether a staff member works for the side that reviews here: an institution (which one, the case says)."""
        return user.belongs_to_centre if self.owner == self.Owner.CENTRE else user.institution_id is not None

    def clean(self):
        others = ReviewStage.objects.filter(kind=self.kind).exclude(pk=self.pk)
        if self.step == Step.SECOND and self.is_active and others.filter(step=Step.FIRST, is_active=False).exists():
            raise ValidationError({"is_active": _("启用复审须先启用初审。")})
        if self.step == Step.FIRST and not self.is_active and others.filter(step=Step.SECOND, is_active=True).exists():
            raise ValidationError({"is_active": _("停用初审须先停用复审。")})


class CalendarDay(models.Model):
    """A weekday that is a holiday (节假日), or a day of the weekend that is worked (调休)."""

    day = models.DateField(_("日期"), unique=True)
    is_workday = models.BooleanField(_("上班"), default=False, help_text=_("调休上班日勾选;节假日不勾选"))
    name = models.CharField(_("说明"), max_length=60, blank=True)
    source = models.CharField(_("依据"), max_length=200, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = _("工作日历")
        ordering = ["day"]

    def __str__(self):
        return f"{self.day} {self.name}"


class ReviewerDocument(models.Model):
    """The keyed digest of a staff member's own document number: nobody reviews what he applied for as a learner.

    One account per number, so that a person can't decide two stages under two names.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="reviewer_document", verbose_name=_("工作人员")
    )
    document_digest = models.CharField(
        _("证件号码摘要"),
        max_length=64,
        unique=True,
        editable=False,
        error_messages={"unique": _("这个证件号码已登记在另一个工作账号上。")},
    )
    recorded_at = models.DateTimeField(_("登记时间"), auto_now=True)

    class Meta:
        verbose_name = verbose_name_plural = _("审核人员证件登记")
        ordering = ["user"]

    def __str__(self):
        return str(self.user)
