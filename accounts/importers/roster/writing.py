"""Write checked rows: COPY into a staging table, then whole-table statements (stack.md: Import)."""

import io
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from operator import itemgetter

import polars as pl
from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext_lazy as _

from accounts.documents import same_name
from accounts.importers.columns import Refusal
from accounts.importers.roster.columns import ENROLMENT_FIELDS, LEARNER_FIELDS
from accounts.models import Learner
from vault.ciphers import encrypt_many
from vault.digests import keyed_digests

STAGED = ("line", "digest", "document", *LEARNER_FIELDS, "student_number", *ENROLMENT_FIELDS)
LOCK = 0x726F7374  # the first half of the advisory lock's key; the second is the institution
LOCKING = "SELECT pg_advisory_xact_lock(%s, %s)"
TRIES = 5
SAMPLE = 200
NUMBER_COLUMN = "accounts_learner.document_number"

STAGING = """
    DROP TABLE IF EXISTS roster_row, roster_plan;
    CREATE TEMPORARY TABLE roster_row (
        line integer NOT NULL, leader integer, digest text NOT NULL, document bytea, name text NOT NULL,
        document_kind text NOT NULL, sex text, birth_on date, ethnicity text NOT NULL, nationality text NOT NULL,
        region_id text, address text NOT NULL, student_number text NOT NULL, phone text NOT NULL,
        email text NOT NULL, cohort text NOT NULL, education_level text NOT NULL, study_form text NOT NULL,
        programme_code text NOT NULL, programme_name text NOT NULL, status text NOT NULL
    ) ON COMMIT DROP;
    CREATE TEMPORARY TABLE roster_plan (
        line integer NOT NULL, learner_id bigint NOT NULL, is_new boolean NOT NULL, renames boolean NOT NULL,
        changes_learner boolean NOT NULL, enrolment_id bigint, changes_enrolment boolean NOT NULL
    ) ON COMMIT DROP;
"""
REPEATED = """
    SELECT digest, line, student_number, name FROM roster_row
    WHERE digest IN (SELECT digest FROM roster_row GROUP BY digest HAVING count(*) > 1)
    ORDER BY digest, line
"""
FOLLOW = """
    UPDATE roster_row SET leader = f.leader FROM unnest(%s::integer[], %s::integer[]) AS f (line, leader)
    WHERE roster_row.line = f.line
"""
UNENCRYPTED = """
    SELECT r.line FROM roster_plan p JOIN roster_row r ON r.line = p.line WHERE p.is_new AND r.document IS NULL
"""
ENCRYPT = """
    UPDATE roster_row SET document = e.document::bytea FROM unnest(%s::integer[], %s::text[]) AS e (line, document)
    WHERE roster_row.line = e.line
"""
# What every row would do, found in one join. A new learner gets its id here.
PLAN = """
    INSERT INTO roster_plan
    SELECT r.line, coalesce(l.id, nextval(pg_get_serial_sequence('accounts_learner', 'id'))), l.id IS NULL,
        l.id IS NOT NULL AND r.name <> l.name, l.id IS NOT NULL AND r.leader IS NULL AND {learner_differs},
        e.id, e.id IS NOT NULL AND {enrolment_differs}
    FROM roster_row r
    LEFT JOIN accounts_learner l ON l.document_digest = r.digest AND l.verified_at IS NOT NULL
    LEFT JOIN accounts_enrolment e ON e.institution_id = %(institution)s AND e.learner_id = l.id
        AND e.student_number = r.student_number
"""
# Later rows of a new person belong to the learner that the first one makes.
PLAN_FOLLOWERS = """
    UPDATE roster_plan p SET learner_id = leader.learner_id, is_new = false
    FROM roster_row r JOIN roster_plan leader ON leader.line = r.leader WHERE p.line = r.line AND p.is_new
"""
HAS_USER = "EXISTS (SELECT FROM accounts_user u WHERE u.learner_id = l.id)"
OURS = "EXISTS (SELECT FROM accounts_enrolment o WHERE o.learner_id = l.id AND o.institution_id = %(institution)s)"
THEIRS = "EXISTS (SELECT FROM accounts_enrolment t WHERE t.learner_id = l.id AND t.institution_id <> %(institution)s)"
OTHERWISE_NAMED = f"""
    SELECT r.line, r.name, l.name, {HAS_USER}
    FROM roster_plan p JOIN roster_row r ON r.line = p.line JOIN accounts_learner l ON l.id = p.learner_id
    WHERE p.renames AND CASE WHEN {HAS_USER} THEN NOT {OURS} ELSE {THEIRS} END
"""  # noqa: S608 - constants
NEW_LEARNERS = """
    INSERT INTO accounts_learner (id, name, document_kind, document_number, document_digest, sex, birth_on,
        ethnicity, nationality, region_id, address, verified_at, created_at)
    SELECT p.learner_id, r.name, r.document_kind, r.document, r.digest, coalesce(r.sex, '0'), r.birth_on,
        r.ethnicity, r.nationality, r.region_id, r.address, now(), now()
    FROM roster_plan p JOIN roster_row r ON r.line = p.line WHERE p.is_new ORDER BY r.digest
"""
# Nobody but this institution knows these people. FOR UPDATE: an activation at this moment is seen, or waits.
OWN_CHANGED = f"""
    SELECT l.id FROM roster_plan p JOIN accounts_learner l ON l.id = p.learner_id
    WHERE p.changes_learner AND NOT {HAS_USER} AND NOT {THEIRS} ORDER BY l.id FOR UPDATE OF l
"""  # noqa: S608 - constants
CHANGED_LEARNERS = f"""
    UPDATE accounts_learner l SET {{assigned}}
    FROM roster_plan p JOIN roster_row r ON r.line = p.line
    WHERE l.id = p.learner_id AND p.changes_learner AND NOT {HAS_USER} AND NOT {THEIRS}
    RETURNING p.line, p.enrolment_id
"""  # noqa: S608 - constants
CHANGED_ENROLMENTS = """
    UPDATE accounts_enrolment e SET {assigned} FROM roster_plan p JOIN roster_row r ON r.line = p.line
    WHERE e.id = p.enrolment_id AND p.changes_enrolment RETURNING p.line
"""
NEW_ENROLMENTS = """
    INSERT INTO accounts_enrolment (learner_id, institution_id, student_number, phone, email, cohort,
        education_level, study_form, programme_code, programme_name, status, created_at)
    SELECT p.learner_id, %(institution)s, r.student_number, r.phone, r.email, r.cohort,
        r.education_level, r.study_form, r.programme_code, r.programme_name, r.status, now()
    FROM roster_plan p JOIN roster_row r ON r.line = p.line WHERE p.enrolment_id IS NULL
"""


