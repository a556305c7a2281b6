"""What learners hand in."""

import uuid

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.forms.lines import Lines
from accounts.row_ids import row_ids
from achievements.models import Achievement
from conversion.criteria import performance_versions
from conversion.models import RuleVersion
from conversion.models.application import InvalidTransitionError
from conversion.services.appeals import AppealRefusedError, appeal
from conversion.services.applications import (
    AlreadyAppliedError,
    CorrectedMeanwhileError,
    NotEligibleError,
    RefusedEvidenceError,
    resubmit,
    submit_conversion,
    submit_performance,
    submit_recognition,
)
from evidence.forms import EvidenceField, TellsLostFilesMixin


class OnceMixin(TellsLostFilesMixin):
    """A form whose token was used gets its first answer again only if it says the same again.

    What else it says (the page was still open, or shown again by 后退) would get "submitted" and be gone: it is shown
    again under a new token, unsubmitted, and says so.
    """

    def _answer(self, application, *, version, achievements, field):
        used = set(application.sources.values_list("achievement", flat=True))
        if application.rule_version == version and used <= {achievement.pk for achievement in achievements}:
            return application
        self.data = self.data.copy()
        self.data[self.add_prefix("token")] = str(uuid.uuid4())
        words = _("这个页面先前提交的是“%s”,这一次还没有提交。请核对后再点“提交”。")
        self.add_error(field, words % application.title)
        return None


class ConversionForm(OnceMixin, forms.Form):
    """成果转换: a rule for the chosen achievements, with optional material, which the dialog keeps over an error."""

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

    def __init__(self, *args, user, achievements, keeps_files=False, **kwargs):
        super().__init__(*args, initial={"token": uuid.uuid4()}, **kwargs)
        self.user, self.achievements, self.keeps_files = user, achievements, keeps_files
        agreed_on = RuleVersion.objects.exclude(status=RuleVersion.Status.DRAFT)
        self.fields["version"].queryset = agreed_on.with_target().with_sources()

    def save(self):
        """Submit and return the application, or None with an error beside the field."""
        data = self.cleaned_data
        facts = {"version": data["version"], "achievements": self.achievements}
        try:
            application = submit_conversion(by=self.user, uploads=data["files"], token=data["token"], **facts)
            return self._answer(application, field="version", **facts)
        except NotEligibleError as error:
            missing = "、".join(error.assessment.missing)
            self.add_error("version", _("不符合这条规则的条件:%s") % missing)
        except (AlreadyAppliedError, CorrectedMeanwhileError) as error:
            self.add_error("version", error.message)
        return None


def chosen_achievements(data, user):
    """The user's own achievements that `achievement=…` names, in grid order; other ids are ignored."""
    ids = row_ids(data.getlist("achievement"))
    rows = Achievement.objects.of(user).current().filter(pk__in=ids[:50])
    return list(rows.select_related("type", "entry__institution").order_by("-created_at", "-pk"))


class CaseForm(OnceMixin, forms.Form):
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
        facts = {"version": data.get("version"), "achievements": [self.achievement]}
        try:
            return self._answer(self._submit(**common), field=None, **facts)
        except NotEligibleError as error:
            self.add_error(None, _("不符合条件:%s") % "、".join(error.assessment.missing))
        except RefusedEvidenceError as error:
            self.add_error("files", error.message)
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


class ResubmissionForm(TellsLostFilesMixin, forms.Form):
    """What a returned case asked for."""

    files = EvidenceField(label=_("补充材料"), required=False)
    explanation = forms.CharField(label=_("补充说明"), max_length=1000, required=False, widget=Lines({"rows": 4}))

    def __init__(self, *args, user, application, **kwargs):
        super().__init__(*args, **kwargs)
        self.user, self.application = user, application

    def clean(self):
        data = super().clean()
        if not self.errors and not data["files"] and not data["explanation"].strip():
            self.add_error("files", _("请上传补充材料,或写明补充说明。"))
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


class AppealForm(TellsLostFilesMixin, forms.Form):
    """申诉 of a refusal: why it should be looked at again."""

    text = forms.CharField(
        label=_("申诉理由"),
        max_length=1000,
        widget=Lines({"rows": 6}),
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
