from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

FRAMEWORK_LEVELS = (1, 7)


class LevelFamily(models.Model):
    """Entries that are levels of one thing: 初/中/高级 of a certificate, CET-4 and CET-6."""

    name = models.CharField(_("名称"), max_length=120, unique=True)

    class Meta:
        verbose_name = verbose_name_plural = _("等级系列")
        ordering = ["name"]

    def __str__(self):
        return self.name


class CatalogueQuerySet(models.QuerySet):
    def public(self):
        """What everybody may see: approved entries, also those that are 停用."""
        return self.filter(status=CatalogueEntry.Status.APPROVED)

    def shared(self):
        """All but individual ones: what the catalogue is kept of, drafts included."""
        return self.exclude(status=CatalogueEntry.Status.INDIVIDUAL)

    def in_force(self):
        today = timezone.localdate()
        return self.public().filter(
            Q(valid_from__isnull=True) | Q(valid_from__lte=today),
            Q(valid_to__isnull=True) | Q(valid_to__gte=today),
            is_active=True,
        )

    def choosable(self):
        """What learners may choose: an entry of 业绩类 only a recognition links to somebody's achievement."""
        return self.in_force().filter(type__is_performance=False)

    def waiting(self):
        """What institutions have submitted, longest waiting first."""
        return self.filter(status=CatalogueEntry.Status.SUBMITTED).order_by("submitted_at", "pk")


