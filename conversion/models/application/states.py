"""The states of a case, what may be done in each, and the steps it waits for."""

from itertools import pairwise

from django.db import models
from django.utils.translation import gettext_lazy as _


class InvalidTransitionError(Exception):
    """The case isn't (or is no longer) in a state that allows the action."""


class Kind(models.TextChoices):
    RECOGNITION = "recognition", _("认定")
    CONVERSION = "conversion", _("转换")
    PERFORMANCE = "performance", _("业绩类转换")


class Status(models.TextChoices):
    SUBMITTED = "submitted", _("待初审")
    RETURNED = "returned", _("退回补充材料")
    FIRST_APPROVED = "first_approved", _("初审通过,待终审")
    SECOND_APPROVED = "second_approved", _("复审通过,待终审")
    APPEALED = "appealed", _("申诉待裁决")
    APPROVED = "approved", _("已通过")
    REJECTED = "rejected", _("不予通过")
    WITHDRAWN = "withdrawn", _("已撤回")
    REVOKED = "revoked", _("已撤销")


class Action(models.TextChoices):
    SUBMIT = "submit", _("提交申请")
    WITHDRAW = "withdraw", _("撤回申请")
    RETURN = "return", _("退回补充材料")
    RESUBMIT = "resubmit", _("补充后重新提交")
    FIRST_APPROVE = "first_approve", _("初审通过")
    FIRST_REJECT = "first_reject", _("初审不予通过")
    SECOND_APPROVE = "second_approve", _("复审通过")
    SECOND_REJECT = "second_reject", _("复审不予通过")
    FINAL_APPROVE = "final_approve", _("终审通过")
    FINAL_REJECT = "final_reject", _("终审不予通过")
    APPEAL = "appeal", _("提出申诉")
    APPEAL_APPROVE = "appeal_approve", _("申诉成立,予以通过")
    APPEAL_REJECT = "appeal_reject", _("申诉不成立,维持不予通过")
    REVOKE = "revoke", _("撤销")


class Step(models.TextChoices):
    """What a case waits for. One to three of the first three, in this order, make up a review (`ReviewStage`)."""

    FIRST = "first", _("初审")
    SECOND = "second", _("复审")
    FINAL = "final", _("终审")
    APPEAL = "appeal", _("申诉裁决")


# These release the achievement for the rule; an approved application stays live until it is revoked.
DEAD = [Status.REJECTED, Status.WITHDRAWN, Status.REVOKED]
UNDER_REVIEW = [Status.SUBMITTED, Status.FIRST_APPROVED, Status.SECOND_APPROVED, Status.APPEALED]

# By the number of review stages a case was submitted under: the state in which it waits for each of them.
WAITS_IN = {
    1: {Step.FINAL: Status.SUBMITTED},
    2: {Step.FIRST: Status.SUBMITTED, Step.FINAL: Status.FIRST_APPROVED},
    3: {Step.FIRST: Status.SUBMITTED, Step.SECOND: Status.FIRST_APPROVED, Step.FINAL: Status.SECOND_APPROVED},
}
DECISIONS = {  # step: (approval, refusal)
    Step.FIRST: (Action.FIRST_APPROVE, Action.FIRST_REJECT),
    Step.SECOND: (Action.SECOND_APPROVE, Action.SECOND_REJECT),
    Step.FINAL: (Action.FINAL_APPROVE, Action.FINAL_REJECT),
    Step.APPEAL: (Action.APPEAL_APPROVE, Action.APPEAL_REJECT),
}
DECIDED_BY = {  # step: the column of a case that names who decided it
    Step.FIRST: "first_reviewer_id",
    Step.SECOND: "second_reviewer_id",
    Step.FINAL: "final_reviewer_id",
    Step.APPEAL: "appeal_reviewer_id",
    Action.REVOKE: "revoked_by_id",
}
APPROVALS = {approval for approval, _refusal in DECISIONS.values()}
REJECTIONS = {refusal for _approval, refusal in DECISIONS.values()}


def _transitions(waits_in):
    """The table of a review. What was returned goes back to the stage that returned it (`Application.after`)."""
    states = [*waits_in.values(), Status.APPROVED]
    table = {
        Action.WITHDRAW: ({Status.SUBMITTED, Status.RETURNED}, Status.WITHDRAWN),
        Action.RETURN: ({*waits_in.values()}, Status.RETURNED),
        Action.RESUBMIT: ({Status.RETURNED}, Status.SUBMITTED),
        Action.APPEAL: ({Status.REJECTED}, Status.APPEALED),
        Action.APPEAL_APPROVE: ({Status.APPEALED}, Status.APPROVED),
        Action.APPEAL_REJECT: ({Status.APPEALED}, Status.REJECTED),
        Action.REVOKE: ({Status.APPROVED}, Status.REVOKED),
    }
    for step, (state, after) in zip(waits_in, pairwise(states), strict=True):
        approval, refusal = DECISIONS[step]
        table |= {approval: ({state}, after), refusal: ({state}, Status.REJECTED)}
    return table


# {number of stages: {action: (allowed states, next state)}}
TRANSITIONS = {count: _transitions(waits_in) for count, waits_in in WAITS_IN.items()}
