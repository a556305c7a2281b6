"""How rules are kept: what happened to each version, the examples it must answer, files of rules on their way in."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models.uploads import UploadedImport


class RuleVersionRecord(models.Model):
    """What happened to a version: who, when, why. Only grows, except that a draft takes its own along."""

    class Action(models.TextChoices):
        DRAFTED = "drafted", _("起草")
        PUBLISHED = "published", _("发布")
        SUSPENDED = "suspended", _("暂停")
        RESUMED = "resumed", _("恢复")
        RETIRED = "retired", _("停用")

    version = models.ForeignKey(
        "conversion.RuleVersion", models.CASCADE, related_name="records", verbose_name=_("规则版本")
    )
    action = models.CharField(_("操作"), max_length=10, choices=Action)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("操作人")
    )
    at = models.DateTimeField(_("时间"), auto_now_add=True)
    reason = models.CharField(_("原因"), max_length=300, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = _("规则版本记录")
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(action__in=["suspended", "retired"]) | ~Q(reason=""), name="stopped_version_tells_why"
            )
        ]

    def __str__(self):
        return self.get_action_display()


class RuleExample(models.Model):
    """Made-up achievements with the answer that a version must give; it can't be published while it gives another.

    A conversion rule is asked about `items`; a performance table about one recognised achievement with these `values`
    in its extra fields, and where `credits` says so also for how many.
    """

    version = models.ForeignKey(
        "conversion.RuleVersion", models.CASCADE, related_name="examples", verbose_name=_("规则版本")
    )
    name = models.CharField(_("例子"), max_length=100, help_text=_("如 CET四级450分,可以转换"))
    should_match = models.BooleanField(_("应当符合"), default=True, help_text=_("不勾选表示应当不符合"))
    credits = models.DecimalField(
        _("应得学分"), max_digits=5, decimal_places=1, null=True, blank=True, help_text=_("留空表示不核对学分")
    )
    obtained_on = models.DateField(_("取得时间"), null=True, blank=True, help_text=_("留空表示试算当天"))

    class Meta:
        verbose_name = verbose_name_plural = _("例子")
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["version", "name"], name="example_name_once_per_version")]

    def __str__(self):
        return self.name

    @property
    def expected(self):
        if self.should_match and self.credits is not None:
            return _("应当符合,得 %s 学分") % self.credits
        return _("应当符合") if self.should_match else _("应当不符合")


class RuleExampleItem(models.Model):
    """A made-up achievement of an example."""

    example = models.ForeignKey(RuleExample, models.CASCADE, related_name="items", verbose_name=_("例子"))
    entry = models.ForeignKey(
        "achievements.CatalogueEntry", models.PROTECT, related_name="+", verbose_name=_("名录成果")
    )
    score = models.DecimalField(_("成绩"), max_digits=6, decimal_places=2, null=True, blank=True)
    obtained_on = models.DateField(_("取得时间"))

    class Meta:
        verbose_name = verbose_name_plural = _("例子中的成果")
        ordering = ["pk"]

    def __str__(self):
        return self.entry.name


class RuleExampleValue(models.Model):
    """What the made-up achievement of a performance table's example says in one extra field of its type."""

    example = models.ForeignKey(RuleExample, models.CASCADE, related_name="values", verbose_name=_("例子"))
    field = models.ForeignKey("achievements.TypeField", models.PROTECT, related_name="+", verbose_name=_("附加项"))
    value = models.CharField(_("填写"), max_length=200)

    class Meta:
        verbose_name = verbose_name_plural = _("例子中的附加项")
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["example", "field"], name="field_once_per_example")]

    def __str__(self):
        return f"{self.field.label} {self.value}"


class RuleImport(UploadedImport):
    """An uploaded file of an institution's rules; it makes drafts only."""

    FOLDER = "rules"
    TASK = "conversion.tasks.run_rule_import"

    institution = models.ForeignKey(
        "accounts.Institution", models.PROTECT, related_name="rule_imports", verbose_name=_("机构")
    )

    class Meta:
        verbose_name = verbose_name_plural = _("规则导入")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["institution"],
                condition=Q(status__in=["checking", "importing"]),
                name="one_running_rule_import_per_institution",
                violation_error_message=_("这个机构有一份规则正在处理,请等它完成后再上传。"),
            )
        ]

    def get_absolute_url(self):
        return reverse("admin:conversion_rule_import_job", args=[self.pk])

    @property
    def report_url(self):
        return reverse("admin:conversion_rule_import_report", args=[self.pk])
