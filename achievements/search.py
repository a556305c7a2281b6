"""Finding catalogue entries by any part of their names, among a million of them, in plain PostgreSQL.

Chinese has no blanks to cut words at. So an entry's text is kept as its single characters and pairs of characters
(`CatalogueText.grams`, a GIN index), a word is looked up by its pairs, and `strpos` tells the real hits.
Up to `EXACT` hits the total is exact and the best come first; of more, only the newest are walked through.
The SQL stands here alone: the ORM takes longer to spell it than PostgreSQL to answer.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models.expressions import RawSQL
from django.utils import timezone

from achievements.models import CatalogueEntry, CatalogueText

EXACT = 1000  # hits that are counted, sorted and paged through
WORDS_AT_MOST = 8  # the form refuses more
PAIRS_AT_MOST = 24  # of a word; strpos sees to the rest
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
MARKS = {"project": "p", "names": "n", "institution": "i"}  # which column a gram is of
COLUMNS = tuple(MARKS)
ANYWHERE = ("names", "project", "institution")

# A walk through the newest entries, without any index, finds `EXACT` of what every eighth entry holds.
COMMON = 1 / 8
WALK = 12_000
LONGEST_WALK = 40_000

PLANNED_ROWS = re.compile(r"rows=(\d+)")
CHOOSABLE = "(e.is_active AND %s BETWEEN coalesce(e.valid_from, '-infinity') AND coalesce(e.valid_to, 'infinity'))"

TABLE = CatalogueText._meta.db_table
ENTRIES = CatalogueEntry._meta.db_table
BY_INDEX = "SET LOCAL enable_seqscan = off; SET LOCAL work_mem = '32MB';"
BY_KEY = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off;"
PLAIN = "SET LOCAL jit = off; SET LOCAL max_parallel_workers_per_gather = 0;"
PLANNER = ["enable_seqscan", "enable_bitmapscan", "work_mem", "jit", "max_parallel_workers_per_gather"]
AS_BEFORE = "; ".join(f"SET LOCAL {name} TO DEFAULT" for name in PLANNER)


@dataclass(frozen=True)
class Term:
    """A folded word, and the columns of which one must hold it."""

    word: str
    columns: tuple[str, ...]

    def tsquery(self):
        return " | ".join(f"({self._grams_in(column)})" for column in self.columns)

    def _grams_in(self, column):
        word, mark = self.word, MARKS[column]
        pairs = [word[n : n + 2] for n in range(len(word) - 1)][:PAIRS_AT_MOST] or [word]
        return " & ".join(quoted(mark + pair) for pair in pairs)

    def recheck(self):
        """SQL that holds for real hits only, and its parameters."""
        tests = " OR ".join(f"strpos(t.{column}, %s) > 0" for column in self.columns)
        return f"({tests})", [self.word] * len(self.columns)


def quoted(gram):
    """A lexeme as tsquery writes it."""
    return "'" + gram.replace("\\", "\\\\").replace("'", "''") + "'"


def storable(text):
    """Leave out what PostgreSQL can't be asked for."""
    return UNSTORABLE.sub("", text)


def folded(texts):
    """Fold texts as the stored ones are; the database is the only one who knows how."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT array(SELECT achievements_fold(t) FROM unnest(%s::text[]) t)", [list(texts)])
        return cursor.fetchone()[0]


def terms_of(*, anywhere="", project="", names="", institution=""):
    """What is asked for: the words of four boxes, each with the columns it may stand in."""
    boxes = [(anywhere, ANYWHERE), (project, ("project",)), (names, ("names",)), (institution, ("institution",))]
    filled = [(storable(text), columns) for text, columns in boxes if text]
    if not filled:
        return []
    texts = folded(text for text, _columns in filled)
    pairs = zip(texts, [columns for _text, columns in filled], strict=True)
    return [Term(word, columns) for text, columns in pairs for word in dict.fromkeys(text.split())]


class Condition:
    """SQL for the rows `t` of `CatalogueText` that hold every term."""

    def __init__(self, terms, *, drafts=False):
        self.terms = terms
        self.tsquery = " & ".join(f"({term.tsquery()})" for term in terms)
        rechecks = [term.recheck() for term in terms]
        tests = [test for test, _parameters in rechecks] + ([] if drafts else ["t.is_public"])
        self.recheck = " AND ".join(tests) or "true"
        self.parameters = [parameter for _test, parameters in rechecks for parameter in parameters]

    @property
    def indexed(self):
        """The same with the index in front, if there is anything to look up."""
        if not self.terms:
            return self.recheck, []
        return f"t.grams @@ %s::tsquery AND {self.recheck}", [self.tsquery, *self.parameters]


def matching(entries, terms):
    """The entries of a query set that hold every term, drafts too, however many: for lists of the admin's own."""
    where, parameters = Condition(terms, drafts=True).indexed
    found = RawSQL(f"SELECT t.entry_id FROM {TABLE} t WHERE {where}", parameters)  # noqa: S608, S611 - parameters apart
    return entries.filter(pk__in=found) if terms else entries


