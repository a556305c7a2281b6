"""Entries of the catalogue as institutions draft them and operators keep them."""

import re

from django import forms
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _

from accounts.forms.lines import Lines
from accounts.forms.uploads import ImportUploadForm
from achievements.forms.catalogue import WordsField
from achievements.models import AchievementType, CatalogueAlias, CatalogueEntry, CatalogueImport
from achievements.rules import check_valid_day
from achievements.search import holding, storable, terms_of
from achievements.services.catalogue import DRAFT_FIELDS, MEANING, EntryError, save_draft, stop_entry

MOST_ALIASES = 20
Status = CatalogueEntry.Status
OWN_STATES = [(value, label) for value, label in Status.choices if value != Status.INDIVIDUAL]
DATE = {"type": "date"}


def type_choices():
    """Level-2 types under their level-1 ones, as a select shows them."""
    rows = AchievementType.objects.filter(parent__isnull=False, is_active=True).select_related("parent")
    groups = {}
    for row in rows.order_by("parent__position", "position"):
        groups.setdefault(row.parent.name, []).append((row.pk, row.name))
    return [("", _("请选择")), *groups.items()]


def tidied(name):
    """A name without stray spaces and unseen characters, as imports store it too."""
    return " ".join(storable(name).split())


def _valid_day(date):
    if date:
        check_valid_day(date)
    return date


class EntryFormMixin:
    """What is asked of an entry whoever keeps it."""

    def clean_project_name(self):
        return tidied(self.cleaned_data["project_name"])

    def clean_name(self):
        return tidied(self.cleaned_data["name"])

    def clean_valid_from(self):
        return _valid_day(self.cleaned_data["valid_from"])

    def clean_valid_to(self):
        return _valid_day(self.cleaned_data["valid_to"])

    def clean(self):
        data = super().clean()
        begins, ends = data.get("valid_from"), data.get("valid_to")
        if begins and ends and ends < begins:
            self.add_error("valid_to", _("失效日期不能早于生效日期。"))
        return data


class OwnEntryForm(EntryFormMixin, forms.ModelForm):
    """An institution's draft; it says nothing of status, family or other institutions."""

    aliases = forms.CharField(
        label=_("别名"),
        required=False,
        max_length=600,
        widget=Lines({"rows": 3}),
        help_text=_("学习者可能用来查找的其他名称,每行一个"),
    )

    class Meta:
        model = CatalogueEntry
        fields = DRAFT_FIELDS
        widgets = {
            "description": Lines({"rows": 4}),
            "valid_from": forms.DateInput(DATE, format="%Y-%m-%d"),
            "valid_to": forms.DateInput(DATE, format="%Y-%m-%d"),
        }

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.user = user
        self.instance.institution = user.institution
        self.fields["type"].queryset = AchievementType.objects.filter(parent__isnull=False, is_active=True)
        self.fields["type"].choices = type_choices()
        for name in ["hours", "credits"]:
            self.fields[name].widget.attrs["min"] = 0  # from which a browser counts its steps, too
        self.fields["level"].choices = [("", _("无")), *CatalogueEntry.Level.choices]
        if self.instance.pk:
            names = self.instance.aliases.filter(kind="alias").values_list("name", flat=True)
            self.initial["aliases"] = "\n".join(names)

    def clean_aliases(self):
        lines = re.split(r"[\n;；]", self.cleaned_data["aliases"])
        names = list(dict.fromkeys(filter(None, map(tidied, lines))))
        if len(names) > MOST_ALIASES:
            raise ValidationError(_("最多%s个别名。") % MOST_ALIASES)
        if any(len(name) > 200 for name in names):
            raise ValidationError(_("别名不能超过200个字。"))
        return names

    def _get_validation_exclusions(self):
        return super()._get_validation_exclusions() - {"institution"}  # for "once per institution"

    def save(self):
        """Save the draft; None, with the error on the form, when it can't be one (any more)."""
        try:
            return save_draft(entry=self.instance, aliases=self.cleaned_data["aliases"], by=self.user)
        except EntryError as error:
            self.add_error(None, error.message)
        except IntegrityError:
            self.add_error(None, _("该机构已有同名的成果。"))
        return None


class OwnEntrySearchForm(forms.Form):
    """An institution among its own entries."""

    q = WordsField(label=_("关键词"))
    status = forms.ChoiceField(label=_("状态"), required=False, choices=[("", _("全部")), *OWN_STATES])

    def among(self, rows):
        """Those of the rows that are asked for; none while a box is wrong."""
        if not self.is_valid():
            return rows.none()
        status = self.cleaned_data["status"]
        return holding(rows.filter(status=status) if status else rows, terms_of(anywhere=self.cleaned_data["q"]))


class StopForm(forms.Form):
    """停用, with its reason."""

    reason = forms.CharField(label=_("停用原因"), max_length=200, help_text=_("会显示在成果名录中"))

    def stop(self, *, entry, by):
        stop_entry(entry=entry, by=by, reason=self.cleaned_data["reason"])


class EntryAdminForm(EntryFormMixin, forms.ModelForm):
    """An entry in the admin. What an approved entry means changes with a reason only."""

    reason = forms.CharField(
        label=_("原因"),
        required=False,
        max_length=500,
        widget=Lines({"rows": 2, "cols": 80}),
        help_text=_("变更已批准的成果、退回、停用时必填;变更和停用的原因会公开,退回的原因机构能看到"),
    )

    class Meta:
        model = CatalogueEntry
        fields = ["institution", *DRAFT_FIELDS, "family", "family_rank"]
        widgets = {"description": Lines({"rows": 5, "cols": 80})}

    def clean(self):
        data = super().clean()
        changed = MEANING.intersection(self.changed_data)
        if self.instance.is_settled and changed and not data.get("reason"):
            self.add_error("reason", _("这项成果已批准,变更时请填写原因。"))
        return data


class AliasAdminForm(forms.ModelForm):
    class Meta:
        model = CatalogueAlias
        fields = ["name", "kind"]

    def clean_name(self):
        return tidied(self.cleaned_data["name"])


class CatalogueUploadForm(ImportUploadForm):
    model = CatalogueImport
    file_label = _("名录文件")
