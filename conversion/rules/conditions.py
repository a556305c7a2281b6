"""What a rule asks for, condition by condition, and the thresholds of a source."""

from dataclasses import dataclass
from enum import StrEnum

from dateutil.relativedelta import relativedelta
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from conversion.rules.scores import plain_score


class Verdict(StrEnum):
    """The answer about one rule. The first that applies: used, missing, capped, match."""

    MATCH = "match"
    MISSING = "missing"
    CAPPED = "capped"
    USED = "used"


VERDICT_LABELS = {
    Verdict.MATCH: gettext_lazy("符合条件"),
    Verdict.MISSING: gettext_lazy("还缺成果"),
    Verdict.CAPPED: gettext_lazy("超过上限"),
    Verdict.USED: gettext_lazy("已使用"),
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing a rule asks for: what is required, what there is, and what would meet it.

    `code` says which kind of condition it is, whatever the language: status, sources, score, level, from, to, age,
    family, pair, once, course, group, repeat, cap; of performance tables also recognition, type, criteria, event.
    """

    code: str
    label: str
    required: str
    actual: str
    met: bool
    remedy: str = ""


REMEDIES = {
    "score": gettext_lazy("成绩要达到 %s"),
    "level": gettext_lazy("资历框架等级要达到 %s 级"),
    "from": gettext_lazy("取得时间不能早于 %s"),
    "to": gettext_lazy("取得时间不能晚于 %s"),
    "age": gettext_lazy("取得时间不能早于 %s"),
}


def _threshold(code, label, required, actual, met):
    return Condition(code, label, str(required), str(actual), met, "" if met else REMEDIES[code] % required)


def _earliest(source, on):
    """The first day on which an achievement is young enough on a day; no day is earlier than those of the year 1."""
    return on - relativedelta(months=min(source.max_age_months, (on.year - 1) * 12))


def obtained_window(version, source):
    """(first, last) day on which an achievement may be obtained, None for open ends.

    Where the obtained date selects the version, its validity narrows what the source says.
    """
    first, last = source.obtained_from, source.obtained_to
    if version.version_selected_by == version.SelectedBy.OBTAINED:
        first = max(day for day in (first, version.valid_from) if day) if first or version.valid_from else None
        last = min((day for day in (last, version.valid_to) if day), default=None)
    return first, last


def window_conditions(first, last, obtained):
    """That a day lies between two others, None for open ends, as `Condition`s."""
    conditions = []
    if first:
        conditions.append(_threshold("from", _("取得时间不早于"), first, obtained, obtained >= first))
    if last:
        conditions.append(_threshold("to", _("取得时间不晚于"), last, obtained, obtained <= last))
    return conditions


def satisfies(version, source, achievement, on):
    """Whether an achievement is of the source's entry and meets its thresholds."""
    if source.entry_id != achievement.entry_id or source.entry_id is None:
        return False
    if source.min_score is not None and (achievement.score is None or achievement.score < source.min_score):
        return False
    if source.min_framework_level is not None:
        level = achievement.entry.framework_level
        if level is None or level < source.min_framework_level:
            return False
    first, last = obtained_window(version, source)
    obtained = achievement.obtained_on
    if (first and obtained < first) or (last and obtained > last):
        return False
    return source.max_age_months is None or obtained >= _earliest(source, on)


def source_conditions(version, source, achievement, on):
    """The thresholds of a source for an achievement of its entry, each as a `Condition`."""
    level, obtained = achievement.entry.framework_level, achievement.obtained_on
    conditions = []
    if source.min_score is not None:
        score = achievement.score
        met = score is not None and score >= source.min_score
        actual = _("未填写") if score is None else plain_score(score)
        conditions.append(_threshold("score", _("成绩"), plain_score(source.min_score), actual, met))
    if source.min_framework_level is not None:
        met = level is not None and level >= source.min_framework_level
        actual = level or _("未定级")
        conditions.append(_threshold("level", _("资历框架等级"), source.min_framework_level, actual, met))
    conditions += window_conditions(*obtained_window(version, source), obtained)
    if source.max_age_months is not None:
        earliest = _earliest(source, on)
        label = _("取得后%d个月内,即不早于") % source.max_age_months
        conditions.append(_threshold("age", label, earliest, obtained, obtained >= earliest))
    return conditions
