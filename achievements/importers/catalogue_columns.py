"""The columns of a catalogue file, read and written by the same words, so that an export imports as it is."""

import datetime as dt
import re
from functools import partial

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.importers.cells import chosen, day, decimal, plain_text, short_code, within, yes_or_no
from accounts.importers.columns import Column, Columns
from achievements.models import CatalogueEntry
from achievements.models.types import plain
from achievements.rules import check_valid_day

FORMULA = re.compile(r"'*[ \n\u3000]*[=+\-@\t\r＝＋－＠]")
NAMES_APART = re.compile(r"[\n;；]+")
MOST_NAMES = 20


def escaped(text):
    """A cell that no spreadsheet takes for a formula (promises: Web); `unescaped` gives it back exactly."""
    return f"'{text}" if FORMULA.match(text) else text


def unescaped(text):
    return text[1:] if text.startswith("'") and FORMULA.match(text) else text


def _text(text, *, most):
    return plain_text(unescaped(text), most=most)


def _lines(text, *, most):
    """A text of several lines."""
    lines = [plain_text(line, most=most) for line in unescaped(text).replace("\r\n", "\n").split("\n")]
    return within("\n".join(lines).strip(), most)


def _names(text):
    """Several names, one per line or with semicolons between."""
    names = [plain_text(name, most=200) for name in NAMES_APART.split(unescaped(text)) if name.strip()]
    if len(names) > MOST_NAMES:
        raise ValidationError(_("最多%s个名称。") % MOST_NAMES)
    return "\n".join(dict.fromkeys(names))


def _valid_day(text):
    stored = day(text)
    check_valid_day(dt.date.fromisoformat(stored))
    return stored


def _whole(text, *, least, most):
    return str(int(decimal(text, least=least, most=most, places=0)))


def _labels(choices):
    return {str(label): value for value, label in choices}


COLUMNS = Columns(
    [
        Column("project_name", _("项目名称"), partial(_text, most=100), required=True),
        Column("name", _("成果名称"), partial(_text, most=200), required=True),
        Column("institution", _("机构代码"), partial(short_code, most=9), required=True),
        Column("institution_name", _("资历机构名称"), partial(_text, most=120)),
        Column("type", _("成果类型"), partial(_text, most=60), required=True),
        Column("level", _("等级"), partial(chosen, values=_labels(CatalogueEntry.Level.choices), names=_("等级"))),
        Column("framework_level", _("资历框架等级"), partial(_whole, least=1, most=7), blank=None),
        Column("family", _("等级系列"), partial(_text, most=120)),
        Column("family_rank", _("系列次序"), partial(_whole, least=0, most=32767), blank=None),
        Column("hours", _("学习量"), partial(decimal, most=999999, places=1), blank=None),
        Column(
            "hours_unit",
            _("学习量单位"),
            partial(chosen, values=_labels(CatalogueEntry.Unit.choices), names=_("学习量单位")),
            blank=CatalogueEntry.Unit.HOUR.value,
        ),
        Column("credits", _("学分"), partial(decimal, most=9999, places=1), blank=None),
        Column("credit_basis", _("学分依据"), partial(_text, most=60)),
        Column("valid_from", _("生效日期"), _valid_day, blank=None),
        Column("valid_to", _("失效日期"), _valid_day, blank=None),
        Column("aliases", _("别名"), _names),
        Column("formers", _("曾用名"), _names),
        Column("is_active", _("启用"), yes_or_no, blank="true"),
        Column("stop_reason", _("停用原因"), partial(_text, most=200)),
        Column(
            "status",
            _("状态"),
            partial(chosen, values=_labels(CatalogueEntry.Status.choices), names=_("状态")),
        ),
        Column("description", _("说明"), partial(_lines, most=600)),
    ]
)


def cells_of(entry, type_label):
    """The cells of an entry (with institution, family and aliases), in the order of the columns."""
    aliases = {
        kind: [alias.name for alias in entry.aliases.all() if alias.kind == kind] for kind in ["alias", "former"]
    }
    values = {
        "project_name": entry.project_name,
        "name": entry.name,
        "institution": entry.institution.bank_code,
        "institution_name": entry.institution.name,
        "type": type_label,
        "level": entry.get_level_display(),
        "framework_level": entry.framework_level,
        "family": entry.family and entry.family.name,
        "family_rank": entry.family_rank,
        "hours": _number(entry.hours),
        "hours_unit": entry.get_hours_unit_display(),
        "credits": _number(entry.credits),
        "credit_basis": entry.credit_basis,
        "valid_from": entry.valid_from,
        "valid_to": entry.valid_to,
        "aliases": "\n".join(aliases["alias"]),
        "formers": "\n".join(aliases["former"]),
        "is_active": "是" if entry.is_active else "否",
        "stop_reason": entry.stop_reason,
        "status": entry.get_status_display(),
        "description": entry.description,
    }
    return [escaped("" if values[column.field] is None else str(values[column.field])) for column in COLUMNS]


def _number(value):
    return None if value is None else plain(value)
