from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import BigIntegerRangeField, IntegerRangeField, RangeOperators
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Func, Q, Value
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from achievements.models.catalogue import FRAMEWORK_LEVELS
from conversion.models.cohorts import FIRST_YEAR, LAST_YEAR, Cohorts, search_words


class ProgrammeQuerySet(models.QuerySet):
    def overlapping(self, cohorts):
        """Programmes that hold for one of these cohorts at least."""
        return self.filter(cohorts.among())


def _only(expression):
    """A range of one number, so that an index of ranges can tell whether it is the same."""
    return Func(expression, expression, Value("[]"), function="int8range", output_field=BigIntegerRangeField())


# Without an extension an exclusion constraint compares ranges only; a name is one by its hash.
NAME_HASH = Func(F("name"), Value(0), function="hashtextextended", output_field=models.BigIntegerField())
COHORTS = Func(F("cohort"), F("cohort_to"), Value("[]"), function="int4range", output_field=IntegerRangeField())


class Programme(models.Model):
    """A programme (人才培养方案) of a receiving institution for one cohort (年级) or several in a row."""

    institution = models.ForeignKey(
        "accounts.Institution", models.PROTECT, related_name="programmes", verbose_name=_("机构")
    )
    name = models.CharField(_("专业"), max_length=100)
    cohort = models.PositiveSmallIntegerField(_("最先的年级"))
    cohort_to = models.PositiveSmallIntegerField(_("最后的年级"))
    total_credits = models.DecimalField(_("毕业学分"), max_digits=5, decimal_places=1, null=True, blank=True)

    objects = ProgrammeQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = _("专业")
        ordering = ["institution", "name", "cohort"]
        constraints = [
            models.CheckConstraint(
                condition=Q(cohort__gte=FIRST_YEAR, cohort_to__lte=LAST_YEAR), name="programme_cohorts_are_years"
            ),
            models.CheckConstraint(condition=Q(cohort_to__gte=F("cohort")), name="programme_cohorts_in_order"),
            ExclusionConstraint(
                name="programme_cohorts_never_overlap",
                expressions=[
                    (_only(F("institution")), RangeOperators.EQUAL),
                    (_only(NAME_HASH), RangeOperators.EQUAL),
                    (COHORTS, RangeOperators.OVERLAPS),
                ],
                violation_error_message=_("这个专业的年级与已有的重叠。"),
            ),
        ]

    def __str__(self):
        return f"{self.institution}{self.cohorts}级{self.name}专业"

    @property
    def cohorts(self):
        """Its cohorts as one value, shown as 2018 or 2018—2020."""
        return Cohorts(self.cohort, self.cohort_to)


class Course(models.Model):
    """A course (or requirement) of a programme that a conversion can fill."""

    class Nature(models.TextChoices):
        REQUIRED = "required", _("必修")
        ELECTIVE = "elective", _("选修")
        REQUIREMENT = "requirement", _("毕业要求")

    programme = models.ForeignKey(Programme, models.PROTECT, related_name="courses", verbose_name=_("专业"))
    code = models.CharField(_("课程代码"), max_length=30)
    name = models.CharField(_("课程名称"), max_length=100)
    credits = models.DecimalField(_("学分"), max_digits=5, decimal_places=1)
    nature = models.CharField(_("课程性质"), max_length=20, choices=Nature, default=Nature.REQUIRED)

    class Meta:
        verbose_name = verbose_name_plural = _("课程")
        ordering = ["programme", "code"]
        constraints = [models.UniqueConstraint(fields=["programme", "code"], name="course_code_once_per_programme")]

    def __str__(self):
        return self.name


class ConversionRuleQuerySet(models.QuerySet):
    def kept_by(self, user):
        """The rules that somebody of the staff keeps: his institution's, at the centre every one."""
        if user.belongs_to_centre:
            return self
        return self.filter(institution=user.institution_id) if user.is_staff else self.none()


class ConversionRule(models.Model):
    """转换规则: what stays the same over its versions."""

    class Kind(models.TextChoices):
        CONVERSION = "conversion", _("成果转换")
        PERFORMANCE = "performance", _("业绩类成果转换")

    code = models.CharField(_("规则编号"), max_length=30, unique=True)
    title = models.CharField(_("规则名称"), max_length=300)
    kind = models.CharField(_("规则种类"), max_length=20, choices=Kind, default=Kind.CONVERSION)
    institution = models.ForeignKey(
        "accounts.Institution", models.PROTECT, related_name="conversion_rules", verbose_name=_("接收机构")
    )
    copied_from = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, editable=False, related_name="copies", verbose_name=_("复制自")
    )
    created_at = models.DateTimeField(_("创建时间"), auto_now_add=True)

    objects = ConversionRuleQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = _("转换规则")
        ordering = ["code"]

    def __str__(self):
        return self.title


