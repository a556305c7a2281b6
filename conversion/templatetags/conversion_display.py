"""How applications, rules and certificates are worded and coloured on pages."""

from django import template
from django.utils.translation import gettext as _

from achievements.models.types import plain
from conversion.models import Certificate
from conversion.models.application import REJECTIONS, Action, Status
from conversion.rules import GridStatus, Verdict
from conversion.services import appeals, certificates, ledger, revocation
from conversion.services.reviews import CENTRE
from conversion.stages import action_words, stage_of, status_words, with_words

register = template.Library()

APPLICANT_ACTIONS = {Action.SUBMIT, Action.WITHDRAW, Action.RESUBMIT, Action.APPEAL}
REFUSALS = REJECTIONS | {Action.REVOKE}
NEUTRAL = APPLICANT_ACTIONS | {Action.RETURN}
COLOURS = {
    Status.SUBMITTED: "info",
    Status.RETURNED: "warning",
    Status.FIRST_APPROVED: "info",
    Status.SECOND_APPROVED: "info",
    Status.APPEALED: "info",
    Status.APPROVED: "success",
    Status.REJECTED: "danger",
    Status.REVOKED: "danger",
    GridStatus.CONVERTED: "success",
    GridStatus.APPLIED: "info",
    Verdict.MATCH: "success",
    Verdict.MISSING: "warning",
    Verdict.CAPPED: "danger",
    Certificate.State.VALID: "success",
    Certificate.State.REPLACED: "warning",
    "checking": "info",
    "passed": "success",
    "refused": "danger",
}

register.filter("masked_name", certificates.masked_name)
register.filter("plain_credits", plain)
register.filter("signed_credits", ledger.signed)


@register.filter
def status_class(status):
    """The class of the coloured word for a status of a case, a row of the grid, a rule or a file."""
    colour = COLOURS.get(status)
    return f"status status-{colour}" if colour else "status"


@register.filter
def course(application):
    """What has happened to a case, oldest first; nothing as long as it was only submitted (product.md: Progress)."""
    records = list(application.records.all())
    is_more = len(records) > 1
    return with_words(records, application.kind, getattr(application, "stages", None)) if is_more else []


@register.filter
def record_words(record):
    """What a record tells; a page of several asks for the stages once (`with_words`)."""
    return getattr(record, "words", None) or action_words(record.action, record.application.kind)


@register.filter
def words_label(record):
    """What the free words of a record are: a reviewer's opinion, or what the applicant says."""
    return _("申请人说明:") if record.action in APPLICANT_ACTIONS else _("意见:")


@register.filter
def record_class(record):
    """The class of a record in a timeline."""
    if record.action in REFUSALS:
        return "refused"
    return "" if record.action in NEUTRAL else "done"


@register.filter
def case_status(application):
    """The state of a case in words; a page of several asks for the stages once (`with_stages`)."""
    return getattr(application, "status_shown", None) or status_words(application)


@register.filter
def waits_for(application):
    """Who has to act next, as a sentence; empty once the case is closed."""
    if application.status == Status.RETURNED:
        return _("等待申请人补充材料。")
    if not application.step:
        return ""
    stage = getattr(application, "stage", None) or stage_of(application.kind, application.step)
    of_centre = stage.owner == stage.Owner.CENTRE
    unit = CENTRE if of_centre else application.receiving_institution
    return _("等待%(unit)s%(stage)s。") % {"unit": unit, "stage": stage.name}


@register.filter
def may_withdraw(application):
    return application.allows(Action.WITHDRAW)


register.filter("may_appeal", appeals.may_appeal)
register.filter("may_be_revoked_by", revocation.may_revoke)
