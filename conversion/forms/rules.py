"""What is typed where rules are kept."""

from operator import attrgetter

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.core.validators import MinValueValidator
from django.utils.translation import gettext_lazy as _

from accounts.forms.uploads import ImportUploadForm
from accounts.models import Institution
from conversion.models import (
    Cohorts,
    ConversionCap,
    ConversionRule,
    ExclusivityGroup,
    Programme,
    RuleImport,
    RuleVersion,
)
from conversion.rules.differences import FIELDS
from conversion.services import publishing
from conversion.services.cohorts import overlap_with
from vault.whole_forms import WholeRowMixin

Action = publishing.Action
VERBS = {
    Action.PUBLISHED: publishing.publish_version,
    Action.SUSPENDED: publishing.suspend_version,
    Action.RESUMED: publishing.resume_version,
    Action.RETIRED: publishing.retire_version,
}


class LimitsMixin:
    """Numbers with their limits, told beside the field: of a constraint only the name would be told."""

    lowest = {}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name in self.lowest.keys() & self.fields.keys():
            field = self.fields[name]
            field.validators.append(MinValueValidator(self.lowest[name]))
            field.widget.attrs["min"] = self.lowest[name]


class RuleVersionForm(LimitsMixin, forms.ModelForm):
    """A draft; what only fits together is told beside the field."""

    lowest = {"credits": 0}

    class Meta:
        model = RuleVersion
        fields = ["rule", *FIELDS, "exclusivity_groups"]
        help_texts = {"credits": _("业绩类规则的学分按业绩标准的各档计算,这里填最高一档的学分")}

    def clean(self):
        data = super().clean()
        rule = data.get("rule") or (self.instance.rule if self.instance.rule_id else None)
        if rule:
            self._check_rule(rule, data)
        if data.get("valid_from") and data.get("valid_to") and data["valid_to"] < data["valid_from"]:
            self.add_error("valid_to", _("失效日期不能早于生效日期。"))
        if data.get("score_policy") == RuleVersion.ScorePolicy.FIXED and not data.get("fixed_score"):
            self.add_error("fixed_score", _("请填写固定成绩。"))
        return data

    def _check_rule(self, rule, data):
        course = data.get("course")
        if course and course.programme.institution_id != rule.institution_id:
            self.add_error("course", _("目标课程不属于规则的接收机构。"))
        other = rule.versions.filter(status=RuleVersion.Status.DRAFT).exclude(pk=self.instance.pk).first()
        if other and "rule" in self.fields:
            self.add_error("rule", _("这条规则已有草稿第%d版,请修改它。") % other.number)
        if rule.kind == ConversionRule.Kind.PERFORMANCE and not data.get("achievement_type"):
            self.add_error("achievement_type", _("业绩类规则要选择业绩类型。"))
        if rule.kind == ConversionRule.Kind.CONVERSION and data.get("achievement_type"):
            self.add_error("achievement_type", _("成果转换规则不填写业绩类型。"))


class VersionPartForm(LimitsMixin, forms.ModelForm):
    """A group, a line of a table or an example: its place or name stands once in a version, told beside it."""

    lowest = {"choose": 1, "credits": 0}

    def _post_clean(self):
        """After Django's own check, which tells it above the form, and nothing where the version is shown as fixed."""
        super()._post_clean()
        key = "position" if "position" in self.fields else "name"
        value = self.cleaned_data.get(key)
        if self.instance.version_id and value not in (None, "") and self._is_taken(**{key: value}):
            if self.has_error(NON_FIELD_ERRORS, "unique_together"):
                del self.errors[NON_FIELD_ERRORS]
            self.add_error(key, _("这个版本已有“%s”,请换一个。") % value)

    def _is_taken(self, **place):
        others = self._meta.model.objects.filter(version=self.instance.version_id, **place)
        return others.exclude(pk=self.instance.pk).exists()


class ExclusivityGroupForm(forms.ModelForm):
    """The scope of a group in use never changes: a database trigger keeps that, this tells it."""

    class Meta:
        model = ExclusivityGroup
        fields = ["code", "name", "institution", "scope"]

    def clean_scope(self):
        scope = self.cleaned_data["scope"]
        if self.instance.pk and scope != self.initial["scope"] and self._is_used():
            raise ValidationError(_("已有发布过的规则使用这个互斥组,范围不能再改。"))
        return scope

    def _is_used(self):
        return self.instance.versions.exclude(status=RuleVersion.Status.DRAFT).exists()


class ConversionCapForm(LimitsMixin, forms.ModelForm):
    """A cap that can hold: of a programme of its institution, and as a share only of credits that are stated."""

    lowest = {"value": 0}

    class Meta:
        model = ConversionCap
        fields = [
            "institution", "programme", "policy_category", "course_nature", "kind", "value", "valid_from", "valid_to",
            "policy_basis",
        ]  # fmt: skip

    def clean(self):
        data = super().clean()
        institution, programme = data.get("institution"), data.get("programme")
        if institution and programme and programme.institution_id != institution.pk:
            self.add_error("programme", _("这个专业属于另一机构。"))
        elif institution and data.get("kind") == ConversionCap.Kind.SHARE:
            self._check_credits(institution, programme)
        if data.get("kind") == ConversionCap.Kind.SHARE and (data.get("value") or 0) > 100:
            self.add_error("value", _("百分比不能超过100。"))
        if data.get("valid_from") and data.get("valid_to") and data["valid_to"] < data["valid_from"]:
            self.add_error("valid_to", _("失效日期不能早于生效日期。"))
        return data

    def _check_credits(self, institution, programme):
        programmes = institution.programmes.filter(total_credits=None)
        unstated = programmes.filter(pk=programme.pk) if programme else programmes
        if names := [str(row) for row in unstated.select_related("institution")[:3]]:
            words = {"names": "、".join(names), "count": unstated.count()}
            self.add_error("kind", _("先登记毕业学分才能按百分比限制,还有%(count)d个专业没有登记:%(names)s") % words)


