import unicodedata

from django.db import models
from django.db.models import Exists, F, Func, OuterRef, Q, Value
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from achievements.models.types import plain

NO_NUMBER = {"", "无", "无编号", "没有", "暂无", "/", "none", "na", "n/a"}  # as people type it, folded
UNSEEN_OR_DASH = {"Cc", "Cf", "Pc", "Pd"}  # categories of characters; copying brings unseen ones along
MINUS_OR_BAR = {"\u2212", "|"}  # the bar parts number and body in a key


def certificate_key(text):
    """Fold a certificate number or body for comparison: width, case, spaces and dashes don't make another one."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c for c in folded if not (c.isspace() or c in MINUS_OR_BAR or _is_unseen_or_dash(c)))


def _is_unseen_or_dash(character):
    return unicodedata.category(character) in UNSEEN_OR_DASH


def number_of_key(key="certificate_key"):
    """SQL for the folded number alone in a certificate's key; `Achievement.number_key` in Python."""
    return Func(F(key), Value("|"), Value(1), function="split_part", output_field=models.TextField())


class AchievementQuerySet(models.QuerySet):
    def of(self, user):
        """The achievements of the person behind an account; none for accounts that aren't a learner's."""
        return self.filter(learner__isnull=False, learner=user.learner_id)

    def current(self):
        """Without versions that a correction has replaced."""
        return self.filter(replaced_by=None)

    def used(self):
        """Those that an application holds or a decision was made about; withdrawn applications don't count."""
        return self.filter(self._holds())

    def unused(self):
        return self.exclude(self._holds())

    def with_numbers(self, numbers):
        """Those whose certificates have these folded numbers, whichever body they name."""
        return self.alias(number=number_of_key()).filter(number__in=numbers)

    def _holds(self):
        # By the relation's name alone: what uses achievements stands above this app.
        sources = self.model._meta.get_field("application_sources").related_model._default_manager
        return Exists(sources.filter(achievement=OuterRef("pk")).exclude(application_status="withdrawn"))


class Achievement(models.Model):
    """学习成果 of one learner. What reviewers decided about it stands in `conversion`, never here.

    It may be edited until an application uses it. After that a correction is a new row: `replaced_by` of the old one
    names it, `first_version` of both is the first of the line (null while there was no correction).
    """

    class Origin(models.TextChoices):
        SELF = "self", _("自助添加")
        IMPORTED = "imported", _("机构导入")

    learner = models.ForeignKey(
        "accounts.Learner", models.PROTECT, related_name="achievements", verbose_name=_("学习者")
    )
    type = models.ForeignKey("achievements.AchievementType", models.PROTECT, verbose_name=_("成果类型"))
    entry = models.ForeignKey(
        "achievements.CatalogueEntry",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="achievements",
        verbose_name=_("名录成果"),
    )
    name = models.CharField(_("成果名称"), max_length=200)
    body_name = models.CharField(_("机构名称"), max_length=120, blank=True)
    body_code = models.CharField(_("机构代码"), max_length=20, blank=True)
    certificate_number = models.CharField(_("证书编号"), max_length=60, blank=True)
    certificate_key = models.CharField(max_length=200, editable=False, default="")
    obtained_on = models.DateField(_("取得时间"))
    score = models.DecimalField(_("成绩"), max_digits=6, decimal_places=2, null=True, blank=True)
    extra = models.JSONField(_("附加项"), default=dict, blank=True)
    files = models.ManyToManyField(
        "evidence.EvidenceFile", blank=True, related_name="achievements", verbose_name=_("相关材料")
    )
    description = models.TextField(_("成果描述"), max_length=1000, blank=True)
    origin = models.CharField(_("成果来源"), max_length=10, choices=Origin, default=Origin.SELF)
    imported_from = models.ForeignKey(
        "accounts.Institution",
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="imported_achievements",
        verbose_name=_("导入机构"),
    )
    form_token = models.UUIDField(_("提交标识"), unique=True, null=True, blank=True, editable=False)
    replaced_by = models.OneToOneField(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="replaces",
        verbose_name=_("更正后的版本"),
    )
    first_version = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="versions",
        verbose_name=_("最初版本"),
    )
    created_at = models.DateTimeField(_("添加时间"), auto_now_add=True)
    edited_at = models.DateTimeField(_("修改时间"), null=True, blank=True, editable=False)

    objects = AchievementQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = _("学习成果")
        ordering = ["-obtained_on", "-pk"]
        indexes = [
            models.Index(fields=["learner", "-obtained_on"], name="achievement_by_learner"),
            models.Index(number_of_key(), name="achievement_by_number"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["learner", "type", "certificate_key"],
                condition=~Q(certificate_key="") & Q(replaced_by=None),
                name="one_certificate_once_per_learner",
                violation_error_message=_("您已添加过这份证书(类型、编号和机构都相同)。"),
            ),
            models.CheckConstraint(condition=~Q(replaced_by=F("id")), name="no_version_replaces_itself"),
            models.CheckConstraint(
                condition=Q(replaced_by=None) | Q(first_version__isnull=False), name="replaced_version_is_in_a_line"
            ),
            models.CheckConstraint(
                condition=Q(origin="imported", imported_from__isnull=False) | Q(origin="self", imported_from=None),
                name="imported_achievement_names_its_institution",
            ),
        ]

    def __str__(self):
        return self.name

    def save(self, *args, **kwargs):
        self.certificate_key = self.key_of(self.certificate_number, self.body_name)
        super().save(*args, **kwargs)

    def get_absolute_url(self):
        return reverse("achievements:detail", args=[self.pk])

    @property
    def edition(self):
        """Text that is another one after each edit in place."""
        return self.edited_at.isoformat() if self.edited_at else ""

    @property
    def line(self):
        """What all versions of one achievement have in common; None for one that isn't saved."""
        return self.first_version_id or self.pk

    @property
    def is_used(self):
        return type(self).objects.filter(pk=self.pk).used().exists()

    @property
    def earlier(self):
        """The version that this one corrects, or None."""
        return getattr(self, "replaces", None)

    @staticmethod
    def key_of(number, body):
        """The key under which the same certificate is recognised; empty without a number (「无」 is none)."""
        folded = certificate_key(number)
        return "" if folded in NO_NUMBER else f"{folded}|{certificate_key(body)}"[:200]

    @property
    def score_text(self):
        """The score as people write it: 88.5; empty without one."""
        return "" if self.score is None else plain(self.score)

    @property
    def number_key(self):
        return self.certificate_key.partition("|")[0]

    @property
    def identity(self):
        """What tells an achievement from the learner's others of its type: its certificate, or else name and date."""
        return (
            self.certificate_key
            or f"{certificate_key(self.name)}|{certificate_key(self.body_name)}|{self.obtained_on}"
        )

    @property
    def extra_rows(self):
        """The extra fields with their values, as [(label, value)…].

        What it holds of fields that its type no longer asks for, or of another type, is listed too.
        """
        fields = [field for field in self.type.extra_fields.all() if field.is_active or field.key in self.extra]
        known = {field.key for field in fields}
        rows = [(field.label, self.extra.get(field.key, "")) for field in fields]
        return rows + [(key, value) for key, value in self.extra.items() if key not in known]
