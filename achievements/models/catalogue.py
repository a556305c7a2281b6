from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

FRAMEWORK_LEVELS = (1, 7)


class AchievementType(models.Model):
    """A kind of achievement in two levels (成果分类), with the labels its form shows."""

    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name=_("上级分类")
    )
    code = models.SlugField(_("代码"), max_length=40, unique=True)
    name = models.CharField(_("名称"), max_length=60)
    position = models.PositiveSmallIntegerField(_("次序"), default=0)
    is_performance = models.BooleanField(_("业绩类"), default=False, help_text=_("须先认定,再按业绩标准转换"))
    name_label = models.CharField(_("名称一栏的标签"), max_length=20, default="成果名称")
    body_label = models.CharField(_("机构一栏的标签"), max_length=20, default="颁发机构")
    number_label = models.CharField(_("编号一栏的标签"), max_length=20, default="证书编号")
    obtained_label = models.CharField(_("时间一栏的标签"), max_length=20, default="获取时间")
    is_active = models.BooleanField(_("启用"), default=True)

    class Meta:
        verbose_name = verbose_name_plural = _("成果类型")
        ordering = ["position", "pk"]

    def __str__(self):
        return self.name


class TypeField(models.Model):
    """An extra field of a type's form, such as 级别 and 奖项 of a competition."""

    class Kind(models.TextChoices):
        TEXT = "text", _("文字")
        CHOICE = "choice", _("选项")
        NUMBER = "number", _("数字")
        DATE = "date", _("日期")

    type = models.ForeignKey(AchievementType, models.CASCADE, related_name="extra_fields", verbose_name=_("成果类型"))
    key = models.SlugField(_("键"), max_length=30)
    label = models.CharField(_("标签"), max_length=20)
    kind = models.CharField(_("类型"), max_length=10, choices=Kind, default=Kind.TEXT)
    choices = models.TextField(_("选项"), blank=True, help_text=_("每行一个"))
    required = models.BooleanField(_("必填"), default=True)
    position = models.PositiveSmallIntegerField(_("次序"), default=0)

    class Meta:
        verbose_name = verbose_name_plural = _("类型附加项")
        ordering = ["position", "pk"]
        constraints = [models.UniqueConstraint(fields=["type", "key"], name="type_field_key_once")]

    def __str__(self):
        return self.label

    @property
    def choice_list(self):
        return [line.strip() for line in self.choices.splitlines() if line.strip()]


class CatalogueQuerySet(models.QuerySet):
    def search(self, *, programme="", name="", institution=""):
        """The three filters of 成果选择: substring matches, all of them."""
        return self.filter(
            project_name__icontains=programme, name__icontains=name, institution__name__icontains=institution
        )

    def choosable(self):
        today = timezone.localdate()
        return self.filter(
            Q(valid_from__isnull=True) | Q(valid_from__lte=today),
            Q(valid_to__isnull=True) | Q(valid_to__gte=today),
            is_active=True,
        )


class CatalogueEntry(models.Model):
    """名录成果: a published kind of achievement that rules can name."""

    class Level(models.TextChoices):
        JUNIOR = "junior", _("初级")
        MIDDLE = "middle", _("中级")
        SENIOR = "senior", _("高级")

    project_name = models.CharField(_("项目名称"), max_length=100, help_text=_("如 1+X证书、培训证书"))
    name = models.CharField(_("成果名称"), max_length=200)
    institution = models.ForeignKey(
        "accounts.Institution", models.PROTECT, related_name="catalogue_entries", verbose_name=_("资历机构")
    )
    type = models.ForeignKey(AchievementType, models.PROTECT, verbose_name=_("成果类型"))
    level = models.CharField(_("等级"), max_length=10, choices=Level, blank=True)
    framework_level = models.PositiveSmallIntegerField(
        _("资历框架等级"),
        null=True,
        blank=True,
        validators=[MinValueValidator(FRAMEWORK_LEVELS[0]), MaxValueValidator(FRAMEWORK_LEVELS[1])],
    )
    credits = models.DecimalField(_("学分"), max_digits=5, decimal_places=1, null=True, blank=True)
    hours = models.PositiveIntegerField(_("学时"), null=True, blank=True)
    description = models.TextField(_("说明"), blank=True)
    valid_from = models.DateField(_("生效日期"), null=True, blank=True)
    valid_to = models.DateField(_("失效日期"), null=True, blank=True)
    is_active = models.BooleanField(_("启用"), default=True, help_text=_("停用的成果照常显示,但不能选择"))
    created_at = models.DateTimeField(_("入录时间"), auto_now_add=True)

    objects = CatalogueQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = _("名录成果")
        ordering = ["-is_active", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(framework_level__isnull=True) | Q(framework_level__range=FRAMEWORK_LEVELS),
                name="entry_framework_level_1_to_7",
            ),
            models.CheckConstraint(
                condition=Q(credits__isnull=True) | Q(credits__gte=0), name="entry_credits_not_negative"
            ),
            models.UniqueConstraint(
                fields=["institution", "project_name", "name"],
                name="entry_once_per_institution",
                violation_error_message=_("该机构已有同名的成果。"),
            ),
        ]

    def __str__(self):
        return self.name

    def get_absolute_url(self):
        return reverse("achievements:catalogue_entry", args=[self.pk])

    @property
    def is_choosable(self):
        today = timezone.localdate()
        return (
            self.is_active
            and (self.valid_from is None or self.valid_from <= today)
            and (self.valid_to is None or today <= self.valid_to)
        )
