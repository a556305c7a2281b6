from conversion.models.application import Application, ApplicationSource, ReasonCode, ReviewRecord
from conversion.models.ledger import Certificate, CreditEntry
from conversion.models.rule import ConversionRule, Course, Programme, RuleGroup, RuleSource, RuleVersion

__all__ = [
    "Application",
    "ApplicationSource",
    "Certificate",
    "ConversionRule",
    "Course",
    "CreditEntry",
    "Programme",
    "ReasonCode",
    "ReviewRecord",
    "RuleGroup",
    "RuleSource",
    "RuleVersion",
]
