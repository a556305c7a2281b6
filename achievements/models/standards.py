from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from achievements.models.catalogue import FRAMEWORK_LEVELS

IN_RANGE = [MinValueValidator(FRAMEWORK_LEVELS[0]), MaxValueValidator(FRAMEWORK_LEVELS[1])]


class FrameworkVersion(models.Model):
    """One edition of 广东终身教育资历框架等级标准, with its source; text that isn't official says so."""

    name = models.CharField(_("名称"), max_length=100)
    source = models.CharField(_("来源"), max_length=200)
    is_official = models.BooleanField(_("官方文本"), default=False)
    is_current = models.BooleanField(_("现行"), default=False)

    class Meta:
        verbose_name = verbose_name_plural = _("资历框架版本")
        constraints = [
            models.UniqueConstraint(fields=["is_current"], condition=Q(is_current=True), name="one_current_framework"),
        ]

    def __str__(self):
        return self.name


class FrameworkLevel(models.Model):
    """One of the seven levels, described by 知识, 技能 and 能力."""

    version = models.ForeignKey(FrameworkVersion, models.CASCADE, related_name="levels", verbose_name=_("版本"))
    level = models.PositiveSmallIntegerField(_("等级"), validators=IN_RANGE)
    knowledge = models.TextField(_("知识"))
    skills = models.TextField(_("技能"))
    competence = models.TextField(_("能力"))

    class Meta:
        verbose_name = verbose_name_plural = _("资历框架等级")
        ordering = ["level"]
        constraints = [
            models.UniqueConstraint(fields=["version", "level"], name="framework_level_once_per_version"),
            models.CheckConstraint(condition=Q(level__range=FRAMEWORK_LEVELS), name="framework_level_1_to_7"),
        ]

    def __str__(self):
        return f"{self.level}"


class StandardQuerySet(models.QuerySet):
    def holding(self, terms):
        """Standards that hold every term (`achievements.search.Term`). A few thousand rows need no index."""
        for term in terms:
            text = models.Func(
                models.Value("\n"), *term.columns, function="concat_ws", output_field=models.TextField()
            )
            folded = models.Func(text, function="achievements_fold", output_field=models.TextField())
            self = self.alias(folded=folded).filter(folded__contains=term.word)
        return self

    def at_level(self, level):
        return self.filter(level=level) if level else self


class IndustryStandard(models.Model):
    """行业标准: what an occupation asks for at a level."""

    industry = models.CharField(_("行业"), max_length=60)
    occupation = models.CharField(_("职业"), max_length=60)
    level = models.PositiveSmallIntegerField(_("资历框架等级"), validators=IN_RANGE)
    title = models.CharField(_("标准名称"), max_length=200)
    code = models.CharField(_("标准编号"), max_length=60, blank=True)
    source = models.CharField(_("来源"), max_length=200)
    summary = models.TextField(_("内容摘要"), blank=True)

    objects = StandardQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = _("行业标准")
        ordering = ["industry", "occupation", "level"]
        constraints = [
            models.CheckConstraint(condition=Q(level__range=FRAMEWORK_LEVELS), name="standard_level_1_to_7"),
        ]

    def __str__(self):
        return self.title

    @classmethod
    def industries(cls):
        return cls.objects.order_by("industry").values_list("industry", flat=True).distinct()[:200]
