"""The two reviews: rights, decision, record, ledger, certificate and message in one transaction."""

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _

from accounts.services.people import verify_learner
from achievements.models import Achievement
from achievements.models.types import plain
from achievements.services.catalogue import approve_new, recognise_alone
from conversion import criteria, rules, stages
from conversion.models import ReviewerDocument
from conversion.models.application import (
    APPROVALS,
    DECIDED_BY,
    REJECTIONS,
    UNDER_REVIEW,
    Action,
    InvalidTransitionError,
    Kind,
    Status,
)
from conversion.services import clock
from conversion.services.appeals import may_appeal
from conversion.services.certificates import issue_certificate
from conversion.services.claims import end_claim, held_by_other
from conversion.services.ledger import write_award
from conversion.services.records import write_record
from messaging.services import send_inbox_message

NEEDS_REASON = REJECTIONS | {Action.RETURN}
CENTRE = _("学分银行管理中心")


class NotAllowedError(Exception):
    """This person may not decide this case; `message` says why."""

    def __init__(self, message):
        super().__init__(message)
        self.message = message


class ReasonError(Exception):
    """The reason code of an action is missing or not one for it; `message` says so."""


class ReasonMissingError(ReasonError):
    """A refusal, return or revocation without a reason code."""

    message = _("不予通过或退回时必须选择原因。")


class ReasonUnfitError(ReasonError):
    message = _("这个原因不适用于所选的操作,请另选一个。")


class SpecialReasonMissingError(ReasonError):
    """A refusal of a case whose every condition holds, without a special reason and an opinion."""

    message = _("规则的条件已全部满足。不予通过须选择标有“规则已满足时可用”的原因,并写明审核意见。")


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


def check_may_decide(*, application, action, by):
    """Raise `NotAllowedError` unless `by` may take `action` on the case.

    Each stage belongs to the receiving institution or to the centre and asks for a right (`ReviewStage`); never two
    stages by one person, never one's own case (product.md: Review).
    """
    step = stages.step_of(action, application.status, application.stage_count)
    stage = stages.stage_of(application.kind, step)
    if not (by.is_active and by.is_staff and by.has_perm(f"conversion.{stage.permission}")):
        raise NotAllowedError(_("您没有这一审核阶段的权限。"))
    if not _unit_fits(application, stage, by):
        raise NotAllowedError(_("这件申请不属于您所在的单位审核。"))
    check_not_involved(application=application, step=step, by=by)
    if claim := held_by_other(application, by):
        raise NotAllowedError(_("%s 正在办理这件申请。") % claim.by)


def _unit_fits(application, stage, by):
    of_institution = stage.owner == stage.Owner.INSTITUTION
    is_receiver = not of_institution or by.institution_id == application.receiving_institution_id
    return stage.may_belong_to(by) and is_receiver


def check_not_involved(*, application, step, by):
    """Raise `NotAllowedError` for the applicant, by account or document number, and for who decided another step."""
    if by.pk == application.submitted_by_id or is_same_person(by, application.learner_id):
        raise NotAllowedError(_("不能审核自己的申请。"))
    if settings.REVIEWERS_NEED_DOCUMENT and not ReviewerDocument.objects.filter(user=by).exists():
        raise NotAllowedError(_("请先由管理中心登记您的证件号码,再审核申请。"))
    earlier = _steps_by(by, application)
    earlier |= {decided for decided, column in DECIDED_BY.items() if getattr(application, column) == by.pk}
    if earlier - {step}:
        raise NotAllowedError(_("一件申请的各级审核必须由不同的人完成。"))


def _steps_by(by, application):
    """The steps of a case in which somebody has already acted as a reviewer, returns included."""
    records = application.records.filter(by=by, action__in=APPROVALS | NEEDS_REASON)
    acted = records.values_list("action", "from_status")
    return {stages.step_of(action, status, application.stage_count) for action, status in acted}