class CatalogueEntry(models.Model):
    """名录成果: a published kind of achievement that rules can name.

    Approved once, it is never a draft again: it is stopped instead. Whatever an approved entry then means otherwise
    (name, institution, level, family …) is written to `EntryRecord` by the database itself, and a former name becomes
    an alias (triggers `approved_stays`, `history`). An individual one (个案认定) stands for what one person did: it
    holds the level and credits of a recognition, and nobody finds or chooses it.
    """

    class Level(models.TextChoices):
        JUNIOR = "junior", _("初级")
        MIDDLE = "middle", _("中级")
        SENIOR = "senior", _("高级")

    class Unit(models.TextChoices):
        HOUR = "hour", _("学时")
        DAY = "day", _("天")
        WEEK = "week", _("周")

    class Status(models.TextChoices):
        DRAFT = "draft", _("草稿")
        SUBMITTED = "submitted", _("待审核")
        RETURNED = "returned", _("已退回")
        APPROVED = "approved", _("已批准")
        INDIVIDUAL = "individual", _("个案认定")

    class Keeper(models.TextChoices):
        CENTRE = "centre", _("管理中心")
        INSTITUTION = "institution", _("资历机构")

    project_name = models.CharField(_("项目名称"), max_length=100, help_text=_("如 1+X证书、培训证书"))
    name = models.CharField(_("成果名称"), max_length=200)
    institution = models.ForeignKey(
        "accounts.Institution", models.PROTECT, related_name="catalogue_entries", verbose_name=_("资历机构")
    )
    type = models.ForeignKey("achievements.AchievementType", models.PROTECT, verbose_name=_("成果类型"))
    level = models.CharField(_("等级"), max_length=10, choices=Level, blank=True)
    framework_level = models.PositiveSmallIntegerField(
        _("资历框架等级"),
        null=True,
        blank=True,
        validators=[MinValueValidator(FRAMEWORK_LEVELS[0]), MaxValueValidator(FRAMEWORK_LEVELS[1])],
    )
    family = models.ForeignKey(
        LevelFamily, models.PROTECT, null=True, blank=True, related_name="entries", verbose_name=_("等级系列")
    )
    family_rank = models.PositiveSmallIntegerField(
        _("系列中的次序"), null=True, blank=True, help_text=_("数字越大等级越高,同一系列中不重复")
    )
    credits = models.DecimalField(
        _("学分"), max_digits=5, decimal_places=1, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    hours = models.DecimalField(
        _("学习量"), max_digits=7, decimal_places=1, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    hours_unit = models.CharField(_("学习量单位"), max_length=10, choices=Unit, default=Unit.HOUR)
    credit_basis = models.CharField(_("学分依据"), max_length=60, blank=True, help_text=_("如 16学时=1学分"))
    description = models.TextField(_("说明"), max_length=600, blank=True)
    valid_from = models.DateField(_("生效日期"), null=True, blank=True)
    valid_to = models.DateField(_("失效日期"), null=True, blank=True)
    is_active = models.BooleanField(_("启用"), default=True, help_text=_("停用的成果照常显示,但不能选择"))
    stop_reason = models.CharField(_("停用原因"), max_length=200, blank=True)
    status = models.CharField(_("状态"), max_length=10, choices=Status, default=Status.DRAFT)
    keeper = models.CharField(_("维护单位"), max_length=12, choices=Keeper, default=Keeper.CENTRE)
    drafted_by = models.ForeignKey(
        "accounts.User",
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="+",
        verbose_name=_("起草人"),
    )
    submitted_at = models.DateTimeField(_("提交时间"), null=True, blank=True)
    approved_by = models.ForeignKey(
        "accounts.User",
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="+",
        verbose_name=_("批准人"),
    )
    approved_at = models.DateTimeField(_("批准时间"), null=True, blank=True)
    return_reason = models.CharField(_("退回原因"), max_length=500, blank=True)
    created_at = models.DateTimeField(_("入录时间"), auto_now_add=True)

    objects = CatalogueQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = _("名录成果")
        ordering = ["-is_active", "pk"]
        permissions = [("approve_catalogueentry", _("批准或退回名录成果"))]
        indexes = [
            models.Index(fields=["submitted_at", "id"], condition=Q(status="submitted"), name="entry_waiting"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(framework_level__isnull=True) | Q(framework_level__range=FRAMEWORK_LEVELS),
                name="entry_framework_level_1_to_7",
            ),
            models.CheckConstraint(
                condition=Q(credits__isnull=True) | Q(credits__gte=0), name="entry_credits_not_negative"
            ),
            models.CheckConstraint(condition=Q(hours__isnull=True) | Q(hours__gte=0), name="entry_hours_not_negative"),
            models.UniqueConstraint(
                fields=["institution", "project_name", "name"],
                name="entry_once_per_institution",
                violation_error_message=_("该机构已有同名的成果。"),
            ),
            models.UniqueConstraint(
                fields=["family", "family_rank"],
                name="family_rank_once",
                deferrable=models.Deferrable.IMMEDIATE,
                violation_error_message=_("同一等级系列中已有这个次序。"),
            ),
            models.CheckConstraint(
                condition=Q(family__isnull=True, family_rank__isnull=True)
                | Q(family__isnull=False, family_rank__isnull=False),
                name="entry_of_a_family_has_its_rank",
                violation_error_message=_("等级系列和系列中的次序要一起填写。"),
            ),
            models.CheckConstraint(
                condition=Q(valid_from__isnull=True) | Q(valid_to__isnull=True) | Q(valid_from__lte=F("valid_to")),
                name="entry_ends_after_it_begins",
                violation_error_message=_("失效日期不能早于生效日期。"),
            ),
            models.CheckConstraint(
                condition=Q(is_active=True) | ~Q(stop_reason=""),
                name="stopped_entry_tells_why",
                violation_error_message=_("停用时请填写原因。"),
            ),
            models.CheckConstraint(
                condition=~Q(status="returned") | ~Q(return_reason=""),
                name="returned_entry_tells_why",
                violation_error_message=_("退回时请填写原因。"),
            ),
            models.CheckConstraint(
                condition=~Q(keeper="institution")
                | ~Q(status="approved")
                | Q(drafted_by__isnull=False, approved_by__isnull=False) & ~Q(approved_by=F("drafted_by")),
                name="institution_entry_is_approved_by_another",
                violation_error_message=_("机构起草的成果不能由起草人批准。"),
            ),
        ]

    def __str__(self):
        return self.name

    def get_absolute_url(self):
        return reverse("achievements:catalogue_entry", args=[self.pk])

    @property
    def is_choosable(self):
        return self.is_in_force and not self.type.is_performance

    @property
    def is_in_force(self):
        today = timezone.localdate()
        return (
            self.status == self.Status.APPROVED
            and self.is_active
            and (self.valid_from is None or self.valid_from <= today)
            and (self.valid_to is None or today <= self.valid_to)
        )

    @property
    def is_stopped_by_centre(self):
        """Then its institution can't resume it. Where nobody is named, it wasn't the institution."""
        last = self.records.filter(action=EntryRecord.Action.STOPPED).select_related("by").last()
        stopper = last and last.by
        return not self.is_active and (stopper is None or stopper.institution_id != self.institution_id)

    @property
    def is_individual(self):
        return self.status == self.Status.INDIVIDUAL

    @property
    def is_settled(self):
        """Whether achievements may name it: it is never a draft again, and what it means changes with a reason."""
        return self.status in {self.Status.APPROVED, self.Status.INDIVIDUAL}

    @property
    def is_editable_draft(self):
        """Whether its institution may still change it: not while it waits for the centre, nor afterwards."""
        return self.status in {self.Status.DRAFT, self.Status.RETURNED}

    @property
    def workload(self):
        """学习量 with its unit, such as 80学时; empty without one."""
        return f"{self.hours.normalize():f}{self.get_hours_unit_display()}" if self.hours is not None else ""


class CatalogueAlias(models.Model):
    """Another name under which people look for an entry."""

    class Kind(models.TextChoices):
        ALIAS = "alias", _("别名")
        FORMER = "former", _("曾用名")

    entry = models.ForeignKey(CatalogueEntry, models.CASCADE, related_name="aliases", verbose_name=_("名录成果"))
    name = models.CharField(_("名称"), max_length=200)
    kind = models.CharField(_("种类"), max_length=10, choices=Kind, default=Kind.ALIAS)

    class Meta:
        verbose_name = verbose_name_plural = _("别名和曾用名")
        ordering = ["kind", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["entry", "name"],
                name="alias_once_per_entry",
                violation_error_message=_("这项成果已有这个别名。"),
            ),
        ]

    def __str__(self):
        return self.name


class EntryRecordQuerySet(models.QuerySet):
    def after_approval(self):
        """What everybody may read: what became of an entry once it was public."""
        return self.filter(action__in=["changed", "stopped", "resumed"])


class EntryRecord(models.Model):
    """What happened to an entry. The database writes it (trigger `history`), so that no path changes one silently.

    `changes` is {field: [before, after]}; institution, type and family stand there by their names.
    """

    class Action(models.TextChoices):
        SUBMITTED = "submitted", _("提交审核")
        RETURNED = "returned", _("退回")
        APPROVED = "approved", _("批准")
        CHANGED = "changed", _("变更")
        STOPPED = "stopped", _("停用")
        RESUMED = "resumed", _("恢复启用")
        REDRAFTED = "draft", _("撤回为草稿")

    entry = models.ForeignKey(CatalogueEntry, models.CASCADE, related_name="records", verbose_name=_("名录成果"))
    action = models.CharField(_("事项"), max_length=10, choices=Action)
    changes = models.JSONField(_("变更内容"), default=dict)
    reason = models.CharField(_("原因"), max_length=500, blank=True)
    by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+", verbose_name=_("经办人"))
    at = models.DateTimeField(_("时间"))

    objects = EntryRecordQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = _("名录变更记录")
        ordering = ["pk"]

    def __str__(self):
        return self.get_action_display()

    @property
    def change_rows(self):
        """[(label, before, after)…] in the words of the pages."""
        return [(_label(field), _shown(field, old), _shown(field, new)) for field, (old, new) in self.changes.items()]


def _label(field):
    return CatalogueEntry._meta.get_field(field).verbose_name


def _shown(field, value):
    choices = dict(CatalogueEntry._meta.get_field(field).flatchoices)
    return choices.get(value, "" if value is None else value)