class RosterWriter:
    """The writing half of one import; lives inside the caller's transaction.

    A chunk is on its way to the staging table, in a thread, while the caller checks the next one.
    """

    def __init__(self, *, institution, columns, fields):
        self.columns = columns
        self.own = {"institution": institution.pk}
        self.refusals = []
        learner, enrolment = _learner_values(set(fields)), _enrolment_values(set(fields))
        self.plan = PLAN.format(learner_differs=_differ("l", learner), enrolment_differs=_differ("e", enrolment))
        self.changed_learners = CHANGED_LEARNERS.format(assigned=_assigned(learner))
        self.changed_enrolments = enrolment and CHANGED_ENROLMENTS.format(assigned=_assigned(enrolment))

    def __enter__(self):
        """Wait for another import of the same institution, then make the staging tables."""
        self.thread, self.copying = ThreadPoolExecutor(1), None
        self.mostly_known, self.unencrypted, self.prints = None, [], []
        self.cursor = connection.cursor()
        self.cursor.execute(LOCKING, [LOCK, self.own["institution"] % 2**31])
        self.cursor.execute("SET LOCAL work_mem = '64MB'; SET LOCAL client_min_messages = warning")
        self.cursor.execute(STAGING)
        return self

    def __exit__(self, *_error):
        self.thread.shutdown()
        self.cursor.close()

    def stage(self, frame):
        numbers = frame["number"].to_list()
        digests = keyed_digests("document", numbers)
        frame = frame.with_columns(
            digest=pl.Series(digests, dtype=pl.String), document=self._documents(frame, numbers, digests)
        )
        self.prints.append(frame["number"].hash())
        self._finish_copying()
        self.copying = self.thread.submit(_copy, self.cursor.cursor, frame.select(STAGED))

    def _documents(self, frame, numbers, digests):
        """Encrypted numbers, or nulls where a look at the first rows says that most people are known already."""
        if self.mostly_known is None and digests:
            self.mostly_known = self._are_mostly_known(digests[:SAMPLE])
        if self.mostly_known:
            self.unencrypted.append(frame.select("line", "number"))
            return pl.lit(None, pl.String)
        return pl.Series(_encrypted(numbers), dtype=pl.String)

    def _are_mostly_known(self, digests):
        known = Learner.objects.verified().filter(document_digest__in=digests).count()
        return known > len(set(digests)) / 2

    def _finish_copying(self):
        if self.copying:
            with connection.wrap_database_errors:
                self.copying.result()

    def write(self, on_step):
        """Bring learners and enrolments in line with the staged rows; return the counts but the refused."""
        self._finish_copying()
        # After ANALYZE of an empty target NOT EXISTS would become a nested loop over the table being filled.
        self.cursor.execute("SET LOCAL enable_nestloop = off")
        self._sort_out_repeated()
        on_step(0.1)
        counts = self._write_planned(on_step)
        self.cursor.execute("SET LOCAL enable_nestloop TO DEFAULT; SET LOCAL work_mem TO DEFAULT")
        return counts

    def _write_planned(self, on_step):
        """Carry the plan out. Somebody verified or enrolled a moment ago collides with it: plan again, then."""
        before = self.refusals
        for tries_left in reversed(range(TRIES)):
            self.refusals = before
            try:
                with transaction.atomic():
                    self._make_plan()
                    on_step(0.3)
                    return self._carry_out(on_step)
            except IntegrityError:
                if not tries_left:
                    raise
        raise AssertionError("TRIES must be positive")

    def _make_plan(self):
        self.cursor.execute("TRUNCATE roster_plan")
        self.cursor.execute(self.plan, self.own)
        self.cursor.execute("ANALYZE roster_plan")
        if self.has_followers:
            self.cursor.execute(PLAN_FOLLOWERS)
        self._refuse_otherwise_named()
        if self.mostly_known:
            self._encrypt_new()

    def _encrypt_new(self):
        """Encrypt the numbers of the people who turned out to be new."""
        self.cursor.execute(UNENCRYPTED)
        new = pl.Series([line for (line,) in self.cursor.fetchall()], dtype=pl.UInt32)
        for rows in self.unencrypted if len(new) else ():
            rows = rows.filter(pl.col("line").is_in(new.implode()))
            self.cursor.execute(ENCRYPT, [rows["line"].to_list(), _encrypted(rows["number"].to_list())])

    def _carry_out(self, on_step):
        self.cursor.execute(NEW_LEARNERS)
        on_step(0.7)
        updated = self._update_learners() | self._update_enrolments()
        self.cursor.execute(NEW_ENROLMENTS, self.own)
        created = self.cursor.rowcount
        self.cursor.execute("SELECT count(*) FROM roster_row")
        (rows,) = self.cursor.fetchone()
        return {"created": created, "updated": len(updated), "unchanged": rows - created - len(updated)}

    def _update_learners(self):
        self.cursor.execute(OWN_CHANGED, self.own)
        if not self.cursor.rowcount:
            return set()
        self.cursor.execute(self.changed_learners, self.own)
        return {line for line, enrolment in self.cursor.fetchall() if enrolment}

    def _update_enrolments(self):
        if not self.changed_enrolments:
            return set()
        self.cursor.execute(self.changed_enrolments)
        return {line for (line,) in self.cursor.fetchall()}

    # What the rows of the file and the database contradict ------------------------------------------------------

    def _sort_out_repeated(self):
        """Let later rows of a person follow the first; refuse what repeats a row or names somebody else."""
        self.has_followers = False
        prints = pl.concat(self.prints)
        if prints.n_unique() == len(prints):
            return  # no number twice: spare the database the search
        self.cursor.execute(REPEATED)
        follows, refused = {}, []
        for _digest, rows in groupby(self.cursor.fetchall(), key=itemgetter(0)):
            self._sort_out(rows, follows, refused)
        self.has_followers = bool(follows)
        if follows:
            self.cursor.execute(FOLLOW, [list(follows), list(follows.values())])
        self._refuse(refused)

    def _sort_out(self, rows, follows, refused):
        """Judge the rows of one person; put {line: first line} into `follows`."""
        _digest, first_line, student_number, first_name = next(rows)
        seen = {student_number: first_line}
        for _digest, line, student_number, name in rows:
            if student_number in seen:
                reason = _("与第%(line)s行重复(证件号码和学号相同)。") % {"line": seen[student_number]}
                refused.append(Refusal(line, self.columns.title("document_number"), "", str(reason)))
            elif not same_name(name, first_name):
                reason = _("与第%(line)s行的证件号码相同,姓名却不同。") % {"line": first_line}
                refused.append(Refusal(line, self.columns.title("name"), "", str(reason)))
            else:
                seen[student_number] = line
                follows[line] = first_line

    def _refuse_otherwise_named(self):
        self.cursor.execute(OTHERWISE_NAMED, self.own)
        self._refuse(
            Refusal(line, self.columns.title("name"), "", str(NAMED_BY_ACCOUNT if has_user else NAMED_BY_ROSTER))
            for line, name, stored, has_user in self.cursor.fetchall()
            if not same_name(name, stored)
        )

    def _refuse(self, refusals):
        refusals = list(refusals)
        if refusals:
            self.refusals = self.refusals + refusals
            lines = [refusal.line for refusal in refusals]
            self.cursor.execute("DELETE FROM roster_row WHERE line = ANY(%s)", [lines])


