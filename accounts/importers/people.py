"""The columns that name a person by document, and their checks, for every kind of file that has a person per row."""

import polars as pl
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.code_tables import province_codes
from accounts.documents import (
    MAX_AGE,
    PERMIT_REGIONS,
    DocumentKind,
    comparison_name,
    half_width,
    kind_from_label,
    mask,
    normalise_name,
    parse,
    strip_separators,
)
from accounts.importers.cells import within
from accounts.importers.checks import TableChecker
from accounts.importers.columns import Column, Refusal
from accounts.models import Learner

HAN = r"[\x{3400}-\x{4dbf}\x{4e00}-\x{9fff}\x{20000}-\x{2a6df}]"
NAME_LENGTH = Learner._meta.get_field("name").max_length
WEIGHTS = [2 ** (17 - place) % 11 for place in range(17)]


def person_columns():
    """姓名, 证件类型 and 证件号码, all required. A `PersonChecker` sees to the number, whose rule needs the kind."""
    return (
        Column("name", _("姓名"), person_name, fast_name(), required=True),
        Column("document_kind", _("证件类型"), document_kind, required=True),
        Column("document_number", _("证件号码"), required=True, digits=0),
    )


def person_name(text):
    name = normalise_name(text)
    if not comparison_name(name):
        raise ValidationError(_("姓名中没有文字。"))
    return within(name, NAME_LENGTH)


def fast_name():
    return sure(rf"^{HAN}+(?:·{HAN}+)*$", most=NAME_LENGTH)


def document_kind(text):
    kind = kind_from_label(text)
    if kind is None:
        raise ValidationError(
            _("证件类型不认识,可用:%(known)s。") % {"known": "、".join(map(str, DocumentKind.labels))}
        )
    return kind.value


class PersonChecker(TableChecker):
    """Adds to every row `number` and what the number tells: `told_birth` and `told_sex`."""

    def __init__(self, table, columns, *, today):
        super().__init__(table, columns)
        self.today = today
        self.fast_resident = fast_resident(today)

    def check_across(self, frame, raw, found):
        found += self.missing(raw, self.columns["document_number"])
        resident = frame["document_kind"] == DocumentKind.RESIDENT_ID
        sure_ones = raw.select(cell="document_number").select(number=pl.when(resident).then(self.fast_resident))
        told = sure_ones.select(
            "number",
            told_birth=pl.col("number").str.slice(6, 8).str.to_date("%Y%m%d").cast(pl.String),
            told_sex=2 - pl.col("number").str.slice(16, 1).cast(pl.Int8) % 2,
        ).with_columns(pl.col("told_sex").cast(pl.String))
        return frame.hstack(self._parse_the_rest(raw, frame["document_kind"], told, found))

    def _parse_the_rest(self, raw, kinds, told, found):
        rest = told["number"].is_null() & raw["document_number"].is_not_null() & (kinds != "")
        places = rest.arg_true()
        if not len(places):
            return told
        parsed = [self._parse(raw, kinds, place, found) for place in places]
        columns = zip(("number", "told_birth", "told_sex"), zip(*parsed, strict=True), strict=True)
        return told.with_columns(
            told[name].scatter(places, pl.Series(values, dtype=pl.String)) for name, values in columns
        )

    def _parse(self, raw, kinds, place, found):
        text = raw["document_number"][place]
        try:
            document = parse(kinds[place], text, today=self.today)
        except ValidationError as error:
            title = self.columns.title("document_number")
            found.append(Refusal(raw["line"][place], title, _masked(text), error.messages[0]))
            return None, None, None
        birth_on = document.birth_on and document.birth_on.isoformat()
        return document.number, birth_on, document.sex and document.sex.value


def _masked(number):
    return mask(strip_separators(half_width(number))[:32])


# Expressions over whole columns ------------------------------------------------------------------------------


def sure(*patterns, most):
    """Expression over `cell`: the cell where it fits every pattern and is short enough, null elsewhere."""
    cell = pl.col("cell")
    conditions = [cell.str.contains(pattern) for pattern in patterns]
    return pl.when(pl.all_horizontal(*conditions), cell.str.len_chars() <= most).then(cell)


def plausible(birth_on, today):
    return birth_on <= today, birth_on.dt.year() >= today.year - MAX_AGE


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
        *plausible(birth_on, today),
    ).then(number)
