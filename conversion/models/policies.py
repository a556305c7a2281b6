"""What limits the use of rules beyond their sources: exclusivity, caps, and the places that live cases occupy."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class PolicyCategory(models.Model):
    """政策类别: what caps tell rules apart by, beside the nature of the course (在线课程, X证书, 竞赛 …)."""

    code = models.SlugField(_("代码"), max_length=30, unique=True)
    name = models.CharField(_("名称"), max_length=60)

    class Meta:
        verbose_name = verbose_name_plural = _("政策类别")
        ordering = ["code"]

    def __str__(self):
        return self.name


class ExclusivityGroup(models.Model):
    """互斥组: of the rules in it, a learner (or one of his achievements) can use a single one."""

    class Scope(models.TextChoices):
        LEARNER = "learner", _("每名学习者只能使用组内一条规则")
        ACHIEVEMENT = "achievement", _("每项成果只能用于组内一条规则")

    code = models.SlugField(_("代码"), max_length=30, unique=True)
    name = models.CharField(_("名称"), max_length=100)
    institution = models.ForeignKey(
        "accounts.Institution",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="exclusivity_groups",
        verbose_name=_("机构"),
        help_text=_("留空表示由管理中心维护"),
    )
    scope = models.CharField(_("范围"), max_length=12, choices=Scope, default=Scope.LEARNER)

    class Meta:
        verbose_name = verbose_name_plural = _("互斥组")
        ordering = ["code"]

    def __str__(self):
        return self.name


class ConversionCapQuerySet(models.QuerySet):
    def in_force(self, on):
        return self.filter(Q(valid_from__lte=on), Q(valid_to__isnull=True) | Q(valid_to__gte=on))


class ConversionCap(models.Model):
    """转换上限 of an institution: how much of a programme a learner can fill by conversion.

    An empty programme, category or nature means all of them. What counts are a learner's live and approved
    conversions in one programme.
    """

    class Kind(models.TextChoices):
        SHARE = "share", _("占毕业学分的百分比")
        CREDITS = "credits", _("学分")
        COUNT = "count", _("门数")

    institution = models.ForeignKey(
        "accounts.Institution", models.PROTECT, related_name="conversion_caps", verbose_name=_("机构")
    )
    programme = models.ForeignKey(
        "conversion.Programme",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="caps",
        verbose_name=_("专业"),
        help_text=_("留空表示该机构的每个专业"),
    )
    policy_category = models.ForeignKey(
        PolicyCategory, models.PROTECT, null=True, blank=True, related_name="caps", verbose_name=_("政策类别")
    )
    # The natures of `Course`; spelt here because that model stands in another file of this package.
    course_nature = models.CharField(
        _("课程性质"),
        max_length=20,
        blank=True,
        choices=[("required", _("必修")), ("elective", _("选修")), ("requirement", _("毕业要求"))],
    )
    kind = models.CharField(_("种类"), max_length=10, choices=Kind)
    value = models.DecimalField(_("上限"), max_digits=6, decimal_places=1)
    valid_from = models.DateField(_("生效日期"))
    valid_to = models.DateField(_("失效日期"), null=True, blank=True)
    policy_basis = models.CharField(_("政策依据"), max_length=200, blank=True)

    objects = ConversionCapQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = _("转换上限")
        ordering = ["institution", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(value__gte=0), name="cap_not_negative"),
            models.CheckConstraint(condition=~Q(kind="share") | Q(value__lte=100), name="cap_share_up_to_100"),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=models.F("valid_from")),
                name="cap_ends_after_it_begins",
            ),
        ]

    def __str__(self):
        return f"{self.institution} {self.get_kind_display()} ≤ {self.value:g}"


class ExclusiveUse(models.Model):
    """A place that a live application occupies alone: a rule, a group, a course, a family's content for a course.

    `key` is written at submission from the frozen version (`rules.exclusive_keys`); `application_status` follows the
    application by a composite foreign key with ON UPDATE CASCADE, as in `ApplicationSource`.
    """

    application = models.ForeignKey(
        "conversion.Application", models.CASCADE, related_name="exclusive_uses", verbose_name=_("申请")
    )
    application_status = models.CharField(max_length=20, default="submitted", editable=False)
    learner = models.ForeignKey(
        "accounts.Learner", models.PROTECT, related_name="exclusive_uses", verbose_name=_("学习者")
    )
    key = models.CharField(_("占用"), max_length=80)

    class Meta:
        verbose_name = verbose_name_plural = _("唯一占用")
        constraints = [
            models.UniqueConstraint(
                fields=["learner", "key"],
                condition=~Q(application_status__in=["rejected", "withdrawn", "revoked"]),
                name="one_live_application_per_exclusive_use",
            ),
            models.UniqueConstraint(fields=["application", "key"], name="exclusive_use_once_per_application"),
        ]

    def __str__(self):
        return str(self.application)

    def clash_with(self, twin):
        """Why this and another person's use of the same key can't stand when the two turn out to be one."""
        cases = [f"{use.application}《{use.application.title}》" for use in (self, twin)]
        text = _("%s 占用同一条只能使用一次的规则、课程或互斥组。请先让其中一件撤回、不予通过或撤销,再合并。")
        return text % "、".join(cases)


class PublishedSource(models.Model):
    """A source of a published version with all that counting needs, flattened; triggers keep it, nobody writes it.

    Where the obtained date selects the version, the version's validity has become part of the obtained window.
    """

    entry = models.ForeignKey(
        "achievements.CatalogueEntry", models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    version = models.ForeignKey(
        "conversion.RuleVersion", models.DO_NOTHING, db_constraint=False, related_name="published_sources"
    )
    rule = models.ForeignKey(
        "conversion.ConversionRule", models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    course = models.ForeignKey(
        "conversion.Course", models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    min_score = models.DecimalField(max_digits=6, decimal_places=2, null=True)
    min_framework_level = models.PositiveSmallIntegerField(null=True)
    obtained_from = models.DateField(null=True)
    obtained_to = models.DateField(null=True)
    max_age_months = models.PositiveSmallIntegerField(null=True)
    valid_from = models.DateField(null=True)
    valid_to = models.DateField(null=True)
    is_once = models.BooleanField()
    fills_course_once = models.BooleanField()
    exclusivity_groups = ArrayField(models.BigIntegerField(), null=True)

    class Meta:
        verbose_name = verbose_name_plural = _("已发布的来源成果")
        indexes = [
            models.Index(
                fields=["entry", "version"],
                include=[
                    "rule",
                    "course",
                    "min_score",
                    "min_framework_level",
                    "obtained_from",
                    "obtained_to",
                    "max_age_months",
                    "valid_from",
                    "valid_to",
                    "is_once",
                    "fills_course_once",
                    "exclusivity_groups",
                ],
                name="published_source_covering",
            )
        ]

    def __str__(self):
        return f"{self.entry_id} → {self.version_id}"
