import datetime as dt
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.documents import half_width
from accounts.importers.cells import day

MAX_FILES = 10
MAX_TEXT = 200
MAX_NUMBER = Decimal(1_000_000)
LONGEST_NUMBER = 20
EARLIEST_YEAR = 1900  # 0224 is a slip of the finger


class AchievementType(models.Model):
    """A kind of achievement in two levels (成果分类): what its form is labelled, and what it asks for."""

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
    min_files = models.PositiveSmallIntegerField(
        _("最少文件数"),
        default=1,
        validators=[MaxValueValidator(MAX_FILES)],
        help_text=_("添加成果时至少上传几个文件;0 表示不要求"),
    )
    is_active = models.BooleanField(_("启用"), default=True, help_text=_("停用后不能再添加,已有的成果不受影响"))
    # Keys of fields and labels of materials that `load_reference` has brought once: it brings none of them again.
    brought = models.JSONField(_("随系统提供的附加项和材料"), default=list, blank=True, editable=False)

    class Meta:
        verbose_name = verbose_name_plural = _("成果类型")
        ordering = ["position", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(min_files__lte=MAX_FILES), name="type_min_files_at_most_10"),
        ]

    def __str__(self):
        return self.name

    def clean(self):
        if self.parent and self.parent.parent_id:
            raise ValidationError({"parent": _("成果分类只有两级,请选择一级分类。")})
        if self.parent_id and self.pk and self.children.exists():
            raise ValidationError({"parent": _("这一分类下还有二级分类,不能改为二级。")})
        if not self.parent_id and self.pk and (self.achievement_set.exists() or self.catalogueentry_set.exists()):
            raise ValidationError({"parent": _("已有成果或名录成果属于这一分类,不能改为一级分类。")})


