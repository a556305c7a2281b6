"""What one cell of any file may say. Each rule returns the text to store or raises `ValidationError` for the clerk."""

import datetime as dt
import re
import unicodedata
from decimal import Decimal, InvalidOperation

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.documents import half_width

DATE = re.compile(r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?|([0-9]{4})([0-9]{2})([0-9]{2})")
MIDNIGHT = re.compile(r"[ T]00:00(:00(\.0+)?)?$")
GROUPED = re.compile(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?")  # 1,200.5; but 1,5 may mean 1.5
YES, NO = {"是", "有", "真", "1", "y", "yes", "true"}, {"否", "无", "假", "0", "n", "no", "false"}


def plain_text(text, *, most):
    """A text of one line; line ends and runs of spaces become one space."""
    text = re.sub(r"\s+", " ", text).strip()
    if any(unicodedata.category(char) in {"Cc", "Cs", "Cn"} for char in text):
        raise ValidationError(_("含有无法识别的字符。"))
    return within("".join(char for char in text if unicodedata.category(char) != "Cf"), most)


def short_code(text, *, most):
    """A number or code: full-width digits and letters become plain ones."""
    return plain_text(half_width(text), most=most)


def within(text, most):
    if len(text) > most:
        raise ValidationError(_("超过%(most)s个字。") % {"most": most})
    return text


def day(text):
    """A date as ISO 8601 text."""
    match = DATE.fullmatch(MIDNIGHT.sub("", half_width(text)).replace(" ", ""))
    try:
        return dt.date(*(int(part) for part in match.groups() if part)).isoformat()
    except (AttributeError, ValueError):
        raise ValidationError(_("日期无法识别,请按1990-01-31的样子填写。")) from None


def decimal(text, *, most, places, least=0):
    """A number from `least` to `most` as text, with at most `places` digits behind the point."""
    digits = half_width(text).replace(" ", "")
    try:
        number = Decimal(digits.replace(",", "") if GROUPED.fullmatch(digits) else digits)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise ValidationError(_("数字无法识别。"))
    if not least <= number <= most:
        raise ValidationError(_("数字应在%(least)s到%(most)s之间。") % {"least": least, "most": most})
    if number != round(number, places):
        raise ValidationError(_("小数最多%(places)s位。") % {"places": places})
    return f"{round(number, places):f}"


def chosen(text, *, values, names):
    """The value of a label: `values` has {label: value}; a value itself is taken too."""
    text = half_width(text)
    if text in values:
        return values[text]
    if text in values.values():
        return text
    known = "、".join(values)
    raise ValidationError(_("%(names)s无法识别,可用:%(known)s。") % {"names": names, "known": known[:200]})


def yes_or_no(text):
    """是 or 否 as "true" or "false"."""
    word = half_width(text).lower()
    if word not in YES | NO:
        raise ValidationError(_("请填写“是”或“否”。"))
    return "true" if word in YES else "false"
