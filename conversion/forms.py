import uuid
from datetime import timedelta

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from accounts.documents import DocumentKind, parse
from accounts.models import Institution
from accounts.models.learner import document_digest
from accounts.row_ids import row_ids
from achievements.models import Achievement, AchievementType, CatalogueEntry
from achievements.search import Hits, terms_of
from conversion.criteria import performance_versions
from conversion.models import Application, ConversionRule, Course, ReasonCode, ReviewerDocument, RuleVersion
from conversion.models.application import Action, InvalidTransitionError, Kind, Status
from conversion.queue import SCOPES, reviews_something, visible
from conversion.services.appeals import AppealRefusedError, appeal
from conversion.services.applications import (
    AlreadyAppliedError,
    CorrectedMeanwhileError,
    NotEligibleError,
    resubmit,
    submit_conversion,
    submit_performance,
    submit_recognition,
)
from conversion.what_if import imagined, naming_rules
from evidence.forms import EvidenceField


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

    def type_options(self):
        """(value, words, chosen) of each option: the widget renders a template for every one of them."""
        field, chosen = self.fields["type"], str(self["type"].value() or "")
        rows = field.queryset.values_list("pk", "name")
        return ("", field.empty_label, not chosen), *((pk, name, str(pk) == chosen) for pk, name in rows)


class RuleFilterForm(forms.Form):
    """Words to look for in a rule's title, institution, programme or course; several words mean all of them."""

    q = forms.CharField(label=_("规则、机构、专业或课程"), max_length=100, required=False)

    def apply(self, versions):
        if not self.is_valid():
            return versions
        return versions.search(self.cleaned_data["q"])


class WhatIfForm(forms.Form):
    """Certificates that somebody might hold: `entry` repeated, with `score_ID` and `obtained_ID` of each."""

    MOST = 10

    find = forms.CharField(label=_("添加证书"), max_length=100, required=False)
    q = forms.CharField(label=_("只看机构、专业或课程"), max_length=100, required=False)
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

    def hits(self):
        """Entries to add, the best ten; none while nothing is looked for."""
        found = Hits(self.terms)[:10] if self.terms else []
        return [entry for entry in found if entry not in self.entries]

    def versions(self, achievements):
        self.is_valid()
        rows = naming_rules(achievements)
        if self.cleaned_data.get("open"):
            rows = rows.filter(is_open=True)
        return rows.search(self.cleaned_data.get("q", ""))


class CourseSearchForm(forms.Form):
    """Words to look for in a course, its programme or institution; several words mean all of them."""

    q = forms.CharField(label=_("院校、专业或课程"), max_length=100, required=False)

    def courses(self):
        rows = Course.objects.filter(rule_versions__in=RuleVersion.objects.in_force()).distinct()
        rows = rows.select_related("programme__institution").order_by("programme", "code", "pk")
        words = self.cleaned_data["q"].split()[:8] if self.is_valid() else []
        for word in words:
            rows = rows.filter(
                Q(name__icontains=word)
                | Q(code__iexact=word)
                | Q(programme__name__icontains=word)
                | Q(programme__cohort=word.removesuffix("级"))
                | Q(programme__institution__name__icontains=word)
            )
        return rows


class ConversionForm(forms.Form):
    """成果转换: a rule for the chosen achievements, with optional material."""

    files = EvidenceField(label=_("上传相关资料"), required=False)
    version = forms.ModelChoiceField(
        RuleVersion.objects.none(),
        label=_("请选择规则"),
        error_messages={
            "required": _("请选择规则。"),
            "invalid_choice": _("这条规则不在可选之列,请重新选择。"),
        },
    )
    token = forms.UUIDField(widget=forms.HiddenInput, error_messages={"required": _("页面已过期,请重新打开。")})

    def __init__(self, *args, user, achievements, **kwargs):
        super().__init__(*args, initial={"token": uuid.uuid4()}, **kwargs)
        self.user, self.achievements = user, achievements
        self.fields["version"].queryset = RuleVersion.objects.with_target().with_sources()

    def save(self):
        """Submit and return the application, or None with an error beside the field."""
        data = self.cleaned_data
        try:
            return submit_conversion(
                by=self.user,
                version=data["version"],
                achievements=self.achievements,
                uploads=data["files"],
                token=data["token"],
            )
        except NotEligibleError as error:
            missing = "、".join(error.assessment.missing)
            self.add_error("version", _("不符合这条规则的条件:%s") % missing)
        except (AlreadyAppliedError, CorrectedMeanwhileError) as error:
            self.add_error("version", error.message)
        return None


