import uuid

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from achievements.forms import EvidenceField
from achievements.models import Achievement, AchievementType
from conversion.models import ReasonCode, RuleVersion
from conversion.models.application import Action
from conversion.services.applications import AlreadyAppliedError, NotEligibleError, submit_conversion


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

    def apply(self, achievements):
        if not self.is_valid():
            return achievements
        data = self.cleaned_data
        rows = achievements.filter(name__icontains=data["name"], body_name__icontains=data["body"])
        return rows.filter(type=data["type"]) if data["type"] else rows


class RuleFilterForm(forms.Form):
    """Words to look for in a rule's title, institution, programme or course; several words mean all of them."""

    q = forms.CharField(label=_("规则、机构、专业或课程"), max_length=100, required=False)

    def apply(self, versions):
        if not self.is_valid():
            return versions
        return versions.search(self.cleaned_data["q"])


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
        except AlreadyAppliedError as error:
            self.add_error("version", error.message)
        return None


class ReviewForm(forms.Form):
    """One review decision."""

    action = forms.ChoiceField(label=_("审核结论"), widget=forms.RadioSelect)
    reason = forms.ModelChoiceField(
        ReasonCode.objects.filter(is_active=True),
        label=_("原因"),
        required=False,
        empty_label=_("请选择(不予通过或退回时必选)"),
    )
    opinion = forms.CharField(label=_("审核意见"), max_length=1000, required=False, widget=forms.Textarea({"rows": 4}))
    seen_status = forms.CharField(widget=forms.HiddenInput, max_length=20)

    def __init__(self, *args, actions, needs_reason, **kwargs):
        super().__init__(*args, **kwargs)
        self.needs_reason = needs_reason
        self.fields["action"].choices = [(action.value, action.label) for action in actions]

    def clean_action(self):
        return Action(self.cleaned_data["action"])

    def clean(self):
        data = super().clean()
        if data.get("action") in self.needs_reason and not data.get("reason") and "reason" not in self.errors:
            self.add_error("reason", ValidationError(_("不予通过或退回时必须选择原因。"), code="required"))
        return data


def chosen_achievements(data, user):
    """The user's own achievements that `achievement=…` names, in grid order; other ids are ignored."""
    ids = [int(pk) for pk in data.getlist("achievement") if pk.isascii() and pk.isdigit() and len(pk) < 19]
    rows = Achievement.objects.of(user).filter(pk__in=ids[:50])
    return list(rows.select_related("type", "entry__institution").order_by("-created_at", "-pk"))
