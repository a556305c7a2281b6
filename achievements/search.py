"""Finding catalogue entries by any part of their names, among a million of them, in plain PostgreSQL.

Chinese has no blanks to cut words at. So an entry's text is kept as its single characters and pairs of characters
(`CatalogueText.grams`, a GIN index), a word is looked up by its pairs, and `strpos` tells the real hits.
Up to `EXACT` hits the total is exact and the best come first; of more, only the newest are walked through.
The SQL stands here alone: the ORM takes longer to spell it than PostgreSQL to answer.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from django.db import connection
from django.db.models import prefetch_related_objects
from django.db.models.expressions import RawSQL
from django.utils import timezone

from achievements.models import CatalogueEntry, CatalogueText

EXACT = 1000  # hits that are counted, sorted and paged through
WORDS_AT_MOST = 8  # the form refuses more
PAIRS_AT_MOST = 12  # of a word; strpos sees to the rest
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
PLAIN_LETTERS = re.compile("[ -~一-鿿]*")
MARKS = {"project": "p", "names": "n", "institution": "i"}  # which column a gram is of
COLUMNS = tuple(MARKS)
ANYWHERE = ("names", "project", "institution")

# A walk through the newest entries, without any index, is quicker than long posting lists: those of one word that
# every sixteenth entry holds, or of several that stand together in every twenty-fifth.
COMMON, COMMON_TOGETHER = 1 / 16, 1 / 25
LONGEST_WALK = 40_000

CHOOSABLE = "(e.is_active AND %s BETWEEN coalesce(e.valid_from, '-infinity') AND coalesce(e.valid_to, 'infinity'))"

# What lists and dialogs show of an entry; the rest of it, and of its institution, would take longer to load.
SHOWN = [
    "project_name", "name", "level", "framework_level", "status", "is_active", "valid_from", "valid_to", "family_id",
    "type__name", "institution__name", "institution__bank_code",
]  # fmt: skip
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

    @property
    def pairs(self):
        """Pairs that cover the word, side by side where they can be: neighbours that overlap say little more."""
        last = len(self.word) - 2
        starts = [*range(0, last, 2), last] if last >= 0 else []
        return [self.word[start : start + 2] for start in starts][:PAIRS_AT_MOST] or [self.word]

    def tsquery(self):
        """Rows that may hold the word."""
        return " | ".join(f"({self._all_in(column)})" for column in self.columns)

    def _all_in(self, column):
        return " & ".join(quoted(MARKS[column] + pair) for pair in self.pairs)

    def tsqueries(self):
        """One for each pair."""
        return [" | ".join(quoted(MARKS[column] + pair) for column in self.columns) for pair in self.pairs]

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
    """Fold texts as the stored ones are: about plain letters there is no doubt, the rest only the database knows."""
    texts = list(texts)
    if all(PLAIN_LETTERS.fullmatch(text) for text in texts):
        return [text.lower() for text in texts]
    with connection.cursor() as cursor:
        cursor.execute("SELECT array(SELECT achievements_fold(t) FROM unnest(%s::text[]) t)", [texts])
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
        self._ids = []  # all of them in their order; of too many, none, or the newest after a walk
        self.is_cut = False
        if self._expected > self._rows * (COMMON if len(terms) < 2 else COMMON_TOGETHER):
            ids = _walk(self._condition, rows=LONGEST_WALK, hits=EXACT + 1)
            self.is_cut = len(ids) > EXACT
            self._ids = ids[:EXACT] if self.is_cut else []
        if not self.is_cut:
            total, self._ids = _best(self._condition)
            self.is_cut = total > EXACT

    def __len__(self):
        return EXACT if self.is_cut else len(self._ids)

    def __getitem__(self, index):
        if not isinstance(index, slice):
            return self[index : index + 1][0]
        start, stop, _step = index.indices(len(self))
        ids = self._newest(stop)[start:] if self.is_cut and not self._ids else self._ids[start:stop]
        return _loaded(ids, self.terms)

    def _newest(self, count):
        """Walk four times as far as should do; where the hits are older than that, sort all of them."""
        rows = max(int(4 * count * self._rows / max(self._expected, EXACT)), EXACT)
        ids = _walk(self._condition, rows=rows, hits=count) if rows <= LONGEST_WALK else []
        return ids if len(ids) == count else _sorted(self._condition, count)


def _loaded(ids, terms):
    """The entries, each with `found_as`: the other names that hold a word which its own texts don't show."""
    found = CatalogueEntry.objects.select_related("institution", "type").only(*SHOWN).in_bulk(ids)
    entries = [found[pk] for pk in ids if pk in found]
    unclear = [entry for entry in entries if not all(_shows(entry, term) for term in terms)]
    prefetch_related_objects(unclear, "aliases")
    for entry in entries:
        entry.found_as = list(entry.aliases.all()) if entry in unclear else []
    return entries


