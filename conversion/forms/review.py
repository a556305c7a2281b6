"""The reviewers' queue and decisions."""

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from accounts.documents import DocumentKind, parse
from accounts.forms.lines import Lines
from accounts.models import Institution
from accounts.models.learner import document_digest
from accounts.row_ids import row_ids
from achievements.models import CatalogueEntry
from achievements.search import WORDS_AT_MOST, Hits, storable, terms_of
from conversion.models import Application, ConversionRule, ReasonCode, ReviewerDocument
from conversion.models.application import APPROVALS, Action, Kind
from conversion.queue import ANY, SCOPES, reviews_something, visible, waiting_for
from conversion.stages import stage_table, status_choices

CANDIDATES = 5


class QueueForm(forms.Form):
    """The filters of the reviewers' queue."""

    scope = forms.ChoiceField(label=_("范围"), required=False)
    kind = forms.ChoiceField(label=_("申请种类"), choices=[("", _("全部种类")), *Kind.choices], required=False)
    status = forms.ChoiceField(label=_("状态"), required=False)
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
        self.user, self.stages = user, stage_table()
        self.fields["status"].choices = [("", _("全部状态")), *status_choices(self.stages)]
        self.fields["scope"].choices = [(value, label) for value, (label, *_rest) in SCOPES.items()]
        if not user.belongs_to_centre:
            del self.fields["institution"]

    @cached_property
    def reviews(self):
        """Whether this member of staff decides cases at all."""
        return reviews_something(self.user, self.stages)

    @cached_property
    def scope_shown(self):
        """What a reviewer sees without asking: what waits for him; other staff sees what is under review."""
        asked = self.cleaned_data.get("scope") if self.is_valid() else ""
        return asked or ("mine" if self.reviews else "open")

    @property
    def order(self):
        return SCOPES[self.scope_shown][2]

    @property
    def claimable(self):
        """Which of the cases the user may claim: those he may decide, which in 待我审核 are all."""
        return ANY if self.scope_shown == "mine" else waiting_for(self.user, self.stages)

    @property
    def is_narrowed(self):
        """Whether more is asked than a scope."""
        return self.is_valid() and any(value for name, value in self.cleaned_data.items() if name != "scope")

    @property
    def narrowing(self):
        """The condition that is asked for beside the scope; wrong input asks for nothing."""
        data = self.cleaned_data if self.is_valid() else {}
        wanted = {
            "kind": data.get("kind"),
            "status": data.get("status"),
            "receiving_institution": data.get("institution"),
        }
        named = _named(data["q"].strip()) if data.get("q", "").strip() else Q()
        return Q(named, **{column: value for column, value in wanted.items() if value})

    def applications(self):
        """The visible cases that the filters name."""
        _label, scope, _order = SCOPES[self.scope_shown]
        asked = Application.objects.filter(scope(self.user, self.stages), self.narrowing)
        return visible(asked, self.user)


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

    action = forms.ChoiceField(
        label=_("审核结论"), widget=forms.RadioSelect, error_messages={"required": _("请选择审核结论。")}
    )
    reason = ReasonField(
        ReasonCode.objects.filter(Q(for_refusal=True) | Q(for_return=True) | Q(for_met_rule=True), is_active=True),
        label=_("原因"),
        required=False,
        empty_label=_("请选择(不予通过或退回时必选)"),
    )
    opinion = forms.CharField(label=_("审核意见"), max_length=1000, required=False, widget=Lines({"rows": 4}))
    seen_status = forms.CharField(widget=forms.HiddenInput, max_length=20)

    def __init__(self, *args, choices, needs_reason, criteria=(), **kwargs):
        super().__init__(*args, **kwargs)
        self.needs_reason, self.criteria = needs_reason, list(criteria)
        self.fields["action"].choices = choices
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
        if data.get("action") in APPROVALS:
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