class RuleVersionQuerySet(models.QuerySet):
    def in_force(self, on=None):
        """Published versions that can be used on a day; a version that the obtained date selects, on any day."""
        on = on or timezone.localdate()
        is_valid = Q(valid_from__lte=on) & (Q(valid_to__isnull=True) | Q(valid_to__gte=on))
        by_obtained = Q(version_selected_by=RuleVersion.SelectedBy.OBTAINED)
        return self.filter(is_valid | by_obtained, status=RuleVersion.Status.PUBLISHED)

    def binding(self):
        """Versions that have been agreed on and not retired: what they convert into doesn't change."""
        return self.filter(status__in=[RuleVersion.Status.PUBLISHED, RuleVersion.Status.SUSPENDED])

    def search(self, text):
        """Versions whose title, code, institution, programme, cohorts or course (its code too) every word names."""
        rows = self
        for word, cohorts in search_words(text):
            found = (
                Q(rule__title__icontains=word)
                | Q(rule__code__iexact=word)
                | Q(rule__institution__name__icontains=word)
                | Q(course__programme__name__icontains=word)
                | Q(course__name__icontains=word)
                | Q(course__code__iexact=word)
            )
            rows = rows.filter(found | cohorts.among("course__programme__") if cohorts else found)
        return rows

    def with_target(self):
        return self.select_related("rule", "course__programme__institution")

    def with_sources(self):
        """With all that the engine reads of a version, in three queries."""
        sources = RuleSource.objects.select_related("entry__institution")
        return self.prefetch_related(models.Prefetch("groups__sources", sources), "exclusivity_groups")


class RuleVersion(models.Model):
    """What a rule asks for and gives, unchangeable once published; applications freeze one version."""

    class Status(models.TextChoices):
        DRAFT = "draft", _("草稿")
        PUBLISHED = "published", _("已发布")
        SUSPENDED = "suspended", _("已暂停")
        RETIRED = "retired", _("已停用")

    class Outcome(models.TextChoices):
        WAIVED = "waived", _("免修")
        EXAM_FREE = "exam_free", _("免考")
        ATTENDANCE_FREE = "attendance_free", _("免听")
        SUBSTITUTED = "substituted", _("学分替代")

    class ScorePolicy(models.TextChoices):
        CARRY = "carry", _("沿用原成绩")
        MEAN = "mean", _("取各成果成绩的平均")
        FIXED = "fixed", _("固定成绩")
        PASS = "pass", _("记为合格")

    class UsePolicy(models.TextChoices):
        ONCE = "once", _("一名学习者只能按本规则转换一次")
        REPEATABLE = "repeatable", _("可用不同成果多次转换")

    class SelectedBy(models.TextChoices):
        SUBMISSION = "submission", _("提交时在有效期内")
        OBTAINED = "obtained", _("成果取得时间在有效期内")

    rule = models.ForeignKey(ConversionRule, models.PROTECT, related_name="versions", verbose_name=_("转换规则"))
    number = models.PositiveSmallIntegerField(_("版本"))
    status = models.CharField(_("状态"), max_length=10, choices=Status, default=Status.DRAFT)
    course = models.ForeignKey(Course, models.PROTECT, related_name="rule_versions", verbose_name=_("目标课程"))
    achievement_type = models.ForeignKey(
        "achievements.AchievementType",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("业绩类型"),
        help_text=_("仅业绩类规则:适用的成果类型"),
    )
    outcome = models.CharField(_("转换结果"), max_length=20, choices=Outcome)
    credits = models.DecimalField(_("转换学分"), max_digits=5, decimal_places=1)
    score_policy = models.CharField(_("成绩办法"), max_length=10, choices=ScorePolicy, default=ScorePolicy.PASS)
    fixed_score = models.CharField(_("固定成绩"), max_length=20, blank=True)
    use_policy = models.CharField(_("使用次数"), max_length=12, choices=UsePolicy, default=UsePolicy.ONCE)
    fills_course_once = models.BooleanField(
        _("目标课程只能转换一次"), default=True, help_text=_("选修学分等可以多次转换的课程请取消勾选")
    )
    exclusivity_groups = models.ManyToManyField(
        "conversion.ExclusivityGroup", blank=True, related_name="versions", verbose_name=_("互斥组")
    )
    policy_category = models.ForeignKey(
        "conversion.PolicyCategory",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("政策类别"),
        help_text=_("转换上限按它区分"),
    )
    policy_basis = models.CharField(_("政策依据"), max_length=200, blank=True)
    version_selected_by = models.CharField(
        _("有效期的含义"), max_length=12, choices=SelectedBy, default=SelectedBy.SUBMISSION
    )
    valid_from = models.DateField(_("生效日期"))
    valid_to = models.DateField(_("失效日期"), null=True, blank=True)
    drafted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("起草人")
    )
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("发布人")
    )
    published_at = models.DateTimeField(_("发布时间"), null=True, blank=True)

    objects = RuleVersionQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = _("规则版本")
        ordering = ["rule", "number"]
        permissions = [("publish_ruleversion", _("发布规则版本"))]
        constraints = [
            models.UniqueConstraint(fields=["rule", "number"], name="version_number_once_per_rule"),
            models.UniqueConstraint(
                fields=["rule"], condition=Q(status="published"), name="one_published_version_per_rule"
            ),
            models.UniqueConstraint(fields=["rule"], condition=Q(status="draft"), name="one_draft_per_rule"),
            models.CheckConstraint(condition=Q(credits__gte=0), name="version_credits_not_negative"),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="version_ends_after_it_begins",
                violation_error_message=_("失效日期不能早于生效日期。"),
            ),
            models.CheckConstraint(
                condition=~Q(score_policy="fixed") | ~Q(fixed_score=""),
                name="fixed_score_is_stated",
                violation_error_message=_("请填写固定成绩。"),
            ),
            models.CheckConstraint(
                condition=Q(status="draft") | Q(published_by__isnull=False, published_at__isnull=False),
                name="published_version_names_its_publisher",
            ),
            models.CheckConstraint(
                condition=Q(published_by__isnull=True) | Q(drafted_by__isnull=True) | ~Q(published_by=F("drafted_by")),
                name="publishing_takes_two_people",
                violation_error_message=_("起草人不能发布自己的规则。"),
            ),
        ]

    def __str__(self):
        return f"{self.rule.title} 第{self.number}版"

    def get_absolute_url(self):
        return reverse("conversion:rule_detail", args=[self.rule_id])

    @property
    def starts_later(self):
        """Whether nobody can apply under it today, however soon it is published."""
        by_submission = self.version_selected_by == self.SelectedBy.SUBMISSION
        return by_submission and self.valid_from > timezone.localdate()


