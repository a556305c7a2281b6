from conversion.models.application import Application, ApplicationSource, ReasonCode, ReviewRecord
from conversion.models.cohorts import Cohorts
from conversion.models.criteria import CriteriaRow, CriteriaTest
from conversion.models.desk import ReviewClaim, ReviewCriterion
from conversion.models.keeping import RuleExample, RuleExampleItem, RuleExampleValue, RuleImport, RuleVersionRecord
from conversion.models.ledger import Certificate, CertificateShare, CreditEntry, LedgerRoot
from conversion.models.policies import (
    ConversionCap,
    ExclusiveUse,
    ExclusivityGroup,
    PolicyCategory,
    PublishedSource,
)
from conversion.models.rule import ConversionRule, Course, Programme, RuleGroup, RuleSource, RuleVersion
from conversion.models.stage import CalendarDay, ReviewerDocument, ReviewStage

__all__ = [
    "Application",
    "ApplicationSource",
    "CalendarDay",
    "Certificate",
    "CertificateShare",
    "Cohorts",
    "ConversionCap",
    "ConversionRule",
    "Course",
    "CreditEntry",
    "CriteriaRow",
    "CriteriaTest",
    "ExclusiveUse",
    "ExclusivityGroup",
    "LedgerRoot",
    "PolicyCategory",
    "Programme",
    "PublishedSource",
    "ReasonCode",
    "ReviewClaim",
    "ReviewCriterion",
    "ReviewRecord",
    "ReviewStage",
    "ReviewerDocument",
    "RuleExample",
    "RuleExampleItem",
    "RuleExampleValue",
    "RuleGroup",
    "RuleImport",
    "RuleSource",
    "RuleVersion",
    "RuleVersionRecord",
]