class QueueForm(forms.Form):
    """The filters of the reviewers' queue."""

    scope = forms.ChoiceField(label=_("范围"), required=False)
    kind = forms.ChoiceField(label=_("申请种类"), choices=[("", _("全部种类")), *Kind.choices], required=False)
    status = forms.ChoiceField(label=_("状态"), choices=[("", _("全部状态")), *Status.choices], required=False)
    institution = forms.ModelChoiceField(
        Institution.objects.filter(pk__in=ConversionRule.objects.values("institution")),
        label=_("接收机构"),
        empty_label=_("全部机构"),
        required=False,
    )
    q = forms.CharField(
        label=_("申请编号、申请人姓名或规则编号"),
        max_length=60,
        required=False,
        widget=forms.TextInput({"type": "search"}),
    )

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.user = user
        self.fields["scope"].choices = [(value, label) for value, (label, *_rest) in SCOPES.items()]
        if not user.belongs_to_centre:
            del self.fields["institution"]

    @cached_property
    def reviews(self):
        """Whether this member of staff decides cases at all."""
        return reviews_something(self.user)

    @cached_property
    def scope_shown(self):
        """What a reviewer sees without asking: what waits for him; other staff sees what is under review."""
        asked = self.cleaned_data.get("scope") if self.is_valid() else ""
        return asked or ("mine" if self.reviews else "open")

    @property
    def order(self):
        return SCOPES[self.scope_shown][2]

    def applications(self):
        """The visible cases that the filters name; wrong input filters nothing."""
        data = self.cleaned_data if self.is_valid() else {}
        _label, scope, _order = SCOPES[self.scope_shown]
        rows = visible(Application.objects.filter(scope(self.user)), self.user)
        wanted = {
            "kind": data.get("kind"),
            "status": data.get("status"),
            "receiving_institution": data.get("institution"),
        }
        rows = rows.filter(**{column: value for column, value in wanted.items() if value})
        return rows.filter(_named(data["q"].strip())) if data.get("q", "").strip() else rows


def _named(text):
    """Cases by number, the applicant's name or the rule's code, each exactly: the queue is long."""
    number = row_ids([text])
    return Q(pk__in=number) | Q(learner__name=text) | Q(rule_version__rule__code__iexact=text)


class ReasonField(forms.ModelChoiceField):
    """A reason code of the centre's list; says which ones serve for a case whose every condition holds."""

    def label_from_instance(self, reason):
        return _("%s(规则已满足时可用)") % reason.text if reason.for_met_rule else reason.text


class ReviewForm(forms.Form):
    """One review decision."""

    action = forms.ChoiceField(label=_("审核结论"), widget=forms.RadioSelect)
    reason = ReasonField(
        ReasonCode.objects.filter(Q(for_refusal=True) | Q(for_return=True) | Q(for_met_rule=True), is_active=True),
        label=_("原因"),
        required=False,
        empty_label=_("请选择(不予通过或退回时必选)"),
    )
    opinion = forms.CharField(label=_("审核意见"), max_length=1000, required=False, widget=forms.Textarea({"rows": 4}))
    seen_status = forms.CharField(widget=forms.HiddenInput, max_length=20)

    def __init__(self, *args, actions, needs_reason, criteria=(), **kwargs):
        super().__init__(*args, **kwargs)
        self.needs_reason, self.criteria = needs_reason, list(criteria)
        self.fields["action"].choices = [(action.value, action.label) for action in actions]
        for criterion in self.criteria:
            self.fields[f"criterion_{criterion.pk}"] = _criterion_field(criterion)

    @property
    def criterion_fields(self):
        return [self[f"criterion_{criterion.pk}"] for criterion in self.criteria]

    @property
    def findings(self):
        """What the reviewer found out, as {criterion: number}."""
        found = {criterion: self.cleaned_data.get(f"criterion_{criterion.pk}") for criterion in self.criteria}
        return {criterion: number for criterion, number in found.items() if number is not None}

    def clean_action(self):
        return Action(self.cleaned_data["action"])

    def clean(self):
        data = super().clean()
        if data.get("action") in self.needs_reason and not data.get("reason") and "reason" not in self.errors:
            self.add_error("reason", ValidationError(_("不予通过或退回时必须选择原因。"), code="required"))
        if data.get("action") == Action.FIRST_APPROVE:
            self._check_criteria(data)
        return data

    def _check_criteria(self, data):
        """An approval needs every number, none below its least; a refusal may leave them out."""
        for criterion in self.criteria:
            name = f"criterion_{criterion.pk}"
            number = data.get(name)
            if number is None and name not in self.errors:
                self.add_error(name, _("通过之前请填写%s。") % criterion.label)
            elif number is not None and number < criterion.minimum:
                self.add_error(name, _("低于规则要求(%s),不能通过。") % criterion)


