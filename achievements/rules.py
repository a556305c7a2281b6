"""What may be said of an achievement and in the extra fields of its type. Reads only; forms and imports ask it."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from achievements.models.types import EARLIEST_YEAR

LATEST_YEAR = 2999  # what is "9999-12-31" elsewhere is an empty end here


def check_obtained_on(date, *, today):
    """Raise `ValidationError` for a day on which nothing can have been obtained."""
    if date > today:
        raise ValidationError(_("取得时间不能晚于今天。"))
    if date.year < EARLIEST_YEAR:
        raise ValidationError(_("请检查取得时间的年份。"))


def check_valid_day(date):
    """Raise `ValidationError` for the day of a validity in a year that nobody means; without an end it is for good."""
    if not EARLIEST_YEAR <= date.year <= LATEST_YEAR:
        raise ValidationError(_("请检查年份;长期有效的,失效日期留空。"))


def check_extra(fields, typed):
    """Judge {key: typed text} by the fields of a type; return ({key: text to store}, {key: reason}).

    Fields that say nothing are left out of what is stored.
    """
    stored, errors = {}, {}
    for field in fields:
        text = str(typed.get(field.key) or "").strip()
        if not text:
            if field.required:
                errors[field.key] = _("请填写%s。") % field.label
            continue
        try:
            stored[field.key] = field.parse(text)
        except ValidationError as error:
            errors[field.key] = error.messages[0]
    return stored, errors | _too_early(fields, stored)


def _too_early(fields, stored):
    """Dates before the date they must not precede, such as an end before its start."""
    labels = {field.key: field.label for field in fields}
    return {
        field.key: _("不能早于%s。") % labels[field.not_before]
        for field in fields
        if field.key in stored and stored[field.key] < stored.get(field.not_before, "")
    }