def _shows(entry, term):
    texts = {"names": entry.name, "project": entry.project_name, "institution": entry.institution.name}
    return any(term.word in texts[column].lower() for column in term.columns)


def _estimate(condition):
    """How many rows there are, and how many of them may hold every term, by the planner's statistics.

    Pairs of one word go together, so that the rarest speaks for it; words don't know of each other.
    """
    queries = [(term, query) for term in condition.terms for query in term.tsqueries()]
    selects = [f"SELECT FROM {TABLE} t WHERE t.grams @@ %s::tsquery" for _query in queries]
    sql = " UNION ALL ".join([f"SELECT FROM {TABLE}", f"SELECT FROM {TABLE}", *selects])
    [[[plan]]] = _fetch(f"{PLAIN} EXPLAIN (FORMAT JSON) {sql}", [query for _term, query in queries])
    rows, _again, *guesses = [part["Plan Rows"] for part in plan["Plan"]["Plans"]]
    rarest = {}
    for (term, _query), guess in zip(queries, guesses, strict=True):
        rarest[term] = min(guess, rarest.get(term, rows))
    return rows, rows * prod(guess / max(rows, 1) for guess in rarest.values())


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
    """The number of hits, at most `EXACT` + 1, and unless they are too many their ids.

    Whole texts come before beginnings before the rest; in each the active, short and new ones first.
    """
    where, parameters = condition.indexed
    closeness, closeness_parameters = _closeness(condition.terms)
    sql = f"""
        WITH t AS MATERIALIZED (
            SELECT t.entry_id, t.project, t.names, t.institution FROM {TABLE} t WHERE {where} LIMIT {EXACT + 1}
        )
        SELECT total, CASE WHEN total <= {EXACT} THEN ARRAY(
            SELECT t.entry_id FROM t JOIN {ENTRIES} e ON e.id = t.entry_id
            ORDER BY {closeness}, {CHOOSABLE} DESC, char_length(e.name), t.entry_id DESC
        ) END FROM (SELECT count(*) AS total FROM t) counted
    """  # noqa: S608 - parameters apart
    parameters = [*parameters, *closeness_parameters, timezone.localdate()]
    [(total, ids)] = _fetch(f"{BY_INDEX} {PLAIN} {sql}", parameters)
    return total, ids or []


def _closeness(terms):
    """SQL that grows the less a row is what was asked for: a whole text, its beginning, anywhere."""
    boxes = {}
    for term in terms:
        boxes.setdefault(term.columns, []).append(term.word)
    asked = [(column, words) for columns, words in boxes.items() for column in columns]
    whole = [_line(column, f"\n{' '.join(words)}\n") for column, words in asked]
    beginning = [_line(column, f"\n{words[0]}") for column, words in asked]
    if not asked:
        return "0::int", []
    cases = [f"WHEN {test} THEN {rank}" for rank, (test, _text) in enumerate(whole + beginning)]
    return f"CASE {' '.join(cases)} ELSE {len(cases)} END", [text for _test, text in whole + beginning]


def _line(column, text):
    """SQL for a column of which a line begins so; only `names` has several."""
    return (f"strpos(t.{column}, %s) > 0" if column == "names" else f"starts_with(t.{column}, %s)"), text


def _ids(sql, parameters, *, hints):
    return [pk for [pk] in _fetch(f"{hints} {PLAIN} {sql}", parameters)]


def _fetch(sql, parameters):
    """Run a statement whose way the planner doesn't choose: its guesses are what makes a rare search slow.

    The settings are sent along with it, so that they end with its transaction, and in a larger one are taken back.
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows = cursor.fetchall()
        if connection.in_atomic_block:
            cursor.execute(AS_BEFORE)
    return rows