class Hits(Sequence):
    """Public entries that hold every term, for a paginator; `len` stops at `EXACT`, and then `is_cut`."""

    def __init__(self, terms):
        self.terms = terms
        self._condition = Condition(terms)
        self._rows, self._expected = _estimate(self._condition)
        self._newest_first = not terms or self._expected > self._rows * COMMON
        self._ids = _walk(self._condition, rows=WALK, hits=EXACT + 1) if self._newest_first else []
        if len(self._ids) <= EXACT:
            self._newest_first = False
            self._ids = _best(self._condition)
        self.is_cut = len(self._ids) > EXACT

    def __len__(self):
        return min(len(self._ids), EXACT)

    def __getitem__(self, index):
        if not isinstance(index, slice):
            return self[index : index + 1][0]
        start, stop, _step = index.indices(len(self))
        if self.is_cut and not self._newest_first:
            return _loaded(self._newest(stop)[start:])
        return _loaded(self._ids[start:stop])

    def _newest(self, count):
        """Walk four times as far as should do; where the hits are older than that, sort all of them."""
        rows = max(4 * count * self._rows // max(self._expected, EXACT), EXACT)
        ids = _walk(self._condition, rows=rows, hits=count) if rows <= LONGEST_WALK else []
        return ids if len(ids) == count else _sorted(self._condition, count)


def _loaded(ids):
    entries = CatalogueEntry.objects.select_related("institution", "type").prefetch_related("aliases").in_bulk(ids)
    return [entries[pk] for pk in ids if pk in entries]


def _estimate(condition):
    """How many rows there are and how many of them hold the grams, by the planner's statistics."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = %s::regclass", [TABLE])
        [rows] = cursor.fetchone()
        if not condition.terms:
            return rows, rows
        cursor.execute(f"EXPLAIN SELECT FROM {TABLE} t WHERE t.grams @@ %s::tsquery", [condition.tsquery])
        return rows, int(PLANNED_ROWS.search(cursor.fetchone()[0])[1])


def _walk(condition, *, rows, hits):
    """The newest ids among the newest `rows`, at most `hits`."""
    return _ids(
        f"""
        SELECT t.entry_id FROM (SELECT * FROM {TABLE} ORDER BY entry_id DESC LIMIT %s) t
        WHERE {condition.recheck} ORDER BY t.entry_id DESC LIMIT %s
        """,  # noqa: S608 - parameters apart
        [rows, *condition.parameters, hits],
        hints=BY_KEY,
    )


def _sorted(condition, count):
    """All of them by the index first: by the key, hits that are rare or old would be a walk through everything."""
    where, parameters = condition.indexed
    return _ids(
        f"""
        WITH t AS MATERIALIZED (SELECT t.entry_id FROM {TABLE} t WHERE {where})
        SELECT t.entry_id FROM t ORDER BY t.entry_id DESC LIMIT %s
        """,  # noqa: S608 - parameters apart
        [*parameters, count],
        hints=BY_INDEX,
    )


def _best(condition):
    """At most `EXACT` + 1 ids: whole texts before beginnings before the rest; in each active, short and new first."""
    where, parameters = condition.indexed
    closeness, closeness_parameters = _closeness(condition.terms)
    return _ids(
        f"""
        WITH t AS MATERIALIZED (
            SELECT t.entry_id, t.project, t.names, t.institution FROM {TABLE} t WHERE {where} LIMIT {EXACT + 1}
        )
        SELECT t.entry_id FROM t JOIN {ENTRIES} e ON e.id = t.entry_id
        ORDER BY {closeness}, {CHOOSABLE} DESC, char_length(e.name), t.entry_id DESC
        """,  # noqa: S608 - parameters apart
        [*parameters, *closeness_parameters, timezone.localdate()],
        hints=BY_INDEX,
    )


def _closeness(terms):
    """SQL that grows the less a row is what was asked for: a whole text, its beginning, anywhere."""
    boxes = {}
    for term in terms:
        boxes.setdefault(term.columns, []).append(term.word)
    asked = [(column, words) for columns, words in boxes.items() for column in columns]
    wholes = [(column, f"\n{' '.join(words)}\n") for column, words in asked]
    beginnings = [(column, f"\n{words[0]}") for column, words in asked]
    if not asked:
        return "0::int", []
    cases = [
        f"WHEN strpos(t.{column}, %s) > 0 THEN {rank}" for rank, (column, _text) in enumerate(wholes + beginnings)
    ]
    return f"CASE {' '.join(cases)} ELSE {len(cases)} END", [text for _column, text in wholes + beginnings]


def _ids(sql, parameters, *, hints):
    """Run a statement whose way the planner doesn't choose: its guesses are what makes a rare search slow.

    The settings are sent along with it, so that they end with its transaction, and in a larger one are taken back.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"{hints} {PLAIN} {sql}", parameters)
        ids = [pk for (pk,) in cursor.fetchall()]
        if connection.in_atomic_block:
            cursor.execute(AS_BEFORE)
    return ids
