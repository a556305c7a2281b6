from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _

from accounts.models import RosterImport
from accounts.services.uploads import keep_upload

ENDINGS = (".csv", ".xlsx")


class ImportUploadForm(forms.Form):
    """A file to import; its content is checked by the dry run. A subclass names `model` and the field's label."""

    model = None
    file_label = _("要导入的文件")

    file = forms.FileField(
        help_text=_("CSV(UTF-8 或 GB18030)或 XLSX,最多50000行、20MB"),
        widget=forms.FileInput({"accept": ".csv,.xlsx"}),
        error_messages={"empty": _("文件是空的,请重新选择。")},
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["file"].label = self.file_label
        self.fields["file"].error_messages["required"] = _("请选择%s。") % self.file_label

    def clean_file(self):
        upload = self.cleaned_data["file"]
        if not upload.name.lower().endswith(ENDINGS):
            raise ValidationError(_("请上传 CSV 或 XLSX 文件。"))
        if upload.size > settings.UPLOAD_BYTES_PER_FILE:
            raise ValidationError(_("文件不能超过20MB,请拆分后再上传。"))
        return upload

    def save(self, *, institution, by):
        """Keep the file and return its job, or None while another one is running."""
        try:
            return keep_upload(model=self.model, institution=institution, upload=self.cleaned_data["file"], by=by)
        except IntegrityError:
            self.add_error("file", self.model._meta.constraints[0].violation_error_message)
            return None


class RosterUploadForm(ImportUploadForm):
    model = RosterImport
    file_label = _("名册文件")
