"""Finding catalogue entries by any part of their names, among a million of them, in plain PostgreSQL.

Chinese has no blanks to cut words at. So an entry's text is indexed by its single characters and pairs of characters
(`catalogue_by_grams_…`), a word is looked up by its pairs, and `strpos` tells the real hits.
Up to `EXACT` hits the total is exact and the best come first; of more, only the newest are walked through.
The SQL stands here alone: the ORM takes longer to spell it than PostgreSQL to answer.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from django.db import connection
from django.db.models import prefetch_related_objects
from django.db.models.expressions import RawSQL
from django.utils import timezone

from accounts.models import Institution
from achievements.models import AchievementType, CatalogueEntry, CatalogueText

EXACT = 1000  # hits that are counted, sorted and paged through
WORDS_AT_MOST = 8  # the form refuses more
PAIRS_AT_MOST = 12  # of a word; strpos sees to the rest
# NUL and lone surrogates; and what nobody sees but copying brings along.
UNSTORABLE = re.compile("[\x00\ud800-\udfff\u200b-\u200f\u2060\ufeff]")
PLAIN_LETTERS = re.compile("[ -~一-鿿]*")
SLICES, SLICE_OF = 4, "mod(t.entry_id / 1024, 4)"  # of the index (migration 0003)
MARKS = {"project": "p", "names": "n", "institution": "i"}  # which column a gram is of
COLUMNS = tuple(MARKS)
ANYWHERE = ("names", "project", "institution")

# A walk through the newest entries, without any index, is quicker for what every fifteenth entry holds. A short walk
# tells what that is.
SHORTEST_WALK, LONGEST_WALK = 300, 40_000
COMMON = 20  # hits of the shortest walk


def columns_of(model, names):
    """The model's columns of these names, in the order that `from_db` wants."""
    return model, [field.attname for field in model._meta.concrete_fields if field.attname in names.split()]


# What lists and dialogs show of an entry; the rest of it, and of its institution, would take longer to load.
OWN = (
    "id project_name name level framework_level status is_active valid_from valid_to family_id type_id institution_id"
)
SHOWN = {
    "e": columns_of(CatalogueEntry, OWN),
    "i": columns_of(Institution, "id name bank_code"),
    "y": columns_of(AchievementType, "id name is_performance"),
}
TABLE = CatalogueText._meta.db_table
ENTRIES = CatalogueEntry._meta.db_table
LOAD = f"""
    SELECT {", ".join(f"{alias}.{name}" for alias, (_model, names) in SHOWN.items() for name in names)}
    FROM unnest(%s::bigint[]) WITH ORDINALITY asked (id, place) JOIN {ENTRIES} e USING (id)
    JOIN {Institution._meta.db_table} i ON i.id = e.institution_id
    JOIN {AchievementType._meta.db_table} y ON y.id = e.type_id
    ORDER BY asked.place
"""  # noqa: S608 - names of our own
LENGTH = r"strpos(substr(t.names, 2), E'\n')"  # of the name, which is the first line of all names
GRAMS = "achievements_grams(t.project, t.names, t.institution)"
BY_INDEX = "SET LOCAL enable_seqscan = off; SET LOCAL work_mem = '32MB';"
BY_KEY = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off;"
ONE_BY_ONE = "SET LOCAL join_collapse_limit = 1; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;"
PLAIN = "SET LOCAL jit = off; SET LOCAL max_parallel_workers_per_gather = 0;"
CHANGED = set(re.findall(r"LOCAL (\w+)", BY_INDEX + BY_KEY + ONE_BY_ONE + PLAIN))
AS_BEFORE = "; ".join(f"SET LOCAL {name} TO DEFAULT" for name in sorted(CHANGED))


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

    def recheck(self):
        """SQL that holds for real hits only, and its parameters."""
        tests = " OR ".join(f"strpos(t.{column}, %s) > 0" for column in self.columns)
        return f"({tests})", [self.word] * len(self.columns)


def quoted(gram):
    """A lexeme as tsquery writes it."""
    return "'" + gram.replace("\\", "\\\\").replace("'", "''") + "'"


