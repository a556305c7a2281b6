from conversion.models.application.case import Application, ApplicationQuerySet, ApplicationSource
from conversion.models.application.reason import ReasonCode
from conversion.models.application.record import ReviewRecord
from conversion.models.application.states import (
    APPROVALS,
    DEAD,
    DECISIONS,
    REJECTIONS,
    TRANSITIONS,
    UNDER_REVIEW,
    Action,
    InvalidTransitionError,
    Kind,
    Status,
    Step,
)

__all__ = [
    "APPROVALS",
    "DEAD",
    "DECISIONS",
    "REJECTIONS",
    "TRANSITIONS",
    "UNDER_REVIEW",
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
