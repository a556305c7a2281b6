"""Which rules an achievement has a slot in: one piece of SQL behind the grid's counter and the dialog's list.

Said in SQL because the grid asks it for every page it shows: building the same query through the ORM took two and a
half times as long as PostgreSQL needs to answer it (docs/benchmarks.md).
"""

from typing import NamedTuple

from django.db import connection
from django.db.models.expressions import RawSQL
from django.utils import timezone

from conversion.models import RuleVersion

LIVE = "application_status NOT IN ('rejected', 'withdrawn', 'revoked')"
# The achievements of a page, and what is taken from each: read once per achievement, not once per rule.
TAKEN = f"""
WITH taken AS MATERIALIZED (
    SELECT a.*, entry.framework_level, own.*, uses.*
    FROM unnest(%s::int[], %s::bigint[], %s::bigint[], %s::bigint[], %s::numeric[], %s::date[])
        AS a (n, line, learner_id, entry_id, score, obtained_on)
    LEFT JOIN achievements_catalogueentry entry ON entry.id = a.entry_id
    CROSS JOIN LATERAL (
        SELECT
            coalesce(array_agg(rule_id), '{{}}') AS own_rules,
            count(*) AS live,
            count(*) FILTER (WHERE application_status = 'approved') AS approved
        FROM conversion_applicationsource
        WHERE line = a.line AND kind = 'conversion' AND {LIVE}
    ) AS own
    CROSS JOIN LATERAL (
        SELECT
            count(*) + own.live = 0 AS is_free,
            coalesce(array_agg(id) FILTER (WHERE what = 'rule'), '{{}}') AS rules,
            coalesce(array_agg(id) FILTER (WHERE what = 'course'), '{{}}') AS courses,
            coalesce(array_agg(at) FILTER (WHERE what = 'family' AND id = entry.family_id), '{{}}') AS family_courses,
            coalesce(array_agg(id) FILTER (WHERE what = 'group' AND (at IS NULL OR at = a.line)), '{{}}') AS groups
        FROM (
            SELECT split_part(key, ':', 1) AS what, split_part(key, ':', 2)::bigint AS id,
                nullif(split_part(key, ':', 4), '')::bigint AS at
            FROM conversion_exclusiveuse WHERE learner_id = a.learner_id AND {LIVE}
        ) AS keys
    ) AS uses
)
"""  # noqa: S608
# A slot is open when its version is in force, the achievement satisfies the source by itself, and nothing that the
# application would occupy is taken (`rules.exclusive_keys`). The covering index answers alone, in version order.
OPEN_SLOTS = """
FROM conversion_publishedsource source
WHERE source.entry_id = taken.entry_id
AND (source.valid_from IS NULL OR source.valid_from <= %s)
AND (source.valid_to IS NULL OR source.valid_to >= %s)
AND (source.min_score IS NULL OR taken.score >= source.min_score)
AND (source.min_framework_level IS NULL OR taken.framework_level >= source.min_framework_level)
AND (source.obtained_from IS NULL OR taken.obtained_on >= source.obtained_from)
AND (source.obtained_to IS NULL OR taken.obtained_on <= source.obtained_to)
AND (
    source.max_age_months IS NULL
    OR taken.obtained_on >= (%s::date - make_interval(months => source.max_age_months))::date
)
AND (taken.is_free OR (
    source.rule_id <> ALL (taken.own_rules)
    AND NOT (source.is_once AND source.rule_id = ANY (taken.rules))
    AND NOT (source.fills_course_once AND source.course_id = ANY (taken.courses))
    AND source.course_id <> ALL (taken.family_courses)
    AND (source.exclusivity_groups IS NULL OR NOT source.exclusivity_groups && taken.groups)
))
"""
COUNTS = f"""
{TAKEN}
SELECT taken.n, slots.rules, taken.live, taken.approved
FROM taken, LATERAL (SELECT count(DISTINCT source.version_id) AS rules {OPEN_SLOTS}) AS slots
"""  # noqa: S608
VERSIONS = f"{TAKEN} SELECT slots.version_id FROM taken, LATERAL (SELECT source.version_id {OPEN_SLOTS}) AS slots"  # noqa: S608


def _columns(achievements):
    """The achievements as one list per column of `a`; those that aren't saved have no line."""
    rows = [(n, a.line, a.learner_id, a.entry_id, a.score, a.obtained_on) for n, a in enumerate(achievements)]
    return [list(column) for column in zip(*rows, strict=True)] or [[]] * 6


def _days(on):
    """The parameters of `OPEN_SLOTS`."""
    return [on or timezone.localdate()] * 3


class Counts(NamedTuple):
    """可转换规则数, 已用转换规则数 (applications not refused or withdrawn), and how many of these are approved."""

    convertible: int
    live: int
    approved: int


def counts_of(achievements, on=None):
    """The `Counts` of each achievement, saved or not, in their order: one query for a page of the grid."""
    achievements = list(achievements)
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, [*_columns(achievements), *_days(on)])
        rows = {n: Counts(*counts) for n, *counts in cursor.fetchall()}
    return [rows[n] for n in range(len(achievements))]


def grid_counts(achievements, on=None):
    """The `Counts` of saved achievements as {id: counts}."""
    return {a.pk: counts for a, counts in zip(achievements, counts_of(achievements, on), strict=True)}


def convertible_counts(achievements, on=None):
    """可转换规则数 of the achievements that have an open slot, as {id: count}."""
    counts = grid_counts(achievements, on)
    return {pk: count.convertible for pk, count in counts.items() if count.convertible}


def open_versions(achievements, on=None):
    """The rule versions behind 可转换规则数: in force, with an open slot for one of the achievements, saved or not."""
    ids = RawSQL(VERSIONS, [*_columns(achievements), *_days(on)])  # noqa: S611 (no part of it is typed by anybody)
    return RuleVersion.objects.filter(pk__in=ids).with_target().with_sources()
