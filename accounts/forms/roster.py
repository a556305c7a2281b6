from django import forms
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _

from accounts.models import RosterImport
from accounts.services.rosters import upload_roster

MAX_BYTES = 20 * 1024 * 1024
ENDINGS = (".csv", ".xlsx")


class RosterUploadForm(forms.Form):
    """A roster file; its content is checked by the dry run."""

    file = forms.FileField(
        label=_("名册文件"),
        help_text=_("CSV(UTF-8 或 GB18030)或 XLSX,最多50000行、20MB"),
        widget=forms.FileInput({"accept": ".csv,.xlsx"}),
        error_messages={"required": _("请选择名册文件。"), "empty": _("文件是空的,请重新选择。")},
    )

    def clean_file(self):
        upload = self.cleaned_data["file"]
        if not upload.name.lower().endswith(ENDINGS):
            raise ValidationError(_("请上传 CSV 或 XLSX 文件。"))
        if upload.size > MAX_BYTES:
            raise ValidationError(_("文件不能超过20MB,请拆分后再上传。"))
        return upload

    def save(self, *, institution, by):
        """Keep the file and return its job, or None while another one is running."""
        try:
            return upload_roster(institution=institution, upload=self.cleaned_data["file"], by=by)
        except IntegrityError:
            self.add_error("file", RosterImport._meta.constraints[0].violation_error_message)
            return None
