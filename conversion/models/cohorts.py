"""Cohorts (年级) in a row: 2018, or 2018—2020."""

import re
from dataclasses import dataclass
from itertools import pairwise

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.documents import half_width

YEAR = "((?:19|20)[0-9]{2})"
FIRST_YEAR, LAST_YEAR = 1900, 2099
RANGE = rf"{YEAR}级?(?:(?:-|~|–|—+|至|到){YEAR}级?)?"
WRITTEN = re.compile(RANGE)
# Within a longer word only what says 级 is a cohort: codes of rules hold years too.
IN_WORDS = re.compile(rf"(?<![0-9])({RANGE}(?<=级))")


@dataclass(frozen=True)
class Cohorts:
    """From the first to the last of them, both included; 级 is added where they are shown."""

    first: int
    last: int

    @classmethod
    def read(cls, text):
        """What 2018, 2018级, 2018-2020, 2018至2020级 mean, in full-width digits too; raises `ValidationError`."""
        found = WRITTEN.fullmatch(half_width(text).replace(" ", ""))
        if not found:
            raise ValidationError(_("年级是四位数字,如 2018;连续几个年级写成 2018—2020。"))
        first, last = int(found[1]), int(found[2] or found[1])
        if last < first:
            raise ValidationError(_("最后的年级不能早于最先的,如 2018—2020。"))
        return cls(first, last)

    def __str__(self):
        return str(self.first) if self.first == self.last else f"{self.first}—{self.last}"

    def among(self, path=""):
        """The condition that a programme, to which `path` leads, holds for one of these cohorts at least."""
        return Q(**{f"{path}cohort__lte": self.last, f"{path}cohort_to__gte": self.first})


def search_words(text):
    """[(word, the cohorts it names or None)…] of what somebody looks for; 「理工2019级护理」 is three words."""
    cuts = [cut for found in IN_WORDS.finditer(half_width(text)) for cut in found.span()]
    words = [word for start, end in pairwise([0, *cuts, len(text)]) for word in text[start:end].split()]
    return [(word, named_by(word)) for word in words[:8]]


def named_by(word):
    """The cohorts that a word names, or None."""
    try:
        return Cohorts.read(word)
    except ValidationError:
        return None