def _criterion_field(criterion):
    return forms.DecimalField(label=str(criterion), min_value=0, max_digits=7, decimal_places=1, required=False)


def chosen_achievements(data, user):
    """The user's own achievements that `achievement=…` names, in grid order; other ids are ignored."""
    ids = row_ids(data.getlist("achievement"))
    rows = Achievement.objects.of(user).current().filter(pk__in=ids[:50])
    return list(rows.select_related("type", "entry__institution").order_by("-created_at", "-pk"))


class CaseForm(forms.Form):
    """Material for a case, and the token that makes a repeated POST harmless."""

    files = EvidenceField(label=_("补充材料"), required=False)
    token = forms.UUIDField(widget=forms.HiddenInput, error_messages={"required": _("页面已过期,请重新打开。")})

    def __init__(self, *args, user, achievement, **kwargs):
        super().__init__(*args, initial={"token": uuid.uuid4()}, **kwargs)
        self.user, self.achievement = user, achievement

    def save(self):
        """Submit and return the application, or None with an error on the form."""
        data = self.cleaned_data
        common = {
            "by": self.user, "achievement": self.achievement, "uploads": data["files"], "token": data["token"],
        }  # fmt: skip
        try:
            return self._submit(**common)
        except NotEligibleError as error:
            self.add_error(None, _("不符合条件:%s") % "、".join(error.assessment.missing))
        except (AlreadyAppliedError, CorrectedMeanwhileError) as error:
            self.add_error(None, error.message)
        return None


class RecognitionForm(CaseForm):
    """认定成果申请 of one achievement."""

    def _submit(self, **common):
        return submit_recognition(**common)


