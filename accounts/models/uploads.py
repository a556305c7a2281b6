import csv
from datetime import timedelta
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.db import models
from django.db.models import F
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

SILENT = timedelta(seconds=60)
TRIES = 3
REFUSALS_SHOWN = 20


class UploadedImport(models.Model):
    """A file that an institution uploaded, on its way: checked first (dry run), imported when it says so.

    The file holds document numbers: it lies in a private folder until the import has ended, and no longer.
    A kind of file is a subclass with `institution`, `FOLDER`, `TASK` (the name of the task that takes its id),
    `get_absolute_url()` and `report_url`; a unique constraint should let an institution have one running.
    """

    class Status(models.TextChoices):
        CHECKING = "checking", _("检查中")
        CHECKED = "checked", _("已检查,待确认")
        IMPORTING = "importing", _("导入中")
        DONE = "done", _("已导入")
        FAILED = "failed", _("未能导入")
        CANCELLED = "cancelled", _("已取消")

    RUNNING = [Status.CHECKING, Status.IMPORTING]

    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("上传人")
    )
    uploaded_at = models.DateTimeField(_("上传时间"), auto_now_add=True)
    name = models.CharField(_("文件名"), max_length=200)
    file_key = models.CharField(max_length=40, unique=True, editable=False)
    status = models.CharField(_("状态"), max_length=10, choices=Status, default=Status.CHECKING)
    progress = models.PositiveSmallIntegerField(_("进度"), default=0)
    attempts = models.PositiveSmallIntegerField(_("尝试次数"), default=0)
    touched_at = models.DateTimeField(_("最近动静"), db_default=Now())
    counts = models.JSONField(_("结果"), default=dict)
    failure = models.CharField(_("失败原因"), max_length=500, blank=True)
    report = models.TextField(_("拒绝的行"), blank=True, help_text=_("CSV,证件号码已遮蔽"))

    class Meta:
        abstract = True

    def __str__(self):
        return self.name

    @property
    def is_running(self):
        return self.status in self.RUNNING

    @property
    def is_dry_run(self):
        return self.status == self.Status.CHECKING

    @property
    def first_refusals(self):
        """The head of the report for the page, as [[line, column, content, reason]…]."""
        return list(islice(csv.reader(self.report.splitlines(keepends=True)), 1, REFUSALS_SHOWN + 1))

    @property
    def would_write(self):
        """Whether the check found anything to write: else there is nothing to confirm."""
        return bool(self.counts.get("created") or self.counts.get("updated"))

    @property
    def path(self):
        suffix = Path(self.name).suffix.lower()
        return Path(settings.MEDIA_ROOT) / self.FOLDER / f"{self.file_key}{suffix}"

    def claim(self):
        """Take one of three tries: the first at once, another when nothing was heard of it for a minute."""
        silent = models.Q(attempts=0) | models.Q(touched_at__lt=Now() - SILENT)
        rows = type(self).objects.filter(silent, pk=self.pk, status=self.status, attempts__lt=TRIES)
        return bool(rows.update(attempts=F("attempts") + 1, touched_at=Now(), progress=0))

    @property
    def has_tries_left(self):
        return self.attempts < TRIES

    def move(self, before, after, **changes):
        """Change the state if it still is `before`; tell whether it was."""
        rows = type(self).objects.filter(pk=self.pk, status=before)
        return bool(rows.update(status=after, touched_at=Now(), **changes))
