"""Identity documents, institution codes and personal names: how they are typed, stored, checked and shown.

Pure functions; the rules and their sources are in domain.md §7. No message repeats what was typed.
"""

import datetime as dt
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override
from stdnum.cn import uscc
from stdnum.iso7064 import mod_11_2

from accounts.code_tables import Sex, province_codes

MAX_LENGTH = 32
MAX_AGE = 150

PERMIT_REGIONS = ("810000", "820000", "830000")  # 83 is Taiwan here, though GB/T 2260 has it at 71

FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
LOWER_TO_UPPER = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")


class DocumentKind(models.TextChoices):
    RESIDENT_ID = "resident_id", _("居民身份证")
    RESIDENCE_PERMIT = "residence_permit", _("港澳台居民居住证")
    FOREIGN_PERMANENT = "foreign_permanent", _("外国人永久居留身份证")
    MAINLAND_TRAVEL_PERMIT = "mainland_travel_permit", _("港澳居民来往内地通行证")
    TAIWAN_TRAVEL_PERMIT = "taiwan_travel_permit", _("台湾居民来往大陆通行证")
    PASSPORT = "passport", _("护照")
    OTHER = "other", _("其他")


class DocumentNumberError(ValidationError):
    """A number that can't be right for its kind; the message is for the person who typed it."""


class UsccError(ValidationError):
    """A 统一社会信用代码 that can't be right."""


class PersonNameError(ValidationError):
    """A name with characters no name has."""


@dataclass(frozen=True)
class Document:
    """A checked number in its stored form, with what the number itself tells of the person."""

    kind: DocumentKind
    number: str
    birth_on: dt.date | None = None
    sex: Sex | None = None

    def __repr__(self):
        return f"Document({self.kind.value}, {mask(self.number)})"

    @property
    def region_hint(self):
        """GB/T 2260 code at first registration or "": historical, so a hint and never a check."""
        return self.number[:6] if self.kind == DocumentKind.RESIDENT_ID else ""


# Characters ------------------------------------------------------------------------------------------------


def half_width(text):
    """Full-width ASCII (０-９ Ａ-Ｚ ． －) as plain ASCII; nothing else is touched."""
    return text.translate(FULL_WIDTH)


def strip_separators(text):
    """Drop spaces, line ends, dashes and invisible marks of every kind, as pasted numbers carry them."""
    return "".join(char for char in text if not _is_separator(char))


def _is_separator(char):
    return char in "\t\r\n\u2212" or unicodedata.category(char) in {"Zs", "Zl", "Zp", "Pd", "Cf"}


def _has_forbidden(text):
    """Controls (NUL), lone surrogates and unassigned code points; private use too, which has no fixed meaning."""
    return any(unicodedata.category(char) in {"Cc", "Cs", "Cn", "Co"} for char in text)


# Document numbers ------------------------------------------------------------------------------------------


def normalise(number):
    """Return the stored form, from which the look-up key is made. Raise `DocumentNumberError` if it has none."""
    number = strip_separators(half_width(number)).translate(LOWER_TO_UPPER)
    if _has_forbidden(number):
        raise DocumentNumberError(_("证件号码含有无法识别的字符,请重新输入。"), code="characters")
    if len(number) > MAX_LENGTH:
        raise DocumentNumberError(_("证件号码最长不超过32位。"), code="length")
    return number


def parse(kind, number, *, today=None):
    """Check a number against the rules of its kind (promises: Identity, step 1).

    `today` bounds the birth date (default: the local date). Raises `DocumentNumberError`.
    """
    kind, number = DocumentKind(kind), normalise(number)
    if not number:
        raise DocumentNumberError(_("请输入证件号码。"), code="required")
    today = today or timezone.localdate()
    pattern, message = FORMS.get(kind, (NO_FORM, ""))
    if pattern.fullmatch(number):
        _refuse_citizen_number(number, today)
        return Document(kind, number)
    if kind in CITIZEN_CHECKS:
        return _parse_citizen(kind, number, today)
    raise DocumentNumberError(message, code="format")


def infer_kind(number):
    """The likeliest kind of a number typed alone; a mistyped citizen number stays one, so `parse` can say why."""
    number = normalise(number)
    if CITIZEN_LIKE.fullmatch(number):
        return _citizen_kind(number)
    return next((kind for kind, (pattern, _message) in FORMS.items() if pattern.fullmatch(number)), DocumentKind.OTHER)


def mask(number):
    """Show a number as 4401**********1235; never more than half of it, shorter ones less."""
    head, tail = _shown(len(number))
    end = len(number) - tail
    return number[:head] + "*" * (end - head) + number[end:]


def _shown(length):
    if length >= 16:
        return 4, 4
    if length >= 8:
        return 2, 2
    return (1, 1) if length >= 4 else (0, 0)


def _citizen_kind(number):
    if number.startswith(PERMIT_REGIONS):
        return DocumentKind.RESIDENCE_PERMIT
    return DocumentKind.FOREIGN_PERMANENT if number[0] == "9" and len(number) == 18 else DocumentKind.RESIDENT_ID


