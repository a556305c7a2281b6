"""Which rules an achievement has a slot in: one piece of SQL behind the grid's counter and the dialog's list.

Said in SQL because the grid asks it for every page it shows: building the same query through the ORM took two and a
half times as long as PostgreSQL needs to answer it (docs/benchmarks.md).
"""

from typing import NamedTuple

from django.db import connection
from django.db.models.expressions import RawSQL
from django.utils import timezone

from conversion.models import RuleVersion

# A slot is open when its version is in force, the achievement satisfies the source by itself, and no live application
# uses the achievement for that rule.
OPEN_SLOTS = """
SELECT achievement.id AS achievement_id, version.id AS version_id
FROM achievements_achievement achievement
JOIN achievements_catalogueentry entry ON entry.id = achievement.entry_id
JOIN conversion_rulesource source ON source.entry_id = entry.id
JOIN conversion_rulegroup grp ON grp.id = source.group_id
JOIN conversion_ruleversion version ON version.id = grp.version_id
WHERE achievement.id = ANY(%s)
AND version.status = 'published' AND version.valid_from <= %s AND (version.valid_to IS NULL OR version.valid_to >= %s)
AND (source.min_score IS NULL OR achievement.score >= source.min_score)
AND (source.min_framework_level IS NULL OR entry.framework_level >= source.min_framework_level)
AND (source.obtained_from IS NULL OR achievement.obtained_on >= source.obtained_from)
AND (source.obtained_to IS NULL OR achievement.obtained_on <= source.obtained_to)
AND (
    source.max_age_months IS NULL
    OR achievement.obtained_on >= (%s::date - make_interval(months => source.max_age_months))::date
)
AND NOT EXISTS (
    SELECT 1 FROM conversion_applicationsource used
    WHERE used.achievement_id = achievement.id AND used.rule_id = version.rule_id AND used.kind = 'conversion'
    AND used.application_status NOT IN ('rejected', 'withdrawn', 'revoked')
)
"""
COUNTS = f"""
WITH slots AS ({OPEN_SLOTS})
SELECT achievement, (SELECT count(DISTINCT version_id) FROM slots WHERE achievement_id = achievement), live, approved
FROM unnest(%s::bigint[]) AS achievement, LATERAL (
    SELECT count(*) AS live, count(*) FILTER (WHERE application_status = 'approved') AS approved
    FROM conversion_applicationsource
    WHERE achievement_id = achievement AND kind = 'conversion'
    AND application_status NOT IN ('rejected', 'withdrawn', 'revoked')
) AS used
"""  # noqa: S608
VERSIONS = f"SELECT version_id FROM ({OPEN_SLOTS}) slots"  # noqa: S608


def _parameters(achievements, on):
    on = on or timezone.localdate()
    return [[achievement.pk for achievement in achievements], on, on, on]


class Counts(NamedTuple):
    """可转换规则数, 已用转换规则数 (applications not refused or withdrawn), and how many of these are approved."""

    convertible: int
    live: int
    approved: int


def grid_counts(achievements, on=None):
    """The `Counts` of each achievement as {id: counts}, in one query for a page of the grid."""
    parameters = _parameters(achievements, on)
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, [*parameters, parameters[0]])
        return {pk: Counts(*counts) for pk, *counts in cursor.fetchall()}


def convertible_counts(achievements, on=None):
    """可转换规则数 of the achievements that have an open slot, as {id: count}."""
    counts = grid_counts(achievements, on)
    return {pk: count.convertible for pk, count in counts.items() if count.convertible}


def open_versions(achievements, on=None):
    """The rule versions behind 可转换规则数: in force, with an open slot for one of the achievements."""
    ids = RawSQL(VERSIONS, _parameters(achievements, on))  # noqa: S611 (no part of it is typed by anybody)
    return RuleVersion.objects.filter(pk__in=ids).with_target().with_sources()
