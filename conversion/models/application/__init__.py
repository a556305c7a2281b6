from conversion.models.application.case import Application, ApplicationQuerySet, ApplicationSource
from conversion.models.application.reason import ReasonCode
from conversion.models.application.record import ReviewRecord
from conversion.models.application.states import (
    APPROVALS,
    DEAD,
    DECIDED_BY,
    DECISIONS,
    REJECTIONS,
    TRANSITIONS,
    UNDER_REVIEW,
    WAITS_IN,
    Action,
    InvalidTransitionError,
    Kind,
    Status,
    Step,
)

__all__ = [
    "APPROVALS",
    "DEAD",
    "DECIDED_BY",
    "DECISIONS",
    "REJECTIONS",
    "TRANSITIONS",
    "UNDER_REVIEW",
    "WAITS_IN",
    "Action",
    "Application",
    "ApplicationQuerySet",
    "ApplicationSource",
    "InvalidTransitionError",
    "Kind",
    "ReasonCode",
    "ReviewRecord",
    "Status",
    "Step",
]