class RecognitionOutcomeForm(forms.Form):
    """What a recognised achievement is: an entry of the catalogue, or a new one."""

    entry = forms.ModelChoiceField(
        CatalogueEntry.objects.public().select_related("institution", "type"),
        label=_("关联已有名录成果(编号)"),
        required=False,
        widget=forms.NumberInput,
        help_text=_("填写名录成果的编号,转换规则才能用到它;没有合适的,留空并填写下面几项。"),
        error_messages={"invalid_choice": _("没有这个编号的名录成果。")},
    )
    is_individual = forms.BooleanField(
        label=_("只认定这一项(个案认定)"),
        required=False,
        help_text=_("记下等级和学分,不列入公开名录,别人查不到也不能选择。业绩类成果只能这样认定。"),
    )
    project_name = forms.CharField(
        label=_("项目名称"), max_length=100, required=False, help_text=_("名录对所有人公开,不要写个人的信息。")
    )
    entry_name = forms.CharField(label=_("成果名称"), max_length=200, required=False)
    institution = forms.ModelChoiceField(
        Institution.objects.filter(status=Institution.Status.APPROVED), label=_("资历机构"), required=False
    )
    framework_level = forms.IntegerField(label=_("资历框架等级"), min_value=1, max_value=7, required=False)
    credits = forms.DecimalField(label=_("学分"), min_value=0, max_digits=5, decimal_places=1, required=False)

    def __init__(self, *args, achievement, **kwargs):
        initial = {"entry_name": achievement.name, "project_name": achievement.type.name}
        initial["is_individual"] = is_performance = achievement.type.is_performance
        super().__init__(*args, initial=initial, **kwargs)
        self.achievement = achievement
        self.fields["is_individual"].disabled = is_performance
        if is_performance:
            del self.fields["project_name"], self.fields["entry_name"]

    def candidates(self):
        """Entries of the catalogue whose name holds the achievement's: it may be there already."""
        entries = Hits(terms_of(names=storable(self.achievement.name))[:WORDS_AT_MOST])[:CANDIDATES]
        return [entry for entry in entries if entry.type_id == self.achievement.type_id]

    def clean_entry(self):
        entry = self.cleaned_data["entry"]
        if entry and entry.type_id != self.achievement.type_id:
            types = {"theirs": entry.type, "own": self.achievement.type}
            raise ValidationError(_("这项名录成果属于“%(theirs)s”,申请认定的成果属于“%(own)s”。") % types)
        return entry

    def clean(self):
        data = super().clean()
        if not data.get("entry") and "entry" not in self.errors:
            names = ["institution", "framework_level", "credits"]
            for name in names if data["is_individual"] else ["project_name", "entry_name", *names]:
                if data.get(name) in (None, "") and name not in self.errors:
                    self.add_error(name, _("没有填写名录成果编号时必填。"))
            if not self.errors:
                self._check_new(data)
        return data

    def _check_new(self, data):
        self.new_entry = CatalogueEntry(
            project_name=data.get("project_name", ""),
            name=data.get("entry_name", ""),
            status=CatalogueEntry.Status.INDIVIDUAL if data["is_individual"] else CatalogueEntry.Status.DRAFT,
            institution=data["institution"],
            type=self.achievement.type,
            framework_level=data["framework_level"],
            credits=data["credits"],
        )
        if data["is_individual"]:
            return
        try:
            self.new_entry.validate_constraints()
        except ValidationError as error:
            self.add_error(None, error)

    def outcome(self):
        """The entry the achievement becomes; a new one is not saved yet."""
        return self.cleaned_data["entry"] or self.new_entry


class RevocationForm(forms.Form):
    """Why an approved case is revoked."""

    reason = forms.ModelChoiceField(
        ReasonCode.objects.filter(is_active=True, for_revocation=True),
        label=_("撤销原因"),
        empty_label=_("请选择"),
        error_messages={"required": _("撤销时必须选择原因。")},
    )
    opinion = forms.CharField(
        label=_("说明"),
        max_length=1000,
        required=False,
        help_text=_("说明会发给申请人;所选原因还会显示给查验证明的人。"),
        widget=Lines({"rows": 4}),
    )


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
