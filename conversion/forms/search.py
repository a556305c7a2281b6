"""What filters and searches ask."""

from django import forms
from django.db import connection
from django.db.models import Q
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from accounts.row_ids import row_ids
from achievements.models import AchievementType, CatalogueEntry
from achievements.search import Hits, terms_of
from conversion.models import Course, RuleVersion
from conversion.models.cohorts import search_words
from conversion.what_if import imagined, naming_rules

# Every page of the grid asks for them: the ORM takes longer to spell it.
TYPES = "SELECT id, name FROM achievements_achievementtype WHERE parent_id IS NOT NULL ORDER BY position, id"


class GridFilterForm(forms.Form):
    """The filters of 转换成果申请."""

    name = forms.CharField(label=_("成果名称"), max_length=200, required=False)
    type = forms.ModelChoiceField(
        AchievementType.objects.filter(parent__isnull=False),
        label=_("成果类型"),
        empty_label=_("请选择成果类型"),
        required=False,
    )
    body = forms.CharField(label=_("来源机构"), max_length=120, required=False)

    def wanted(self):
        """What the filters name, as `rules.grid_page` takes it; wrong input filters nothing."""
        if not self.is_valid():
            return {}
        data = self.cleaned_data
        return {"name": data["name"], "body": data["body"], "type": data["type"] and data["type"].pk}

    @property
    def is_empty(self):
        """Whether nothing was typed: then the filters look the same for everybody."""
        return not any(self.typed.values())

    @property
    def typed(self):
        return {"name": self.data.get("name", ""), "body": self.data.get("body", "")}

    def type_options(self):
        """(value, words, chosen) of each option: the widget renders a template for every one of them."""
        chosen = self.data.get("type", "")
        with connection.cursor() as cursor:
            cursor.execute(TYPES)
            rows = cursor.fetchall()
        return ("", self.fields["type"].empty_label, not chosen), *((pk, name, str(pk) == chosen) for pk, name in rows)


class RuleFilterForm(forms.Form):
    """Words to look for in a rule's title, institution, programme or course; several words mean all of them."""

    q = forms.CharField(label=_("规则、机构、专业、年级或课程"), max_length=100, required=False)

    def apply(self, versions):
        if not self.is_valid():
            return versions
        return versions.search(self.cleaned_data["q"])


class WhatIfForm(forms.Form):
    """Certificates that somebody might hold: `entry` repeated, with `score_ID` and `obtained_ID` of each."""

    MOST = 10

    find = forms.CharField(label=_("添加证书"), max_length=100, required=False)
    q = forms.CharField(label=_("只看机构、专业、年级或课程"), max_length=100, required=False)
    open = forms.BooleanField(label=_("只看有位置的规则"), required=False)

    def __init__(self, data):
        super().__init__(data)
        ids = row_ids(dict.fromkeys(data.getlist("entry")))[: self.MOST]
        entries = CatalogueEntry.objects.public().select_related("institution", "type", "family").in_bulk(ids)
        self.entries = [entries[pk] for pk in ids if pk in entries]
        self.is_full = len(self.entries) == self.MOST
        for entry in self.entries:
            self.fields[f"score_{entry.pk}"] = forms.DecimalField(
                label=_("成绩"), min_value=0, max_digits=6, decimal_places=2, required=False
            )
            self.fields[f"obtained_{entry.pk}"] = forms.DateField(
                label=_("取得时间"), required=False, widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d")
            )

    @property
    def chosen(self):
        """(entry, score field, date field) of each certificate."""
        return [(entry, self[f"score_{entry.pk}"], self[f"obtained_{entry.pk}"]) for entry in self.entries]

    def achievements(self):
        """The certificates as achievements nobody has saved; a wrong score or date counts as not given."""
        self.is_valid()
        data = self.cleaned_data
        return [
            imagined(entry, score=data.get(f"score_{entry.pk}"), obtained_on=data.get(f"obtained_{entry.pk}"))
            for entry in self.entries
        ]

    @property
    def is_narrowed(self):
        return bool(self.cleaned_data.get("q") or self.cleaned_data.get("open"))

    @cached_property
    def terms(self):
        self.is_valid()
        return terms_of(anywhere=self.cleaned_data.get("find", ""))

    @cached_property
    def found(self):
        """The best ten entries of what is looked for; none while nothing is."""
        return list(Hits(self.terms)[:10]) if self.terms else []

    def hits(self):
        """Those of them that can be added."""
        return [entry for entry in self.found if entry not in self.entries]

    def versions(self, achievements):
        self.is_valid()
        rows = naming_rules(achievements)
        if self.cleaned_data.get("open"):
            rows = rows.filter(is_open=True)
        return rows.search(self.cleaned_data.get("q", ""))


class CourseSearchForm(forms.Form):
    """Words to look for in a course, its programme or institution; several words mean all of them."""

    q = forms.CharField(label=_("院校、专业、年级或课程"), max_length=100, required=False)

    def courses(self):
        rows = Course.objects.filter(rule_versions__in=RuleVersion.objects.in_force()).distinct()
        rows = rows.select_related("programme__institution").order_by("programme", "code", "pk")
        words = search_words(self.cleaned_data["q"]) if self.is_valid() else []
        for word, cohorts in words:
            found = (
                Q(name__icontains=word)
                | Q(code__iexact=word)
                | Q(programme__name__icontains=word)
                | Q(programme__institution__name__icontains=word)
            )
            rows = rows.filter(found | cohorts.among("programme__") if cohorts else found)
        return rows