class PublishedTargetMixin:
    """Before the form of a programme or course: a published rule goes on converting into what was agreed on.

    The database keeps that (`target_is_published`), this tells it. `facts` are the attributes by form field,
    `versions_path` leads from a rule version to the row.
    """

    def _post_clean(self):
        super()._post_clean()
        stored = type(self.instance).objects.filter(pk=self.instance.pk).first()
        changed = [name for name, kept in self.facts.items() if stored and kept(stored) != kept(self.instance)]
        version = changed and RuleVersion.objects.binding().filter(**{self.versions_path: self.instance.pk}).first()
        for name in changed if version else ():
            words = _("已发布的规则%(code)s以它为目标,不能修改。请先停用以它为目标的规则。")
            self.add_error(name, words % {"code": version.rule.code})


class CourseForm(PublishedTargetMixin, LimitsMixin, WholeRowMixin, forms.ModelForm):
    """The code of a course stands once in its programme, which is fixed once the course is there."""

    lowest = {"credits": 0}
    versions_path = "course"
    facts = {name: attrgetter(name) for name in ["code", "name", "credits", "nature"]}


class CohortsField(forms.CharField):
    """One cohort or several in a row, as `Cohorts`."""

    def __init__(self, **options):
        options = {"help_text": _("如 2018;连续几个年级写成 2018—2020"), "max_length": 20} | options
        super().__init__(**options)

    def clean(self, value):
        return Cohorts.read(super().clean(value))


class ProgrammeForm(PublishedTargetMixin, LimitsMixin, WholeRowMixin, forms.ModelForm):
    """毕业学分 can't be emptied while a cap is a share of them: no conversion would pass any more."""

    lowest = {"total_credits": 0}
    versions_path = "course__programme"
    facts = {name: attrgetter(name) for name in ["name", "cohorts"]}

    cohorts = CohortsField(label=_("年级"))

    class Meta:
        model = Programme
        fields = ["institution", "name", "cohorts", "total_credits"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["cohorts"] = str(self.instance.cohorts)

    def clean(self):
        data = super().clean()
        if cohorts := data.get("cohorts"):
            self.instance.cohort, self.instance.cohort_to = cohorts.first, cohorts.last
            self._check_overlap(data, cohorts)
        return data

    def _check_overlap(self, data, cohorts):
        institution = data.get("institution") or self.instance.institution_id
        others = Programme.objects.filter(institution=institution, name=data.get("name")).overlapping(cohorts)
        if other := others.exclude(pk=self.instance.pk).first():
            self.add_error("cohorts", overlap_with(other))

    def clean_total_credits(self):
        credits = self.cleaned_data["total_credits"]
        chosen = self.cleaned_data.get("institution")
        institution = chosen.pk if chosen else self.instance.institution_id
        caps = ConversionCap.objects.filter(institution=institution, kind=ConversionCap.Kind.SHARE)
        if credits is None and any(cap.programme_id in (None, self.instance.pk) for cap in caps):
            raise ValidationError(_("转换上限按毕业学分的百分比计算,请填写。"))
        return credits


class RuleMoveForm(forms.Form):
    """发布、暂停、恢复、停用 with the reason."""

    action = forms.ChoiceField(choices=[(action.value, action.label) for action in VERBS])
    reason = forms.CharField(
        label=_("原因"), max_length=300, required=False, widget=forms.TextInput({"class": "vTextField"})
    )

    @property
    def is_final(self):
        """Whether what is asked for can't be undone."""
        return self.data.get("action") == Action.RETIRED

    def clean(self):
        data = super().clean()
        if data.get("action") in publishing.NEED_REASON and not data.get("reason"):
            self.add_error("reason", _("请填写原因。"))
        return data

    def move(self, *, version, by):
        """Carry it out; raises `PublishingError`."""
        verb = VERBS[Action(self.cleaned_data["action"])]
        return verb(version=version, by=by, reason=self.cleaned_data["reason"])


class CohortCopyForm(forms.Form):
    """Which cohorts' rules to copy, and to which."""

    programme = forms.ModelChoiceField(Programme.objects.none(), label=_("从(专业和年级)"))
    to = CohortsField(label=_("复制到年级"), help_text=_("如 2019;连续几个年级写成 2019—2021"))

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        programmes = Programme.objects.filter(courses__isnull=False).distinct().select_related("institution")
        if not user.belongs_to_centre:
            programmes = programmes.filter(institution=user.institution_id)
        self.fields["programme"].queryset = programmes


class RuleUploadForm(ImportUploadForm):
    """A file of rules; the centre says whose they are."""

    model = RuleImport
    file_label = _("规则文件")

    institution = forms.ModelChoiceField(Institution.objects.none(), label=_("接收机构"))
    field_order = ["institution", "file"]

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        field = self.fields["institution"]
        field.queryset = Institution.objects.exclude(bank_code=None)
        if not user.belongs_to_centre:
            field.queryset = field.queryset.filter(pk=user.institution_id)
            field.empty_label = None
