"""The two reviews: rights, decision, record, ledger, certificate and message in one transaction."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.services.people import verify_learner
from achievements.models import Achievement
from achievements.services.catalogue import approve_new
from conversion import criteria, rules
from conversion.models.application import Action, InvalidTransitionError, Kind, Status
from conversion.services.certificates import issue_certificate
from conversion.services.claims import end_claim, held_by_other
from conversion.services.ledger import write_award
from conversion.services.records import write_record
from messaging.services import send_inbox_message

FIRST_STAGE = {Action.FIRST_APPROVE, Action.FIRST_REJECT, Action.RETURN}
APPROVALS = {Action.FIRST_APPROVE, Action.FINAL_APPROVE}
NEEDS_REASON = {Action.FIRST_REJECT, Action.FINAL_REJECT, Action.RETURN}
CENTRE = _("学分银行管理中心")


class NotAllowedError(Exception):
    """This person may not decide this case; `message` says why."""

    def __init__(self, message):
        super().__init__(message)
        self.message = message


class ReasonMissingError(Exception):
    """A refusal or return without a reason code."""

    message = _("不予通过或退回时必须选择原因。")


class ConditionsUnmetError(Exception):
    """An approval of a case that its frozen rule doesn't allow; `assessment` explains it."""

    def __init__(self, assessment):
        super().__init__(assessment.verdict)
        self.assessment = assessment

    @property
    def message(self):
        return _("规则的条件没有全部满足,不能通过:%s") % "、".join(self.assessment.missing)


class FindingMissingError(Exception):
    """An approval without a number that the rule asks for, or with one below its least; `criterion` says which."""

    def __init__(self, criterion):
        super().__init__("finding missing")
        self.criterion = criterion

    @property
    def message(self):
        return _("规则要求的审核指标没有达到:%s") % self.criterion


class DecidedMeanwhileError(Exception):
    """Somebody else decided first; `record` says who and what."""

    def __init__(self, record):
        super().__init__("decided meanwhile")
        self.record = record


def stage_actions(status):
    """What may be decided in a state, the approval first."""
    if status == Status.SUBMITTED:
        return [Action.FIRST_APPROVE, Action.RETURN, Action.FIRST_REJECT]
    if status == Status.FIRST_APPROVED:
        return [Action.FINAL_APPROVE, Action.FINAL_REJECT]
    return []


def check_may_decide(*, application, action, by):
    """Raise `NotAllowedError` unless `by` may take `action` on the case.

    初审 of a conversion belongs to the receiving institution, everything else to the centre; never two stages
    by one person, never one's own case (product.md: Review).
    """
    first = action in FIRST_STAGE
    permission = "conversion.first_review_application" if first else "conversion.final_review_application"
    if not (by.is_active and by.is_staff and by.has_perm(permission)):
        raise NotAllowedError(_("您没有这一审核阶段的权限。"))
    if not _unit_fits(application, first, by):
        raise NotAllowedError(_("这件申请不属于您所在的单位审核。"))
    if by.pk == application.submitted_by_id or (by.learner_id and by.learner_id == application.learner_id):
        raise NotAllowedError(_("不能审核自己的申请。"))
    if not first and by.pk == application.first_reviewer_id:
        raise NotAllowedError(_("初审和终审必须由不同的人完成。"))
    if claim := held_by_other(application, by):
        raise NotAllowedError(_("%s 正在办理这件申请。") % claim.by)


def _unit_fits(application, first, by):
    if first and application.kind != Kind.RECOGNITION:
        return by.institution_id == application.receiving_institution_id
    return by.belongs_to_centre


def may_decide(application, by):
    """The actions open to `by` on the case now."""
    allowed = []
    for action in stage_actions(application.status):
        try:
            check_may_decide(application=application, action=action, by=by)
        except NotAllowedError:
            continue
        allowed.append(action)
    return allowed


def why_not(application, by):
    """Why a reviewer can't decide the case now, for pages to say."""
    actions = stage_actions(application.status)
    if not actions:
        return _("这件申请当前不需要审核。")
    try:
        check_may_decide(application=application, action=actions[0], by=by)
    except NotAllowedError as error:
        return error.message
    return ""