def _parse_citizen(kind, number, today):
    """The 18 positions of GB 11643, shared by residence permits and the foreigners' card since 2023-12-01."""
    _check_form(number)
    CITIZEN_CHECKS[kind](number)
    birth_on = _birth_on(number, today)
    return Document(kind, number, birth_on, Sex.MALE if int(number[16]) % 2 else Sex.FEMALE)


def _refuse_citizen_number(number, today):
    """An identity card filed as something else would escape its own checks."""
    kind = _citizen_kind(number)
    try:
        _parse_citizen(kind, number, today)
    except DocumentNumberError:
        return
    raise _wrong_kind(kind)


def _wrong_kind(kind):
    return DocumentNumberError(_("这是%(kind)s的号码,请重新选择证件类型。"), code="kind", params={"kind": kind.label})


def _check_form(number):
    if re.fullmatch(r"[0-9]{15}", number):
        raise DocumentNumberError(_("15位的第一代身份证号码已停用,请输入18位的证件号码。"), code="legacy")
    if len(number) != 18:
        raise DocumentNumberError(
            _("证件号码应为18位,您输入了%(length)s位。"), code="length", params={"length": len(number)}
        )
    if not re.fullmatch(r"[0-9]{17}[0-9X]", number):
        raise DocumentNumberError(_("证件号码前17位应为数字,最后一位应为数字或X。"), code="characters")
    if not mod_11_2.is_valid(number):
        raise DocumentNumberError(_("证件号码校验未通过,请逐位核对后重新输入。"), code="checksum")


def _check_resident(number):
    if number.startswith(PERMIT_REGIONS):
        raise _wrong_kind(DocumentKind.RESIDENCE_PERMIT)
    if number[0] == "9":
        raise _wrong_kind(DocumentKind.FOREIGN_PERMANENT)
    if number[:2] + "0000" not in province_codes():
        raise DocumentNumberError(_("证件号码开头的地区代码不存在,请核对后重新输入。"), code="region")


def _check_permit(number):
    if not number.startswith(PERMIT_REGIONS):
        raise DocumentNumberError(_("港澳台居民居住证的号码应以810000、820000或830000开头。"), code="kind")


def _check_foreign(number):
    if number[0] != "9":
        raise DocumentNumberError(_("18位的外国人永久居留身份证号码应以9开头。"), code="kind")


def _birth_on(number, today):
    try:
        birth_on = dt.date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        birth_on = None
    if birth_on is None or birth_on > today or today.year - birth_on.year > MAX_AGE:
        raise DocumentNumberError(_("证件号码中的出生日期不存在,请核对后重新输入。"), code="birth")
    return birth_on


CITIZEN_CHECKS = {
    DocumentKind.RESIDENT_ID: _check_resident,
    DocumentKind.RESIDENCE_PERMIT: _check_permit,
    DocumentKind.FOREIGN_PERMANENT: _check_foreign,
}
CITIZEN_LIKE = re.compile(r"[0-9]{14,19}[0-9X]")
NO_FORM = re.compile(r"(?!)")
FORMS = {  # in the order of guessing; most have today's form and an older one that rosters still carry
    DocumentKind.FOREIGN_PERMANENT: (re.compile(r"[A-Z]{3}[0-9]{12}"), ""),
    DocumentKind.MAINLAND_TRAVEL_PERMIT: (
        re.compile(r"[HM][0-9]{8}([0-9]{2})?"),
        _("港澳居民来往内地通行证的号码应为H或M加8位数字。"),
    ),
    DocumentKind.TAIWAN_TRAVEL_PERMIT: (
        re.compile(r"[0-9]{8}|[0-9]{10}[A-Z]?"),
        _("台湾居民来往大陆通行证的号码应为8位数字。"),
    ),
    DocumentKind.PASSPORT: (re.compile(r"[A-Z0-9]{5,14}"), _("护照号码应为5至14位的字母或数字。")),
    DocumentKind.OTHER: (re.compile(r".{4,}"), _("证件号码至少4位。")),
}
LABELS = {  # what rosters write besides our own labels
    "身份证": DocumentKind.RESIDENT_ID,
    "二代身份证": DocumentKind.RESIDENT_ID,
    "第二代居民身份证": DocumentKind.RESIDENT_ID,
    "中华人民共和国居民身份证": DocumentKind.RESIDENT_ID,
    "居住证": DocumentKind.RESIDENCE_PERMIT,
    "港澳居民居住证": DocumentKind.RESIDENCE_PERMIT,
    "台湾居民居住证": DocumentKind.RESIDENCE_PERMIT,
    "永久居留证": DocumentKind.FOREIGN_PERMANENT,
    "外国人永久居留证": DocumentKind.FOREIGN_PERMANENT,
    "回乡证": DocumentKind.MAINLAND_TRAVEL_PERMIT,
    "港澳通行证": DocumentKind.MAINLAND_TRAVEL_PERMIT,
    "港澳居民来往内地通行证(非中国籍)": DocumentKind.MAINLAND_TRAVEL_PERMIT,
    "台胞证": DocumentKind.TAIWAN_TRAVEL_PERMIT,
    "外国护照": DocumentKind.PASSPORT,
    "中国护照": DocumentKind.PASSPORT,
    "其它": DocumentKind.OTHER,
}


