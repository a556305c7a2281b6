"""批量通过: several approvals at once, of cases that need no second look. Each is decided by itself."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from conversion import stages
from conversion.alerts import alerts_of
from conversion.models import Application
from conversion.models.application import Kind, Step
from conversion.services import reviews

BULK_LIMIT = 100  # cases at once: they are decided while the reviewer waits


@dataclass
class BulkLine:
    """A case of a bulk approval: `obstacle` says why it can't be in it, empty when it can."""

    application: Application
    action: str | None
    obstacle: str

    @property
    def words(self):
        return stages.action_words(self.action, self.application.kind)


def bulk_line(application, by):
    """Whether `by` may approve a case without opening it: every condition of its rule holds and nothing stands out."""
    approvals = [action for action in reviews.may_decide(application, by) if action in reviews.APPROVALS]
    action = approvals[0] if approvals else None
    return BulkLine(application, action, _obstacle(application, by, action))


def _obstacle(application, by, action):
    if action is None:
        return reviews.why_not(application, by)
    if application.kind == Kind.RECOGNITION:
        return _("成果认定须逐件审核。")
    if application.step == Step.APPEAL:
        return _("申诉须逐件裁决。")
    if reviews.criteria_of(application):
        return _("规则要求填写审核指标,须逐件审核。")
    if not reviews.assess_case(application).is_match:
        return _("规则的条件没有全部满足。")
    return "".join(alert.text for alert in alerts_of(application))


def approve_in_bulk(*, applications, by, opinion=""):
    """Approve each case that a bulk approval may contain; return (done, [(application, why not)…]).

    Every case is checked again and decided in a transaction of its own, as if it had been opened.
    """
    done, left = [], []
    for application in applications[:BULK_LIMIT]:
        line = bulk_line(application, by)
        why = line.obstacle or _decide(line, by, opinion)
        if why:
            left.append((application, why))
        else:
            done.append(application)
    return done, left


def _decide(line, by, opinion):
    """Decide one case; the reason why it can't be, or an empty text."""
    try:
        reviews.decide(application=line.application, action=line.action, by=by, opinion=opinion)
    except (reviews.NotAllowedError, reviews.ConditionsUnmetError, reviews.FindingMissingError) as error:
        return error.message
    except reviews.DecidedMeanwhileError as error:
        return _("已由 %s 处理。") % error.record.by
    return ""
