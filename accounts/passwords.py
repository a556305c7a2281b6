"""The two password rules of the guide: one length per flow, the same characters, nothing common."""

import re

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

PRINTABLE_ASCII = re.compile(r"[!-~]+\Z")


def password_hint(flow):
    """The hint beside the field, such as 密码由8-15位字母、数字或特殊符号组成."""
    shortest, longest = settings.PASSWORD_LENGTHS[flow]
    return _("密码由%(shortest)d-%(longest)d位字母、数字或特殊符号组成") % {"shortest": shortest, "longest": longest}


def check_password_rule(password, flow):
    """Raise `ValidationError` in plain Chinese when a new password breaks the rule of its flow."""
    shortest, longest = settings.PASSWORD_LENGTHS[flow]
    if not shortest <= len(password) <= longest or not PRINTABLE_ASCII.match(password):
        raise ValidationError(_("%s。") % password_hint(flow))
    try:
        validate_password(password)
    except ValidationError as error:
        raise ValidationError(_("这个密码太常见,容易被猜到,请换一个。")) from error
