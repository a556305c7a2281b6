"""Mobile phone numbers: one stored form (E.164), one shown form (masked)."""

import re

import phonenumbers
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from accounts.documents import half_width, strip_separators

CHINA = 86
# The mainland, Hong Kong and Macau: where the SMS gateways deliver.
COUNTRY_CODES = (CHINA, 852, 853)
MOBILE = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
MAX_TYPED = 40


class PhoneNumberError(ValidationError):
    """A phone number that no code can be sent to; the message is for the person who typed it."""


def normalise_phone(text):
    """Return the E.164 form (+8613800001234) of a mobile number as people type it, or raise `PhoneNumberError`."""
    number = _parse(_digits(text))
    if number.country_code not in COUNTRY_CODES:
        raise PhoneNumberError(_("暂时只支持中国内地、香港和澳门的手机号码。"), code="country")
    if not phonenumbers.is_valid_number(number):
        raise _wrong()
    if phonenumbers.number_type(number) not in MOBILE:
        raise PhoneNumberError(_("请输入手机号码,固定电话收不到短信验证码。"), code="not_mobile")
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _digits(text):
    digits = re.sub(r"[().]", "", strip_separators(half_width(text)))
    if not digits:
        raise PhoneNumberError(_("请输入手机号码。"), code="required")
    if len(digits) > MAX_TYPED or not re.fullmatch(r"\+?[0-9]+", digits):
        raise PhoneNumberError(_("手机号码只能由数字组成。"), code="characters")
    return digits


def _parse(digits):
    try:
        number = phonenumbers.parse(digits, "CN")
    except phonenumbers.NumberParseException:
        raise _wrong() from None
    # Without a prefix a mistyped 11… would be read as an American number.
    if number.country_code != CHINA and not digits.startswith(("+", "00")):
        raise _wrong()
    return number


def _wrong():
    return PhoneNumberError(_("手机号码有误,请核对后重新输入。"), code="invalid")


def mask_phone(phone):
    """Show an E.164 number as 138****1234, one from elsewhere as +852 51****67."""
    prefix, national = _split(phone)
    head, tail = (3, 4) if len(national) == 11 else (2, 2) if len(national) >= 8 else (0, 0)
    end = len(national) - tail
    return prefix + national[:head] + "*" * (end - head) + national[end:]


def _split(phone):
    for code in COUNTRY_CODES:
        if phone.startswith(f"+{code}"):
            return ("" if code == CHINA else f"+{code} "), phone.removeprefix(f"+{code}")
    return "", phone
