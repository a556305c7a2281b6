from conversion.models.application import Application, ApplicationSource, ReasonCode, ReviewRecord
from conversion.models.criteria import CriteriaRow, CriteriaTest
from conversion.models.ledger import Certificate, CreditEntry
from conversion.models.rule import ConversionRule, Course, Programme, RuleGroup, RuleSource, RuleVersion

__all__ = [
    "Application",
    "ApplicationSource",
    "Certificate",
    "ConversionRule",
    "Course",
    "CreditEntry",
    "CriteriaRow",
    "CriteriaTest",
    "Programme",
    "ReasonCode",
    "ReviewRecord",
    "RuleGroup",
    "RuleSource",
    "RuleVersion",
]