@transaction.atomic
def decide(*, application, action, by, reason=None, opinion="", findings=None, recognised_as=None):
    """Take one review decision; the final approval of a recognition says what entry it is `recognised_as`.

    `findings` are the numbers that the rule's review criteria ask for, as {criterion: number}; the first approval
    needs all of them (`FindingMissingError`).

    Raises `NotAllowedError`, `ReasonMissingError`, `ConditionsUnmetError`, or `DecidedMeanwhileError` when another
    reviewer was first.
    """
    check_may_decide(application=application, action=action, by=by)
    if action in NEEDS_REASON and reason is None:
        raise ReasonMissingError
    if action in APPROVALS:
        _check_conditions(application)
    findings = _checked_findings(application, action, findings or {})
    before = application.status
    try:
        application.move(action, **_changes(action, by, reason))
    except InvalidTransitionError as error:
        raise DecidedMeanwhileError(application.records.last()) from error
    unit = by.institution.name if by.institution_id else str(CENTRE)
    reason = reason if action in NEEDS_REASON else None
    write_record(
        application=application,
        action=action,
        from_status=before,
        by=by,
        unit=unit,
        reason=reason,
        opinion=opinion,
        findings=findings,
    )
    end_claim(application=application)
    if application.status == Status.APPROVED:
        _grant(application, recognised_as)
    _tell(application, action, reason, opinion)
    return application


def criteria_of(application):
    """The review criteria that the first reviewer of a case answers now; none at later steps."""
    if application.rule_version_id is None or application.status != Status.SUBMITTED:
        return []
    return list(application.rule_version.review_criteria.all())


def _checked_findings(application, action, findings):
    """The findings as the record keeps them; raises `FindingMissingError` where an approval lacks one."""
    criteria = criteria_of(application)
    for criterion in criteria if action in APPROVALS else []:
        if findings.get(criterion) is None or findings[criterion] < criterion.minimum:
            raise FindingMissingError(criterion)
    return [_finding(criterion, findings[criterion]) for criterion in criteria if findings.get(criterion) is not None]


def _finding(criterion, found):
    minimum, found = (format(number.normalize(), "f") for number in (criterion.minimum, found))
    return {"label": criterion.label, "minimum": minimum, "unit": criterion.unit, "found": found}


def assess_case(application):
    """What the engine says about a case from its frozen data, as of its submission; None for a recognition."""
    if application.rule_version is None:
        return None
    if application.kind == Kind.PERFORMANCE:
        return criteria.assess_frozen_performance(application)
    return rules.assess_frozen(application)


def _check_conditions(application):
    assessment = assess_case(application)
    if assessment is not None and not assessment.is_match:
        raise ConditionsUnmetError(assessment)


def _changes(action, by, reason):
    now = timezone.now()
    changes = {"waiting_since": now}
    if action in {Action.FIRST_APPROVE, Action.FIRST_REJECT}:
        changes["first_reviewer"] = by
    elif action in {Action.FINAL_APPROVE, Action.FINAL_REJECT}:
        changes["final_reviewer"] = by
    if action in {Action.FIRST_REJECT, Action.FINAL_REJECT}:
        changes["refusal_reason"] = reason
    if action in {Action.FIRST_REJECT, Action.FINAL_REJECT, Action.FINAL_APPROVE}:
        changes["decided_at"] = now
    return changes


def _grant(application, recognised_as):
    """What a final approval writes: the person counts as proven; then an entry, or credit and certificate."""
    proven = verify_learner(learner=application.learner, by=application.final_reviewer)
    if proven is None:
        raise NotAllowedError(
            _("该证件号码已属于另一位实名学习者。请先由管理中心在“学习者 › 待合并”中处理,再作终审。")
        )
    application.learner = proven
    if application.kind == Kind.RECOGNITION:
        if recognised_as.pk is None:
            approve_new(entry=recognised_as, by=application.final_reviewer)
        Achievement.objects.filter(application_sources__application=application).update(entry=recognised_as)
    else:
        write_award(application=application, by=application.final_reviewer)
        issue_certificate(application=application)


def _tell(application, action, reason, opinion):
    lines = [_("您的申请“%(title)s”:%(result)s。") % {"title": application.title, "result": action.label}]
    if reason:
        lines.append(_("原因:%s") % reason.text)
    if opinion:
        lines.append(_("意见:%s") % opinion)
    send_inbox_message(
        recipient=application.submitted_by,
        subject=_("%(kind)s审核结果:%(result)s") % {"kind": application.get_kind_display(), "result": action.label},
        body="\n".join(lines),
        link=application.get_absolute_url(),
    )