def is_same_person(by, learner):
    """Whether an account belongs to a learner (his id) by account or document number: the triggers ask the same."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT conversion_is_same_person(%s, %s)", [by.pk, learner])
        return cursor.fetchone()[0]


def may_decide(application, by):
    """The actions open to `by` on the case now; those of one stage ask for the same rights."""
    actions = stages.actions_of(application)
    try:
        for action in actions[:1]:
            check_may_decide(application=application, action=action, by=by)
    except NotAllowedError:
        return []
    return actions


def why_not(application, by):
    """Why a reviewer can't decide the case now, for pages to say."""
    actions = stages.actions_of(application)
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
    of a case, in an appeal if it has none yet, needs all of them (`FindingMissingError`).

    Raises `NotAllowedError`, a `ReasonError`, `ConditionsUnmetError`, or `DecidedMeanwhileError` when another
    reviewer was first.
    """
    if action not in APPROVALS | NEEDS_REASON:
        raise NotAllowedError(_("这不是审核操作。"))
    check_may_decide(application=application, action=action, by=by)
    if not application.allows(action):
        raise DecidedMeanwhileError(application.records.last())
    findings = findings or {}
    if action in NEEDS_REASON:
        _check_reason(application, action, reason, opinion, findings)
    else:
        _check_conditions(application)
    findings = _checked_findings(application, action, findings)
    before = application.status
    try:
        application.move(action, **_changes(application, action, by, reason))
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
        _grant(application, by, recognised_as)
    tell_applicant(application, action, reason, opinion)
    return application


def criteria_of(application):
    """The review criteria that a decision has to answer now: none once an approval of the case has answered them."""
    if application.rule_version_id is None or not application.step:
        return []
    criteria = list(application.rule_version.review_criteria.all())
    answered = criteria and application.records.filter(action__in=APPROVALS).exists()
    return [] if answered else criteria


def _checked_findings(application, action, findings):
    """The findings as the record keeps them; raises `FindingMissingError` where an approval lacks one."""
    criteria = criteria_of(application)
    for criterion in criteria if action in APPROVALS else []:
        if findings.get(criterion) is None or _falls_short(criterion, findings):
            raise FindingMissingError(criterion)
    return [_finding(criterion, findings[criterion]) for criterion in criteria if findings.get(criterion) is not None]


def _falls_short(criterion, findings):
    """Whether a reviewer has found out that a number is below its least."""
    return findings.get(criterion) is not None and findings[criterion] < criterion.minimum


def _finding(criterion, found):
    minimum, found = (plain(number) for number in (criterion.minimum, found))
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


def _check_reason(application, action, reason, opinion, findings):
    """A published rule is a promise: refusing a case that meets it takes a special reason and an opinion."""
    if reason is None:
        raise ReasonMissingError
    if not (reason.for_return if action == Action.RETURN else reason.for_refusal or reason.for_met_rule):
        raise ReasonUnfitError
    is_special = reason.for_met_rule and opinion.strip()
    if action in REJECTIONS and not is_special and meets_rule(application, findings):
        raise SpecialReasonMissingError


def meets_rule(application, findings):
    """Whether the case has a rule and every condition of it holds, as far as the reviewer's numbers tell."""
    if any(_falls_short(criterion, findings) for criterion in criteria_of(application)):
        return False
    assessment = assess_case(application)
    return assessment is not None and assessment.is_match


def _changes(application, action, by, reason):
    """The columns that change with a decision, beside the status."""
    if action == Action.RETURN:
        return clock.returned(application)
    changes = {DECIDED_BY[stages.STEP_OF[action]]: by.pk}
    if application.status == Status.SUBMITTED:
        changes["first_decision_late"] = application.is_overdue
    if action in REJECTIONS:
        changes["refusal_reason"] = reason
    after = application.after(action)
    return changes | (clock.waiting(application, after) if after in UNDER_REVIEW else clock.closed())


def _grant(application, by, recognised_as):
    """What an approval writes in the end: the person counts as proven; then an entry, or credit and certificate."""
    proven = verify_learner(learner=application.learner, by=by)
    if proven is None:
        raise NotAllowedError(
            _("该证件号码已属于另一位实名学习者。请先由管理中心在“学习者 › 待合并”中处理,再作终审。")
        )
    application.learner = proven
    if application.kind == Kind.RECOGNITION:
        if recognised_as is None:
            raise NotAllowedError(_("请写明认定为哪一项名录成果。"))
        achievements = Achievement.objects.filter(application_sources__application=application)
        if recognised_as.pk is None:
            _enter(recognised_as, achievements.get(), by)
        achievements.update(entry=recognised_as)
    else:
        write_award(application=application, by=by)
        issue_certificate(application=application)


def _enter(entry, achievement, by):
    """A new entry is public, unless it stands for what one person did: 业绩类, or what the reviewer says."""
    if entry.is_individual or entry.type.is_performance:
        recognise_alone(entry=entry, achievement=achievement, by=by)
    else:
        approve_new(entry=entry, by=by)


def tell_applicant(application, action, reason, opinion):
    result = stages.action_words(action, application.kind)
    lines = [_("您的申请“%(title)s”:%(result)s。") % {"title": application.title, "result": result}]
    if reason:
        lines.append(_("原因:%s") % reason.text)
    if opinion:
        lines.append(_("意见:%s") % opinion)
    if action == Action.RETURN:
        lines.append(_("请在申请页面补充材料并重新提交,收到后继续审核。"))
    if may_appeal(application):
        lines.append(_("如有异议,可以在申请页面申诉一次,由没有参与过审核的人裁决。"))
    if action == Action.REVOKE:
        lines.append(_("所用成果可以重新申请。"))
    send_inbox_message(
        recipient=application.submitted_by,
        subject=_("%(kind)s审核结果:%(result)s") % {"kind": application.get_kind_display(), "result": result},
        body="\n".join(lines),
        link=application.get_absolute_url(),
    )