class RuleGroup(models.Model):
    """One AND-part of a version: `choose` of its sources are needed."""

    version = models.ForeignKey(RuleVersion, models.CASCADE, related_name="groups", verbose_name=_("规则版本"))
    position = models.PositiveSmallIntegerField(_("次序"), default=1)
    choose = models.PositiveSmallIntegerField(_("需要几项"), default=1)

    class Meta:
        verbose_name = verbose_name_plural = _("成果组")
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["version", "position"], name="group_position_once_per_version"),
            models.CheckConstraint(condition=Q(choose__gte=1), name="group_needs_at_least_one"),
        ]

    def __str__(self):
        return f"{self.version} #{self.position}"


LONGEST_AGE = 1200  # months: further back there is no calendar to count in


class RuleSource(models.Model):
    """A catalogue entry that can stand in a group, and what an achievement of it must fulfil."""

    group = models.ForeignKey(RuleGroup, models.CASCADE, related_name="sources", verbose_name=_("成果组"))
    entry = models.ForeignKey(
        "achievements.CatalogueEntry", models.PROTECT, related_name="rule_sources", verbose_name=_("名录成果")
    )
    min_score = models.DecimalField(_("最低成绩"), max_digits=6, decimal_places=2, null=True, blank=True)
    min_framework_level = models.PositiveSmallIntegerField(_("最低资历框架等级"), null=True, blank=True)
    obtained_from = models.DateField(_("取得时间不早于"), null=True, blank=True)
    obtained_to = models.DateField(_("取得时间不晚于"), null=True, blank=True)
    max_age_months = models.PositiveSmallIntegerField(_("取得后多少个月内有效"), null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = _("来源成果")
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["group", "entry"], name="entry_once_per_group")]

    def __str__(self):
        return self.entry.name

    def clean(self):
        """Thresholds that no achievement can meet; also asked by imports and before a publication."""
        if self.obtained_from and self.obtained_to and self.obtained_from > self.obtained_to:
            raise ValidationError({"obtained_to": _("“不晚于”不能早于“不早于”。")})
        lowest, highest = FRAMEWORK_LEVELS
        if self.min_framework_level is not None and not lowest <= self.min_framework_level <= highest:
            words = {"lowest": lowest, "highest": highest}
            raise ValidationError({"min_framework_level": _("资历框架等级应在%(lowest)d到%(highest)d之间。") % words})
        if self.max_age_months is not None and self.max_age_months > LONGEST_AGE:
            raise ValidationError({"max_age_months": _("最多%d个月;没有期限请留空。") % LONGEST_AGE})