class PerformanceForm(CaseForm):
    """业绩类成果转换申请 of one achievement under one criteria table."""

    version = forms.ModelChoiceField(
        RuleVersion.objects.none(), label=_("请选择业绩标准"), error_messages={"required": _("请选择业绩标准。")}
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["version"].queryset = performance_versions(self.achievement)

    def _submit(self, **common):
        return submit_performance(version=self.cleaned_data["version"], **common)


class ResubmissionForm(forms.Form):
    """What a returned case asked for."""

    files = EvidenceField(label=_("补充材料"), required=False)
    explanation = forms.CharField(
        label=_("补充说明"), max_length=1000, required=False, widget=forms.Textarea({"rows": 4})
    )

    def __init__(self, *args, user, application, **kwargs):
        super().__init__(*args, **kwargs)
        self.user, self.application = user, application

    def clean(self):
        data = super().clean()
        if not self.errors and not data["files"] and not data["explanation"].strip():
            raise ValidationError(_("请上传补充材料,或写明补充说明。"))
        return data

    def save(self):
        data = self.cleaned_data
        try:
            return resubmit(
                application=self.application, by=self.user, uploads=data["files"], explanation=data["explanation"]
            )
        except InvalidTransitionError:
            self.add_error(None, _("这件申请的状态已变化,请刷新页面。"))
        return None


class AppealForm(forms.Form):
    """申诉 of a refusal: why it should be looked at again."""

    text = forms.CharField(
        label=_("申诉理由"),
        max_length=1000,
        widget=forms.Textarea({"rows": 6}),
        error_messages={"required": _("请写明申诉理由。")},
    )
    files = EvidenceField(label=_("补充材料"), required=False)

    def __init__(self, *args, user, application, **kwargs):
        super().__init__(*args, **kwargs)
        self.user, self.application = user, application

    def save(self):
        """Appeal and return the application, or None with an error on the form."""
        data = self.cleaned_data
        try:
            return appeal(application=self.application, by=self.user, text=data["text"], uploads=data["files"])
        except AppealRefusedError as error:
            self.add_error(None, error.message)
        return None


class RevocationForm(forms.Form):
    """Why an approved case is revoked."""

    reason = forms.ModelChoiceField(
        ReasonCode.objects.filter(is_active=True, for_revocation=True),
        label=_("撤销原因"),
        error_messages={"required": _("撤销时必须选择原因。")},
    )
    opinion = forms.CharField(label=_("说明"), max_length=1000, required=False, widget=forms.Textarea({"rows": 4}))


class ReviewerDocumentForm(forms.ModelForm):
    """The document number of a staff member; only its keyed digest is kept."""

    kind = forms.ChoiceField(label=_("证件类型"), choices=DocumentKind.choices)
    number = forms.CharField(label=_("证件号码"), max_length=32, help_text=_("只保存摘要,用于发现本人的申请。"))

    class Meta:
        model = ReviewerDocument
        fields = ["user"]

    def clean(self):
        data = super().clean()
        if data.get("kind") and data.get("number"):
            try:
                number = parse(DocumentKind(data["kind"]), data["number"]).number
            except ValidationError as error:
                self.add_error("number", error)
            else:
                self._keep(document_digest(number))
        return data

    def _keep(self, digest):
        if ReviewerDocument.objects.filter(document_digest=digest).exists():
            self.add_error("number", _("这个证件号码已登记在另一个工作账号上。"))
        self.instance.document_digest = digest


class RecognitionOutcomeForm(forms.Form):
    """What a recognised achievement is: an entry of the catalogue, or a new one."""

    entry = forms.ModelChoiceField(
        CatalogueEntry.objects.public().select_related("institution", "type"),
        label=_("关联已有名录成果(编号)"),
        required=False,
        widget=forms.NumberInput,
        help_text=_("填写名录成果的编号;没有合适的,留空并填写下面几项新建。"),
        error_messages={"invalid_choice": _("没有这个编号的名录成果。")},
    )
    project_name = forms.CharField(label=_("项目名称"), max_length=100, required=False)
    entry_name = forms.CharField(label=_("成果名称"), max_length=200, required=False)
    institution = forms.ModelChoiceField(
        Institution.objects.filter(status=Institution.Status.APPROVED), label=_("资历机构"), required=False
    )
    framework_level = forms.IntegerField(label=_("资历框架等级"), min_value=1, max_value=7, required=False)
    credits = forms.DecimalField(label=_("学分"), min_value=0, max_digits=5, decimal_places=1, required=False)

    def __init__(self, *args, achievement, **kwargs):
        initial = {"entry_name": achievement.name, "project_name": achievement.type.name}
        super().__init__(*args, initial=initial, **kwargs)
        self.achievement = achievement

    def clean(self):
        data = super().clean()
        if not data.get("entry") and "entry" not in self.errors:
            for name in ["project_name", "entry_name", "institution", "framework_level", "credits"]:
                if data.get(name) in (None, "") and name not in self.errors:
                    self.add_error(name, _("新建名录成果时必填。"))
            if not self.errors:
                self._check_new(data)
        return data

    def _check_new(self, data):
        self.new_entry = CatalogueEntry(
            project_name=data["project_name"],
            name=data["entry_name"],
            institution=data["institution"],
            type=self.achievement.type,
            framework_level=data["framework_level"],
            credits=data["credits"],
        )
        try:
            self.new_entry.validate_constraints()
        except ValidationError as error:
            self.add_error(None, error)

    def outcome(self):
        """The entry the achievement becomes; a new one is not saved yet."""
        return self.cleaned_data["entry"] or self.new_entry


class ShareForm(forms.Form):
    """Until when a link shows a certificate, and for whom it is meant (seen by its maker only)."""

    until = forms.DateField(
        label=_("有效期至(含当日)"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    note = forms.CharField(
        label=_("备注"), max_length=60, required=False, help_text=_("只有您自己能看到,如“应聘甲公司”。")
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        today = timezone.localdate()
        self.last = today + timedelta(days=settings.SHARE_DAYS)
        self.fields["until"].widget.attrs |= {"min": today.isoformat(), "max": self.last.isoformat()}

    def clean_until(self):
        until = self.cleaned_data["until"]
        if until < timezone.localdate():
            raise ValidationError(_("请选择今天或以后的日期。"))
        if until > self.last:
            raise ValidationError(_("最晚可以设到 %s。") % self.last.isoformat())
        return until


class CorrectionForm(forms.Form):
    """Why a certificate is corrected; whoever checks the old one reads it."""

    reason = forms.CharField(
        label=_("更正原因"), max_length=200, help_text=_("查验旧证明的人会看到,请不要写入个人信息。")
    )
