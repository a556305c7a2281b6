"""成绩办法: the score that a conversion gives for the course."""

from decimal import ROUND_HALF_UP, Decimal

from django.utils.translation import gettext as _

from achievements.models.types import plain

PASSED = "合格"


def resulting_score(version, achievements):
    """The score to be entered for the course, as text, frozen at submission (domain.md §2).

    Where a score that has to be carried or averaged isn't there, the result is 合格. Several carried scores stand side
    by side, in the order of the achievements; a mean is rounded to two places.
    """
    policy, scores = version.ScorePolicy(version.score_policy), [achievement.score for achievement in achievements]
    if policy == version.ScorePolicy.FIXED:
        return version.fixed_score
    if policy == version.ScorePolicy.PASS or not scores or None in scores:
        return _(PASSED)
    if policy == version.ScorePolicy.CARRY:
        return "、".join(plain_score(score) for score in scores)
    mean = sum(scores, Decimal(0)) / len(scores)
    return plain_score(mean.quantize(Decimal("0.01"), ROUND_HALF_UP))


def plain_score(score):
    """A score without trailing zeros: 425, 87.5."""
    return plain(Decimal(score))
