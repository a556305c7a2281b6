from accounts.models.activation import ActivationCode
from accounts.models.code import VerificationCode
from accounts.models.identity_check import IdentityCheck
from accounts.models.institution import Institution
from accounts.models.learner import Enrolment, Learner
from accounts.models.limit import RateLimit
from accounts.models.merge import LearnerMerge
from accounts.models.personal_data import PersonalDataAccess
from accounts.models.region import Region
from accounts.models.roster import RosterImport
from accounts.models.second_factor import RecoveryCode, StaffTotp
from accounts.models.session import SignInSession
from accounts.models.user import User

__all__ = [
    "ActivationCode",
    "Enrolment",
    "IdentityCheck",
    "Institution",
    "Learner",
    "LearnerMerge",
    "PersonalDataAccess",
    "RateLimit",
    "RecoveryCode",
    "Region",
    "RosterImport",
    "SignInSession",
    "StaffTotp",
    "User",
    "VerificationCode",
]