def storable(text):
    """Leave out what PostgreSQL can't be asked for, and what nobody sees."""
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
        self._others = [] if drafts else ["t.is_public"]

    @property
    def walked(self):
        """By looking at each row: SQL and its parameters."""
        return self._tests(self.terms)

    def rows(self, columns):
        """SELECT these columns of all rows by the index, if there is anything to look up, and its parameters.

        A slice of the index is read as a whole, the next one not before a LIMIT asks for more.
        """
        if not self.terms:
            where, parameters = self.walked
            return f"SELECT {columns} FROM {TABLE} t WHERE {where}", parameters  # noqa: S608 - parameters apart
        # A single pair leaves no doubt.
        test, parameters = self._tests([term for term in self.terms if len(term.word) > 2])
        tsquery = " & ".join(f"({term.tsquery()})" for term in self.terms)
        slices = [
            f"SELECT {columns} FROM {TABLE} t WHERE {SLICE_OF} = {number}"  # noqa: S608 - the same
            f" AND {GRAMS} @@ %s::tsquery AND {test}"
            for number in range(SLICES)
        ]
        return " UNION ALL ".join(slices), [tsquery, *parameters] * SLICES

    def _tests(self, terms):
        rechecks = [term.recheck() for term in terms]
        tests = [test for test, _parameters in rechecks] + self._others
        return " AND ".join(tests) or "true", [word for _test, words in rechecks for word in words]


def matching(entries, terms):
    """The entries of a query set that hold every term, drafts too, however many: for lists of the admin's own."""
    rows, parameters = Condition(terms, drafts=True).rows("t.entry_id")
    found = RawSQL(rows, parameters)  # noqa: S611 - parameters apart
    return entries.filter(pk__in=found) if terms else entries


def holding(entries, terms):
    """Like `matching`, by looking at each row: for a query set of few."""
    where, parameters = Condition(terms, drafts=True).walked
    found = RawSQL(f"SELECT t.entry_id FROM {TABLE} t WHERE {where}", parameters)  # noqa: S608, S611 - parameters apart
    return entries.filter(pk__in=found) if terms else entries


class Hits(Sequence):
    """Public entries that hold every term, for a paginator; `len` stops at `EXACT`, and then `is_cut`."""

    def __init__(self, terms):
        self.terms = terms
        self._condition = Condition(terms)
        self._ids = []  # all of them in their order; of too many, none, or the newest after a walk
        self.is_cut = False
        if len(_walk(self._condition, rows=SHORTEST_WALK, hits=COMMON)) >= COMMON:
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
        """Most of what is found too often to count is also found soon; where all of it is older, sort it."""
        ids = _walk(self._condition, rows=LONGEST_WALK, hits=count)
        return ids if len(ids) == count else _sorted(self._condition, count)


def _loaded(ids, terms):
    """The entries, each with `found_as`: the other names that hold a word which its own texts don't show."""
    rows = _fetch(f"{BY_KEY} {ONE_BY_ONE} {PLAIN} {LOAD}", [ids]) if ids else []
    entries = [_entry(row) for row in rows]
    unclear = [entry for entry in entries if not all(_shows(entry, term) for term in terms)]
    prefetch_related_objects(unclear, "aliases")
    for entry in entries:
        entry.found_as = list(entry.aliases.all()) if entry in unclear else []
    return entries


def _entry(row):
    """An entry with its institution and type of a row of `LOAD`, as the ORM makes them."""
    values = iter(row)
    made = [
        model.from_db(connection.alias, names, list(islice(values, len(names)))) for model, names in SHOWN.values()
    ]
    entry, entry.institution, entry.type = made
    return entry


def _shows(entry, term):
    texts = {"names": entry.name, "project": entry.project_name, "institution": entry.institution.name}
    return any(term.word in texts[column].lower() for column in term.columns)


def _walk(condition, *, rows, hits):
    """The newest ids among the newest `rows`, at most `hits`."""
    test, parameters = condition.walked
    return _ids(
        f"""
        SELECT t.entry_id FROM (SELECT * FROM {TABLE} ORDER BY entry_id DESC LIMIT %s) t
        WHERE {test} ORDER BY t.entry_id DESC LIMIT %s
        """,  # noqa: S608 - parameters apart
        [rows, *parameters, hits],
        hints=BY_KEY,
    )


def _sorted(condition, count):
    """All of them by the index first: by the key, hits that are rare or old would be a walk through everything."""
    rows, parameters = condition.rows("t.entry_id")
    return _ids(
        f"""
        WITH t AS MATERIALIZED ({rows})
        SELECT t.entry_id FROM t ORDER BY t.entry_id DESC LIMIT %s
        """,  # noqa: S608 - parameters apart
        [*parameters, count],
        hints=BY_INDEX,
    )


def _best(condition):
    """The number of hits, at most `EXACT` + 1, and unless they are too many their ids.

    Whole texts come before beginnings before the rest; in each the active, short and new ones first.
    """
    rows, parameters = condition.rows("t.*")
    closeness, closeness_parameters = _closeness(condition.terms)
    sql = f"""
        WITH t AS MATERIALIZED ({rows} LIMIT {EXACT + 1})
        SELECT total, CASE WHEN total <= {EXACT} THEN ARRAY(
            SELECT t.entry_id FROM t
            ORDER BY {closeness}, t.choosable @> %s DESC, {LENGTH}, t.entry_id DESC
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