NAMED_BY_ROSTER = _(
    "该证件号码在其他机构的名册中登记的是另一姓名。请核对证件号码和姓名;确实改名的,请联系学分银行管理中心。"
)
NAMED_BY_ACCOUNT = _(
    "该证件号码的账号已激活,登记的是另一姓名。请核对证件号码和姓名;确实改名的,请联系学分银行管理中心。"
)


def _encrypted(numbers):
    """What PostgreSQL reads as the bytes of the encrypted numbers."""
    return [rf"\x{blob.hex()}" for blob in encrypt_many(numbers, NUMBER_COLUMN)]


def _copy(cursor, frame):
    data = io.BytesIO()
    frame.write_csv(data, include_header=False)
    data.seek(0)
    cursor.copy_expert(f"COPY roster_row ({', '.join(frame.columns)}) FROM STDIN (FORMAT csv)", data)


def _learner_values(fields):
    """{column: new value}; a column that the file doesn't have stays, but what the number tells is stored."""
    values = {field: f"r.{field}" for field in LEARNER_FIELDS if field in fields}
    for field, default in (("sex", "'0'"), ("birth_on", "NULL")):
        values[field] = f"coalesce(r.{field}, {default if field in fields else f'l.{field}'})"
    return values


def _enrolment_values(fields):
    return {field: f"r.{field}" for field in ENROLMENT_FIELDS if field in fields}


def _assigned(values):
    return ", ".join(f"{column} = {value}" for column, value in values.items())


def _differ(table, values):
    if not values:
        return "false"
    current = ", ".join(f"{table}.{column}" for column in values)
    return f"({current}) IS DISTINCT FROM ({', '.join(values.values())})"
