"""What one cell may say, and what is stored for it. Each rule raises `ValidationError` for the clerk to read.

`FAST` holds, for the commonest shapes, expressions over a whole column that give exactly what the rule gives, and
null wherever they aren't sure: the rule then decides. A test proves that both agree.
"""

import datetime as dt
import re
import unicodedata
from functools import lru_cache, partial

import polars as pl
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.utils.translation import gettext_lazy as _
from phonenumbers import PhoneMetadata

from accounts.code_tables import country_code, ethnic_group_code, province_codes, sex_code
from accounts.documents import (
    MAX_AGE,
    PERMIT_REGIONS,
    DocumentKind,
    comparison_name,
    half_width,
    kind_from_label,
    normalise_name,
    strip_separators,
)
from accounts.models import Enrolment, Learner
from accounts.phones import normalise_phone

DATE = re.compile(r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?|([0-9]{4})([0-9]{2})([0-9]{2})")
MIDNIGHT = re.compile(r"[ T]00:00(:00(\.0+)?)?$")


def _length(field):
    model = Learner if field in {"name", "address"} else Enrolment
    return model._meta.get_field(field).max_length


# Rules -----------------------------------------------------------------------------------------------------


def person_name(text):
    name = normalise_name(text)
    if not comparison_name(name):
        raise ValidationError(_("姓名中没有文字。"))
    return _within(name, _length("name"))


def document_kind(text):
    kind = kind_from_label(text)
    if kind is None:
        raise ValidationError(
            _("证件类型不认识,可用:%(known)s。") % {"known": "、".join(map(str, DocumentKind.labels))}
        )
    return kind.value


def birth_date(text, *, today):
    match = DATE.fullmatch(MIDNIGHT.sub("", half_width(text)).replace(" ", ""))
    try:
        birth_on = dt.date(*(int(part) for part in match.groups() if part))
    except (AttributeError, ValueError):
        raise ValidationError(_("日期无法识别,请按1990-01-31的样子填写。")) from None
    if birth_on > today or today.year - birth_on.year > MAX_AGE:
        raise ValidationError(_("出生日期不合理,请核对。"))
    return birth_on.isoformat()


def region(text, *, known):
    code = strip_separators(half_width(text))
    if code not in known:
        raise ValidationError(_("行政区划代码不存在,应为6位数字(如440106)。"))
    return code


def coded(text, *, code_of, names):
    code = code_of(half_width(text))
    if code is None:
        raise ValidationError(_("%(names)s无法识别,请填写名称或国家标准代码。") % {"names": names})
    return code


def email(text):
    address = half_width(text)
    try:
        EmailValidator()(address)
    except ValidationError:
        raise ValidationError(_("电子邮箱格式有误。")) from None
    return _within(address, _length("email"))


def plain_text(text, *, most):
    """A text of one line; line ends and runs of spaces become one space."""
    text = re.sub(r"\s+", " ", text).strip()
    if any(unicodedata.category(char) in {"Cc", "Cs", "Cn"} for char in text):
        raise ValidationError(_("含有无法识别的字符。"))
    return _within("".join(char for char in text if unicodedata.category(char) != "Cf"), most)


def short_code(text, *, most):
    """A number or code: full-width digits and letters become plain ones."""
    return plain_text(half_width(text), most=most)


def _within(text, most):
    if len(text) > most:
        raise ValidationError(_("超过%(most)s个字。") % {"most": most})
    return text


def rules(*, today, regions):
    """The rule of every field but the document number, whose rule needs the kind too."""
    return {
        "name": person_name,
        "document_kind": document_kind,
        "sex": partial(coded, code_of=sex_code, names=_("性别")),
        "birth_on": partial(birth_date, today=today),
        "ethnicity": partial(coded, code_of=ethnic_group_code, names=_("民族")),
        "nationality": partial(coded, code_of=country_code, names=_("国籍")),
        "region_id": partial(region, known=regions),
        "address": partial(plain_text, most=_length("address")),
        "phone": normalise_phone,
        "email": email,
        **{
            field: partial(short_code, most=_length(field)) for field in ("student_number", "cohort", "programme_code")
        },
        **{
            field: partial(plain_text, most=_length(field))
            for field in ("education_level", "study_form", "programme_name", "status")
        },
    }


# The same for whole columns ----------------------------------------------------------------------------------

HAN = r"[\x{3400}-\x{4dbf}\x{4e00}-\x{9fff}\x{20000}-\x{2a6df}]"
PLAIN_WORDS = r"^[0-9A-Za-z\x{3400}-\x{4dbf}\x{4e00}-\x{9fff}]+$"
CODE = r"^[0-9A-Za-z]+$"
MAIL = r"^[0-9A-Za-z_]+(?:\.[0-9A-Za-z_]+)*@(?:[0-9A-Za-z]+\.)+[A-Za-z]{2,20}$"


@lru_cache
def _mobile_pattern():
    pattern = PhoneMetadata.metadata_for_region("CN").mobile.national_number_pattern
    return r"^1[3-9][0-9]{9}$", rf"^(?:{pattern})$"


def _sure(*patterns, most):
    cell = pl.col("cell")
    conditions = [cell.str.contains(pattern) for pattern in patterns]
    return pl.when(pl.all_horizontal(*conditions), cell.str.len_chars() <= most).then(cell)


def _sure_date(today):
    day = pl.col("cell").str.strip_suffix(" 00:00:00")
    birth_on = day.str.to_date("%Y-%m-%d", strict=False)
    return pl.when(day.str.contains(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), *_plausible(birth_on, today)).then(day)


def _plausible(birth_on, today):
    return birth_on <= today, birth_on.dt.year() >= today.year - MAX_AGE


def fast(*, today):
    """Expressions over the column `cell`."""
    return {
        "birth_on": _sure_date(today),
        "name": _sure(rf"^{HAN}+(?:·{HAN}+)*$", most=_length("name")),
        "phone": pl.lit("+86") + _sure(*_mobile_pattern(), most=11),
        "email": _sure(MAIL, most=60),
        "address": _sure(PLAIN_WORDS, most=_length("address")),
        "student_number": _sure(CODE, most=_length("student_number")),
    }


WEIGHTS = [2 ** (17 - place) % 11 for place in range(17)]


def fast_resident(today):
    """Expression over `cell`: the number of a resident identity card that passes `documents.parse`, or null."""
    number = pl.col("cell").str.to_uppercase()
    body = number.str.slice(0, 17).cast(pl.Int64, strict=False)
    total = pl.sum_horizontal(body // 10 ** (16 - place) % 10 * weight for place, weight in enumerate(WEIGHTS))
    last = number.str.slice(17, 1).replace("X", "10").cast(pl.Int64, strict=False)
    birth_on = number.str.slice(6, 8).str.to_date("%Y%m%d", strict=False)
    provinces = [code[:2] for code in province_codes() if code not in PERMIT_REGIONS and code[0] != "9"]
    return pl.when(
        number.str.contains(r"^[0-9]{17}[0-9X]$"),
        number.str.slice(0, 2).is_in(provinces),
        (total + last) % 11 == 1,
        *_plausible(birth_on, today),
    ).then(number)
