"""The columns of a roster: what a cell may say, and what is stored for it.

The `fast` expressions hold, for the commonest shapes, exactly what the rule gives, and null wherever they aren't
sure: the rule then decides. A test proves that both agree.
"""

import datetime as dt
from functools import lru_cache, partial

import polars as pl
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.utils.translation import gettext_lazy as _
from phonenumbers import PhoneMetadata

from accounts.code_tables import country_code, ethnic_group_code, sex_code
from accounts.documents import MAX_AGE, half_width, strip_separators
from accounts.importers.cells import day, plain_text, short_code, within
from accounts.importers.columns import SPREADSHEET_DIGITS, Column, Columns
from accounts.importers.people import person_columns, plausible, sure
from accounts.models import Enrolment, Learner
from accounts.phones import normalise_phone

LEARNER_FIELDS = (
    "name",
    "document_kind",
    "sex",
    "birth_on",
    "ethnicity",
    "nationality",
    "region_id",
    "address",
)
ENROLMENT_FIELDS = (
    "phone",
    "email",
    "cohort",
    "education_level",
    "study_form",
    "programme_code",
    "programme_name",
    "status",
)
PLAIN_WORDS = r"^[0-9A-Za-z\x{3400}-\x{4dbf}\x{4e00}-\x{9fff}]+$"
CODE = r"^[0-9A-Za-z]+$"
MAIL = r"^[0-9A-Za-z_]+(?:\.[0-9A-Za-z_]+)*@(?:[0-9A-Za-z]+\.)+[A-Za-z]{2,20}$"


def roster_columns(*, today, regions):
    """The columns of a roster; `regions` are the codes of 行政区划."""
    return Columns([
        *person_columns(),
        Column("sex", _("性别"), partial(coded, code_of=sex_code, names=_("性别")), blank=None),
        Column("birth_on", _("出生日期"), partial(birth_date, today=today), _sure_date(today), blank=None),
        Column("ethnicity", _("民族"), partial(coded, code_of=ethnic_group_code, names=_("民族"))),
        Column("nationality", _("国籍"), partial(coded, code_of=country_code, names=_("国籍"))),
        Column("phone", _("手机号码"), normalise_phone, pl.lit("+86") + sure(*_mobile_pattern(), most=11)),
        Column("email", _("电子邮箱"), email, sure(MAIL, most=60)),
        Column("region_id", _("行政区划代码"), partial(region, known=regions), blank=None),
        Column("address", _("详细地址"), _text("address"), sure(PLAIN_WORDS, most=_length("address"))),
        Column(
            "student_number",
            _("学号"),
            _code("student_number"),
            sure(CODE, most=_length("student_number")),
            digits=SPREADSHEET_DIGITS,
        ),
        Column("cohort", _("年级"), _code("cohort")),
        Column("education_level", _("层次"), _text("education_level")),
        Column("study_form", _("学习形式"), _text("study_form")),
        Column("programme_code", _("专业代码"), _code("programme_code")),
        Column("programme_name", _("专业名称"), _text("programme_name")),
        Column("status", _("学籍状态"), _text("status")),
    ])  # fmt: skip


def _length(field):
    model = Learner if field == "address" else Enrolment
    return model._meta.get_field(field).max_length


def _text(field):
    return partial(plain_text, most=_length(field))


def _code(field):
    return partial(short_code, most=_length(field))


# Rules -----------------------------------------------------------------------------------------------------


def birth_date(text, *, today):
    stored = day(text)
    birth_on = dt.date.fromisoformat(stored)
    if birth_on > today or today.year - birth_on.year > MAX_AGE:
        raise ValidationError(_("出生日期不合理,请核对。"))
    return stored


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
    return within(address, _length("email"))


# The same for whole columns ----------------------------------------------------------------------------------


@lru_cache
def _mobile_pattern():
    pattern = PhoneMetadata.metadata_for_region("CN").mobile.national_number_pattern
    return r"^1[3-9][0-9]{9}$", rf"^(?:{pattern})$"


def _sure_date(today):
    date = pl.col("cell").str.strip_suffix(" 00:00:00")
    birth_on = date.str.to_date("%Y-%m-%d", strict=False)
    return pl.when(date.str.contains(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), *plausible(birth_on, today)).then(date)
