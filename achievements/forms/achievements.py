"""成果添加: the form of one type of achievement."""

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from accounts.forms.lines import Lines
from achievements.forms.extra_fields import ExtraFieldsMixin
from achievements.forms.rendering import PlainControls
from achievements.models import Achievement, AchievementType, CatalogueEntry
from achievements.rules import check_obtained_on
from achievements.services.achievements import (
    EditedMeanwhileError,
    KnownCertificateError,
    ReplacedMeanwhileError,
    add_achievement,
    change_achievement,
)
from evidence.forms import EvidenceField
from evidence.models import EvidenceFile

ENTRY_GONE = _("所选名录成果已停用或不在有效期内,或者属于须先认定的业绩类。请另选一项,或者改为自行填写。")
TOO_MANY_DIGITS = ["max_digits", "max_decimal_places", "max_whole_digits"]


class AchievementForm(ExtraFieldsMixin, forms.ModelForm):
    """成果添加 for one level-2 type: the catalogue's entry, or a typed one, with evidence.

    With an `instance` that is saved already it edits or corrects that one. `kept` are its files and its draft's.
    """

    default_renderer = PlainControls()
    entry = forms.ModelChoiceField(
        CatalogueEntry.objects.none(),
        required=False,
        widget=forms.HiddenInput,
        label=_("名录成果"),
        error_messages={"invalid_choice": ENTRY_GONE},
    )
    files = EvidenceField(label=_("相关材料"))
    edition = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Achievement
        fields = [
            "entry", "name", "body_name", "body_code", "certificate_number", "obtained_on", "score", "description",
        ]  # fmt: skip
        error_messages = {"score": dict.fromkeys(["invalid", *TOO_MANY_DIGITS], _("成绩是0到9999.99之间的数字。"))}
        widgets = {
            "name": forms.TextInput({"placeholder": _("请输入或点击按钮选择成果名称")}),
            "obtained_on": forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
            "description": Lines({"rows": 3}),
        }

    def __init__(self, *args, type, user, kept=(), token=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.type, self.user, self.kept, self.token = type, user, list(kept), token
        self.instance.type = type
        self.instance.learner_id = user.learner_id
        self.loses_recognition = bool(
            self.instance.entry_id and (self.instance.entry.is_individual or type.is_performance)
        )
        if self.loses_recognition:
            self.initial["entry"] = None
        self.initial.setdefault("edition", self.instance.edition)
        self.fields["entry"].queryset = self._entries()
        self.fields["files"].required = type.min_files > 0 and not self.kept
        if type.min_files > 1:
            self.fields["files"].help_text = f"{self.fields['files'].help_text} {_at_least(type)}"
        self.fields["files"].widget.attrs["data-upload-url"] = reverse_lazy("achievements:add")
        self._label()
        self.add_extra_fields(type, self.instance.extra)
        for field in self.fields.values():
            field.error_messages["max_length"] = _("最多 %(limit_value)s 个字。")

    def _entries(self):
        """What can be chosen, and what was chosen before it was stopped."""
        rows = CatalogueEntry.objects.choosable()
        if self.instance.entry_id and not self.loses_recognition:
            rows |= CatalogueEntry.objects.filter(pk=self.instance.entry_id)
        return rows.select_related("institution", "type")

    @property
    def is_change(self):
        return self.instance.pk is not None

    def _label(self):
        labels = {
            "name": self.type.name_label,
            "body_name": self.type.body_label,
            "certificate_number": self.type.number_label,
            "obtained_on": self.type.obtained_label,
        }
        for name, label in labels.items():
            self.fields[name].label = label
        for name in ["body_name", "body_code", "certificate_number"]:
            self.fields[name].required = not self.type.is_performance
        for name in [*labels, "body_code"]:
            self.fields[name].error_messages["required"] = _("请填写%s。") % self.fields[name].label
        if self.fields["body_code"].required:
            self.fields["body_code"].help_text = _("没有代码时填“无”。")
            self.fields["certificate_number"].help_text = _("没有编号时填“无”。")
        self.fields["score"].widget.attrs |= {"min": "0", "max": "9999.99"}

    def clean_obtained_on(self):
        obtained_on = self.cleaned_data["obtained_on"]
        check_obtained_on(obtained_on, today=timezone.localdate())
        return obtained_on

    def clean_score(self):
        score = self.cleaned_data["score"]
        if score is not None and score < 0:
            raise ValidationError(self.fields["score"].error_messages["invalid"])
        return score

    def clean_files(self):
        uploads = self.cleaned_data["files"]
        number = len(self.kept) + len(uploads)
        if any(file.state == EvidenceFile.State.REFUSED for file in self.kept):
            raise ValidationError(_("有材料没有通过检查,请先移除它,再提交。"))
        if number > settings.EVIDENCE_FILES_PER_RECORD:
            raise ValidationError(_("每项成果最多上传%d个文件。") % settings.EVIDENCE_FILES_PER_RECORD)
        if number < self.type.min_files:
            raise ValidationError(_at_least(self.type))
        return uploads

    def clean(self):
        data = super().clean()
        if entry := data.get("entry"):
            self._take_over(data, entry)
        return data

    def _take_over(self, data, entry):
        """A catalogue achievement carries the entry's name, body and code, whatever was typed."""
        data["name"], data["body_name"] = entry.name, entry.institution.name
        data["body_code"] = entry.institution.bank_code or ""
        for name in ["name", "body_name", "body_code"]:
            self.errors.pop(name, None)
        if entry.type_id != self.type.pk:
            self.add_error("entry", _("所选成果属于“%s”,请先改选成果分类。") % entry.type)

    def _post_clean(self):
        self.instance.certificate_key = Achievement.key_of(
            self.cleaned_data.get("certificate_number", ""), self.cleaned_data.get("body_name", "")
        )
        super()._post_clean()

    def save(self):
        """Save and return the achievement, or its new version; None when it can't be, which the form then says."""
        data = self.cleaned_data
        self.instance.extra = self.extra_values()
        facts = {"achievement": self.instance, "files": data["files"], "kept": self.kept}
        facts |= {"by": self.user, "token": self.token}
        try:
            if self.is_change:
                return change_achievement(**facts, edition=data["edition"])
            return add_achievement(**facts)
        except KnownCertificateError:
            self.add_error(None, Achievement._meta.constraints[0].violation_error_message)
        except ReplacedMeanwhileError:
            self.add_error(None, _replaced(self.instance))
        except EditedMeanwhileError as error:
            self.add_error(None, _edited(self.instance))
            self.overwrite(error.now)
        return None

    def overwrite(self, edition):
        """Let a refused form, sent again, replace this edition: whoever sends it has been told."""
        self.data = self.data.copy()
        self.data["edition"] = edition

    @property
    def says_the_same(self):
        """Whether a bound form says of its achievement what that says already; its files aside."""
        if set(self.errors) - {"files"}:
            return False
        said = {name: self.cleaned_data[name] for name in self._meta.fields}
        said["entry"] = said["entry"] and said["entry"].pk
        return said == {name: self.initial[name] for name in said} and self.extra_values() == self.extra_held


def _at_least(type_):
    return _("这类成果至少需要%s个文件。") % type_.min_files


def _replaced(achievement):
    newest = Achievement.objects.current().get(first_version__versions=achievement.pk)
    text = _('这项成果已在别处更正过,请打开它的<a href="{}">最新版本</a>再修改。')
    return format_html(text, newest.get_absolute_url())


def _edited(achievement):
    text = _(
        "这项成果在这个页面打开以后修改过,现在填写的内容还没有保存。请先看看"
        '<a href="{}" target="_blank">现在的内容</a>;确实要以这里填写的为准的话,再提交一次。'
    )
    return format_html(text, achievement.get_absolute_url())


def filled_by(entry):
    """What choosing a catalogue entry fills in, by field."""
    institution = entry.institution
    code = institution.bank_code or str(_("无"))
    return {"entry": entry.pk, "name": entry.name, "body_name": institution.name, "body_code": code}


def type_tree():
    """The level-1 types in use, each with `offered`: its level-2 types. One query."""
    types = list(AchievementType.objects.filter(is_active=True))
    parents = [type_ for type_ in types if type_.parent_id is None]
    for parent in parents:
        parent.offered = [type_ for type_ in types if type_.parent_id == parent.pk]
    return parents


def chosen_type(data, tree=None):
    """The level-2 type that 成果分类 names, or None."""
    asked = str(data.get("type", ""))
    offered = (type_ for parent in (type_tree() if tree is None else tree) for type_ in parent.offered)
    return next((type_ for type_ in offered if str(type_.pk) == asked), None)