class TypeField(models.Model):
    """An extra field of a type's form, such as 级别 and 奖项 of a competition.

    Its values stand in `Achievement.extra` under `key`. A field in use is stopped, not deleted (trigger `kept`), so
    that what achievements hold keeps its label.
    """

    class Kind(models.TextChoices):
        TEXT = "text", _("文字")
        CHOICE = "choice", _("选项")
        NUMBER = "number", _("数字")
        DATE = "date", _("日期")

    type = models.ForeignKey(AchievementType, models.CASCADE, related_name="extra_fields", verbose_name=_("成果类型"))
    key = models.SlugField(_("键"), max_length=30, help_text=_("小写英文,如 prize;有成果填写后不能再改"))
    label = models.CharField(_("标签"), max_length=20)
    kind = models.CharField(_("类型"), max_length=10, choices=Kind, default=Kind.TEXT)
    choices = models.TextField(_("选项"), blank=True, help_text=_("每行一个"))
    required = models.BooleanField(_("必填"), default=True)
    hint = models.CharField(_("提示"), max_length=100, blank=True)
    minimum = models.DecimalField(
        _("下限"), max_digits=12, decimal_places=2, null=True, blank=True, help_text=_("数字的最小值,文字的最少字数")
    )
    maximum = models.DecimalField(
        _("上限"), max_digits=12, decimal_places=2, null=True, blank=True, help_text=_("数字的最大值,文字的最多字数")
    )
    decimals = models.PositiveSmallIntegerField(_("小数位数"), default=0, validators=[MaxValueValidator(2)])
    not_before = models.SlugField(
        _("不早于"), max_length=30, blank=True, help_text=_("同一类型中另一日期项的键,如 started_on")
    )
    allows_future = models.BooleanField(_("可晚于今天"), default=False)
    names_event = models.BooleanField(
        _("表示同一赛事"),
        default=False,
        help_text=_("业绩类:填写相同的成果算同一赛事,转换时只计其中最高的一项;从保存起提交的申请按它判断"),
    )
    is_active = models.BooleanField(_("启用"), default=True, help_text=_("停用后不再填写,已填的照常显示"))
    position = models.PositiveSmallIntegerField(_("次序"), default=0)

    class Meta:
        verbose_name = verbose_name_plural = _("类型附加项")
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["type", "key"], name="type_field_key_once"),
            models.CheckConstraint(
                condition=Q(minimum__isnull=True) | Q(maximum__isnull=True) | Q(minimum__lte=models.F("maximum")),
                name="type_field_minimum_below_maximum",
                violation_error_message=_("下限不能大于上限。"),
            ),
            models.CheckConstraint(condition=Q(decimals__lte=2), name="type_field_two_decimals_at_most"),
            models.UniqueConstraint(
                fields=["type"],
                condition=Q(names_event=True),
                name="one_event_field_per_type",
                violation_error_message=_("一个类型只能有一项表示同一赛事。"),
            ),
            models.CheckConstraint(
                condition=Q(names_event=False) | Q(kind__in=["text", "choice"]),
                name="event_field_holds_words",
                violation_error_message=_("只有文字项和选项可以表示同一赛事。"),
            ),
        ]

    def __str__(self):
        return self.label

    @property
    def choice_list(self):
        return [line.strip() for line in self.choices.splitlines() if line.strip()]

    def clean(self):
        if self.kind == self.Kind.CHOICE and not self.choice_list:
            raise ValidationError({"choices": _("请列出可选的内容,每行一个。")})
        if self.not_before and self.kind != self.Kind.DATE:
            raise ValidationError({"not_before": _("只有日期项可以填写。")})
        if self.not_before and self.not_before == self.key:
            raise ValidationError({"not_before": _("请填写另一日期项的键。")})
        if fault := self._fault_of_bounds():
            raise ValidationError({"maximum": fault})

    def _fault_of_bounds(self):
        """What is wrong with bounds that nothing could ever meet, or that the field doesn't keep to."""
        bounds = [bound for bound in (self.minimum, self.maximum) if bound is not None]
        if self.kind == self.Kind.TEXT and any(bound != int(bound) or not 0 <= bound <= MAX_TEXT for bound in bounds):
            return _("文字的下限和上限是0到%s的整数。") % MAX_TEXT
        if self.kind == self.Kind.NUMBER and any(abs(bound) > MAX_NUMBER for bound in bounds):
            return _("数字的下限和上限不能超过%s。") % MAX_NUMBER
        if self.kind == self.Kind.NUMBER and self.minimum is None and self.range[1] < 0:
            return _("不填下限时,数字不小于0;请填写下限。")
        return None

    @property
    def longest(self):
        """How many characters a text may have."""
        return min(int(self.maximum or MAX_TEXT), MAX_TEXT)

    @property
    def range(self):
        """(lowest, highest) of a number."""
        return self.minimum or Decimal(0), MAX_NUMBER if self.maximum is None else self.maximum

    def parse(self, text):
        """Return the text to store for a typed or imported value, dates as 2021-12-31; raise `ValidationError`."""
        return getattr(self, f"_parse_{self.kind}")(text)

    def _parse_text(self, text):
        if len(text) > self.longest:
            raise ValidationError(_("不能超过%s个字。") % self.longest)
        if self.minimum and len(text) < self.minimum:
            raise ValidationError(_("至少%s个字。") % int(self.minimum))
        return text

    def _parse_choice(self, text):
        if text not in self.choice_list:
            raise ValidationError(_("没有这个选项,可用:%s。") % "、".join(self.choice_list))
        return text

    def _parse_number(self, text):
        number = _decimal(half_width(text))
        if number != round(number, self.decimals):
            raise ValidationError(_("最多%s位小数。") % self.decimals if self.decimals else _("请填写整数。"))
        low, high = self.range
        if not low <= number <= high:
            raise ValidationError(_("应在%(low)s到%(high)s之间。") % {"low": plain(low), "high": plain(high)})
        return plain(number)

    def _parse_date(self, text):
        date = dt.date.fromisoformat(day(text))
        if date.year < EARLIEST_YEAR:
            raise ValidationError(_("请检查年份。"))
        if date > timezone.localdate() and not self.allows_future:
            raise ValidationError(_("不能晚于今天。"))
        return date.isoformat()


def _decimal(text):
    try:
        number = Decimal(text) if len(text) <= LONGEST_NUMBER else None
    except ArithmeticError:
        number = None
    if number is None or not number.is_finite() or abs(number) > MAX_NUMBER:
        raise ValidationError(_("请填写数字。"))
    return number


def plain(number):
    """A Decimal as people write it: 12.5, 100."""
    return f"{number.normalize():f}"


class TypeMaterial(models.Model):
    """A paper that a type asks for (证明材料), told on the form and to reviewers."""

    type = models.ForeignKey(AchievementType, models.CASCADE, related_name="materials", verbose_name=_("成果类型"))
    label = models.CharField(_("材料"), max_length=60, help_text=_("如 获奖证书原件照片"))
    hint = models.CharField(_("说明"), max_length=200, blank=True)
    is_required = models.BooleanField(_("必需"), default=True)
    position = models.PositiveSmallIntegerField(_("次序"), default=0)

    class Meta:
        verbose_name = verbose_name_plural = _("所需材料")
        ordering = ["position", "pk"]

    def __str__(self):
        return self.label
