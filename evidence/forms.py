from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from evidence.inspection import FileRefusedError, check_upload, current_limits

UPLOAD_HINT = _("说明:上传附件格式为jpg, png, gif, pdf! 每个不超过 {megabytes} MB,最多 {most} 个。")
ONE_UPLOAD_HINT = _("说明:上传附件格式为jpg, png, gif, pdf! 不超过 {megabytes} MB。")


class EvidenceInput(forms.ClearableFileInput):
    allow_multiple_selected = True
    template_name = "django/forms/widgets/file.html"

    def use_required_attribute(self, initial):
        """Files that were sent one by one stand in a list beside the input."""
        return "data-upload-url" not in self.attrs and super().use_required_attribute(initial)


class EvidenceField(forms.FileField):
    """Several files at once; cleans to [(upload, kind)…]. Each refusal names its file."""

    def __init__(self, *, multiple=True, **kwargs):
        self.most = settings.EVIDENCE_FILES_PER_RECORD if multiple else 1
        self.megabytes = current_limits().size // (1024 * 1024)
        attrs = {
            "multiple": multiple,
            "accept": ".jpg,.jpeg,.png,.gif,.pdf",
            "data-upload": "true",
            "data-max-mb": self.megabytes,
            "data-max-files": self.most,
        }
        super().__init__(**{"widget": EvidenceInput(attrs), "help_text": self._hint()} | kwargs)

    def _hint(self):
        hint = UPLOAD_HINT if self.most > 1 else ONE_UPLOAD_HINT
        return format_lazy(hint, megabytes=self.megabytes, most=self.most)

    def clean(self, data, initial=None):
        uploads = [upload for upload in (data or []) if upload]
        if not uploads and self.required:
            raise ValidationError(_("请选择证明材料。"), code="required")
        if len(uploads) > self.most:
            raise ValidationError(_("一次最多上传%d个文件。") % self.most)
        return self._kinds(uploads)

    def _kinds(self, uploads):
        errors, files = [], []
        for upload in uploads:
            try:
                files.append((upload, check_upload(upload)))
            except FileRefusedError as error:
                errors.append(
                    ValidationError(_("%(name)s:%(why)s"), params={"name": upload.name, "why": error.message})
                )
        if errors:
            raise ValidationError(errors)
        return files


class TellsLostFilesMixin:
    """A form that is shown again has lost the files chosen with it: no browser can be handed them back. It says so.

    Else what may be left out goes missing unseen. A form whose page keeps them (`hx-preserve`) sets `keeps_files`.
    """

    keeps_files = False

    def add_error(self, field, error):
        super().add_error(field, error)
        if self.keeps_files:
            return
        for name in [name for name, own in self.fields.items() if isinstance(own, EvidenceField)]:
            lost = "、".join(upload.name for upload in self.files.getlist(self.add_prefix(name)))
            if lost and not self.has_error(name):
                super().add_error(name, _("表单没有提交成功,选好的文件没有保留,请重新选择:%s") % lost)


def acceptable(uploads, *, named=True):
    """Sort several uploads: those that may be stored, as [(upload, kind)…], and why the others may not.

    `named` says whether each reason begins with its file's name: needless where the page shows it beside the file.
    """
    found, refusals = [], []
    for upload in uploads:
        try:
            found.append((upload, check_upload(upload)))
        except FileRefusedError as error:
            refusal = {"name": upload.name, "why": error.message}
            refusals.append(_("%(name)s:%(why)s") % refusal if named else str(error.message))
    return found, refusals
