"""National code tables (GB/T 2260, 2261.1, 2659, 3304), read from `accounts/data/`; see the README there."""

import csv
import datetime as dt
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from django.db import models
from django.utils.translation import gettext_lazy as _

DATA = Path(__file__).parent / "data"


class Sex(models.TextChoices):
    """GB/T 2261.1."""

    UNKNOWN = "0", _("未知")
    MALE = "1", _("男")
    FEMALE = "2", _("女")
    UNSTATED = "9", _("未说明")


class Country(NamedTuple):
    alpha2: str
    alpha3: str
    numeric: str
    name: str
    also: tuple[str, ...]


class RegionRow(NamedTuple):
    """A line of regions.csv; `valid_to` is the first day on which it no longer holds."""

    code: str
    name: str
    parent: str | None
    level: int
    valid_from: dt.date | None
    valid_to: dt.date | None


def _rows(filename):
    with (DATA / filename).open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


@lru_cache
def ethnic_groups():
    """GB/T 3304 as (code, name) choices, with 97 其他 and 98 外国血统中国籍人士."""
    return tuple((row["code"], row["name"]) for row in _rows("ethnic_groups.csv"))


@lru_cache
def country_table():
    """GB/T 2659: 中国 and its regions first, the others in pinyin order."""
    return tuple(Country(**{**row, "also": _names(row["also"])}) for row in _rows("countries.csv"))


def _names(text):
    return tuple(text.split(";")) if text else ()


@lru_cache
def countries():
    """(alpha-2 code, name) choices in display order."""
    return tuple((country.alpha2, country.name) for country in country_table())


@lru_cache
def region_rows():
    """GB/T 2260 as `RegionRow`s, parents before their children.

    A level 1 or 2 region without children is complete by itself (东莞市, 仙桃市, 香港).
    """
    return tuple(sorted(map(_region, _rows("regions.csv")), key=lambda row: (row.level, row.code)))


def _region(row):
    dates = [dt.date.fromisoformat(row[key]) if row[key] else None for key in ("valid_from", "valid_to")]
    return RegionRow(row["code"], row["name"], row["parent"] or None, int(row["level"]), *dates)


@lru_cache
def province_codes():
    """The codes of level 1 (440000, …), those of 港澳台 among them."""
    return frozenset(row.code for row in region_rows() if row.level == 1)


SEX_WORDS = {
    **{sex.value: sex.value for sex in Sex},
    **dict.fromkeys(("未知", "未知的性别"), Sex.UNKNOWN.value),
    **dict.fromkeys(("男", "男性"), Sex.MALE.value),
    **dict.fromkeys(("女", "女性"), Sex.FEMALE.value),
    **dict.fromkeys(("未说明", "未说明的性别"), Sex.UNSTATED.value),
}
ETHNIC_GROUPS = ethnic_groups()
COUNTRIES = countries()


def sex_code(text):
    """The code for what a roster cell says (男, 男性, 1), or None."""
    return SEX_WORDS.get(_key(text))


def ethnic_group_code(text):
    """The code for what a roster cell says (汉族, 汉, 01, 1), or None."""
    return _ethnic_codes().get(_key(text))


def country_code(text):
    """The alpha-2 code for what a roster cell says (中国, CHN, 156, 中华人民共和国), or None."""
    return _country_codes().get(_key(text))


def _key(text):
    return "".join(text.split()).upper()


@lru_cache
def _ethnic_codes():
    codes = {}
    for code, name in ethnic_groups():
        codes |= {code: code, code.lstrip("0"): code, name: code, name.removesuffix("族"): code}
    return codes


@lru_cache
def _country_codes():
    codes = {}
    for country in country_table():
        codes |= dict.fromkeys((*country[:4], *country.also), country.alpha2)
    return codes