def kind_from_label(text):
    """The kind a roster cell names (居民身份证, 身份证, resident_id), or None."""
    return _kinds_by_label().get(strip_separators(half_width(text)).lower())


@lru_cache
def _kinds_by_label():
    with override(None):  # the source strings, whatever language the first caller has
        own = {str(word): kind for kind in DocumentKind for word in (kind.value, kind.label)}
    return LABELS | own


# Institution codes -----------------------------------------------------------------------------------------

USCC_FORM = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")


def parse_uscc(text):
    """Return a 统一社会信用代码 (GB 32100) in its stored form, or raise `UsccError`."""
    number = strip_separators(half_width(text)).translate(LOWER_TO_UPPER)
    if len(number) != 18:
        raise UsccError(_("统一社会信用代码应为18位。"), code="length")
    if re.search(r"[IOZSV]", number):
        raise UsccError(_("统一社会信用代码不使用字母I、O、Z、S、V,请检查是否应为数字1、0、2、5。"), code="letters")
    # python-stdnum's own check would refuse the registrars that are letters: A 军委, N 农业农村, Y 其他.
    if not USCC_FORM.fullmatch(number):
        raise UsccError(_("统一社会信用代码格式有误,请核对后重新输入。"), code="format")
    if uscc.calc_check_digit(number[:17]) != number[17]:
        raise UsccError(_("统一社会信用代码校验未通过,请逐位核对后重新输入。"), code="checksum")
    return number


# Names -----------------------------------------------------------------------------------------------------

HAN = r"\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
MIDDLE_DOTS = r"\u00b7\u0387\u16eb\u1427\u2022\u2027\u2219\u22c5\u2e31\u30fb\ua78f\uff65"
DOTS = re.compile(rf"\s*[{MIDDLE_DOTS}][\s{MIDDLE_DOTS}]*")
HAN_STOP = re.compile(rf"(?<=[{HAN}])\s*[.\ufe52]\s*(?=[{HAN}])")
HAN_SPACE = re.compile(rf"(?<=[{HAN}])\s+(?=[{HAN}])")
# Text copied out of a PDF carries radicals that look like the characters; NFKC knows only the Kangxi block.
RADICALS = str.maketrans(
    "⺠⻁⻅⻆⻉⻋⻓⻔⻘⻙⻚⻛⻜⻝⻢⻣⻤⻥⻦⻧⻨⻩⻬⻮⻰⻳", "民虎见角贝车长门青韦页风飞食马骨鬼鱼鸟卤麦黄齐齿龙龟"
) | {code: unicodedata.normalize("NFKC", chr(code)) for code in range(0x2F00, 0x2FD6)}
# Compatibility ideographs stay as typed: NFC would replace the shape the person's card shows.
COMPOSABLE = re.compile(r"[^\uf900-\ufaff\U0002f800-\U0002fa1f]+")
# What is left of a character that a program could not write: never part of a name.
WRECKAGE = "?\u25a1\u3013\ufffd"
PUNCTUATION, ACCENTS, VARIANTS = (
    r"\s·.'\u2018\u2019\u2010-\u2015\-",
    r"\u0300-\u036f",
    r"\ufe00-\ufe0f\U000e0100-\U000e01ef",
)
IGNORED_IN_COMPARISON = re.compile(f"[{PUNCTUATION}{ACCENTS}{VARIANTS}]")


def normalise_name(name):
    """Return a name as it is stored and shown: plain widths, one kind of middle dot, no stray spaces.

    Rare Hanzi and the case of letters stay. Raise `PersonNameError` for controls, lone surrogates and wreckage.
    """
    name = _tidy_name(name)
    if any(char in WRECKAGE or unicodedata.category(char) in {"Cc", "Cs"} for char in name):
        raise PersonNameError(_("姓名含有无法识别的字符,请按证件上的姓名填写。"), code="characters")
    return name


def _tidy_name(name):
    name = "".join(char for char in half_width(name).translate(RADICALS) if unicodedata.category(char) != "Cf")
    name = COMPOSABLE.sub(lambda part: unicodedata.normalize("NFC", part[0]), name)
    name = HAN_SPACE.sub("", HAN_STOP.sub("·", DOTS.sub("·", name)))
    return re.sub(r"\s+", " ", name).strip(" ·")


def comparison_name(name):
    """The form in which two spellings of one name are equal: no case, accents, spaces, dots, hyphens."""
    name = unicodedata.normalize("NFKD", _tidy_name(name)).casefold()
    return unicodedata.normalize("NFKC", IGNORED_IN_COMPARISON.sub("", name))


def same_name(a, b):
    """Whether two names are one person's (promises: Identity). Two empty names are not."""
    return bool(comparison_name(a)) and comparison_name(a) == comparison_name(b)
