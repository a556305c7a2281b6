from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Column(models.TextChoices):
    """The article columns of the top navigation; the values are their URLs."""

    NEWS = "news", _("资讯中心")
    GUIDES = "guides", _("业务指南")
    REGULATIONS = "regulations", _("规章制度")
    SUPPORT = "support", _("服务支持")
    ABOUT = "about", _("关于我们")


class ArticleQuerySet(models.QuerySet):
    def published(self):
        return self.filter(published_at__lte=timezone.now())


class Article(models.Model):
    """A page of one of the columns, written in Markdown by the centre."""

    column = models.CharField(_("栏目"), max_length=20, choices=Column)
    title = models.CharField(_("标题"), max_length=120)
    body = models.TextField(_("正文"), help_text=_("Markdown 格式"))
    published_at = models.DateTimeField(_("发布时间"), null=True, blank=True, help_text=_("留空为草稿"))
    written_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("作者")
    )

    objects = ArticleQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = _("文章")
        ordering = ["-published_at", "-pk"]
        indexes = [models.Index(fields=["column", "-published_at"], name="article_by_column")]

    def __str__(self):
        return self.title

    def get_absolute_url(self):
        return reverse("portal:article", args=[self.pk])


class Question(models.Model):
    """在线解答: a learner asks, staff answer; published answers are shown to everyone as FAQ."""

    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="questions",
        verbose_name=_("提问人"),
    )
    text = models.TextField(_("问题"), max_length=1000)
    asked_at = models.DateTimeField(_("提问时间"), auto_now_add=True)
    answer = models.TextField(_("解答"), max_length=2000, blank=True)
    answered_at = models.DateTimeField(_("解答时间"), null=True, blank=True)
    is_published = models.BooleanField(_("公开为常见问题"), default=False)

    class Meta:
        verbose_name = verbose_name_plural = _("在线解答")
        ordering = ["-asked_at"]

    def __str__(self):
        return self.text[:40]
