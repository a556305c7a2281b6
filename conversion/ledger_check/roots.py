"""Daily roots: each recomputed from the day's rows, chained, signed, and equal to its exported file."""

import hashlib
import json
from datetime import timedelta

from cryptography.exceptions import InvalidSignature
from django.conf import settings

from conversion.ledger_check.streams import Difference, from_base64url, stream, utc
from vault.signatures import public_keys

ROOTS = 'SELECT * FROM conversion_ledgerroot ORDER BY "on"'
# A day's rows in the order in which its root takes them; the last day of all has no row when nothing was sealed.
ROWS = """
SELECT * FROM (
    SELECT (at AT TIME ZONE %(zone)s)::date AS day, 1 AS place, application_id AS id, number::bigint AS sub_id,
        concat_ws(' ', 'record', application_id, number, hash) AS text, NULL::timestamptz AS moment
    FROM conversion_reviewrecord
    UNION ALL
    SELECT (created_at AT TIME ZONE %(zone)s)::date, 2, id, 0,
        concat_ws(' ', 'entry', id, application_id, learner_id, kind, credits), created_at
    FROM conversion_creditentry
    UNION ALL
    SELECT (issued_at AT TIME ZONE %(zone)s)::date, 3, id, 0,
        concat_ws(' ', 'certificate', number, token, key_id, signature), NULL
    FROM conversion_certificate
) rows
WHERE day <= (SELECT max("on") FROM conversion_ledgerroot)
ORDER BY day, place, id, sub_id
"""
# An hour after midnight Beat has sealed the day before.
UNSEALED = """
SELECT DISTINCT (at AT TIME ZONE %(zone)s)::date AS day FROM conversion_reviewrecord
WHERE (at AT TIME ZONE %(zone)s)::date < ((now() - interval '1 hour') AT TIME ZONE %(zone)s)::date
AND (at AT TIME ZONE %(zone)s)::date > COALESCE((SELECT max("on") FROM conversion_ledgerroot), '-infinity'::date)
ORDER BY day
"""
NAMES = {1: "records", 2: "entries", 3: "certificates"}


def check(counts):
    counts["roots"] = 0
    keys, previous, days = public_keys(), None, _Days()
    for root in stream(ROOTS):
        counts["roots"] += 1
        for detail in _problems(root, previous, keys, days):
            yield Difference("root", f"day {root.on}", detail)
        yield from _file_problems(root)
        previous = root
    for day in days.unsealed():
        yield Difference("root", f"day {day}", "it has rows, but no root")
    yield from _files_without_root()


def unsealed_days():
    """Days with records that should be sealed by now: Beat stands still, or the newest roots were deleted."""
    return [row.day for row in stream(UNSEALED, {"zone": settings.TIME_ZONE})]


class _Days:
    """The rows of all sealed days as one stream, taken day by day."""

    def __init__(self):
        self._rows = stream(ROWS, {"zone": settings.TIME_ZONE})
        self._next = next(self._rows, None)
        self._skipped = []

    def take(self, day):
        """Yield the rows of a day; days before it that nobody has asked for are remembered as unsealed."""
        while self._next and self._next.day <= day:
            row, self._next = self._next, next(self._rows, None)
            if row.day == day:
                yield row
            elif row.day not in self._skipped:
                self._skipped.append(row.day)

    def unsealed(self):
        return self._skipped


def _problems(root, previous, keys, days):
    if previous and (root.on != previous.on + timedelta(days=1) or root.previous_root != previous.root):
        yield f"it does not continue the root of {previous.on}"
    if previous is None and root.previous_root:
        yield "the roots before it are gone"
    counts, digest = _recomputed(root, days)
    for name, count in counts.items():
        if count != getattr(root, name):
            yield f"it counted {getattr(root, name)} {name}, there are {count}"
    if digest != root.root:
        yield "its rows were changed, deleted or added after it was made"
    if not _is_signed(root, keys):
        yield "its signature does not fit"


def _recomputed(root, days):
    counts = dict.fromkeys(NAMES.values(), 0)
    digest = hashlib.sha256(f"{root.on}\n{root.previous_root}\n".encode())
    for row in days.take(root.on):
        counts[NAMES[row.place]] += 1
        text = f"{row.text} {utc(row.moment)}" if row.moment else row.text
        digest.update(f"{text}\n".encode())
    return counts, digest.hexdigest()


def _said(root):
    return {
        "on": root.on.isoformat(),
        "records": root.records,
        "entries": root.entries,
        "certificates": root.certificates,
        "previous_root": root.previous_root,
        "root": root.root,
    }


def _is_signed(root, keys):
    message = "ledger root " + json.dumps(_said(root), sort_keys=True, separators=(",", ":"))
    try:
        keys[root.key_id].verify(from_base64url(root.signature), message.encode())
    except (KeyError, ValueError, InvalidSignature):
        return False
    return True


def _file_problems(root):
    path = settings.LEDGER_ROOT_DIR / f"ledger-root-{root.on}.json"
    try:
        exported = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        yield Difference("file", path.name, "it is missing (`export_ledger_root --date` writes it again)")
    except (OSError, ValueError):
        yield Difference("file", path.name, "it can't be read")
    else:
        if exported != _said(root) | {"key_id": root.key_id, "signature": root.signature}:
            yield Difference("file", path.name, "it is not what the database says")


def _files_without_root():
    known = {f"ledger-root-{root.on}.json" for root in stream('SELECT "on" FROM conversion_ledgerroot')}
    for path in sorted(settings.LEDGER_ROOT_DIR.glob("ledger-root-*.json")):
        if path.name not in known:
            yield Difference("file", path.name, "the database has no root of this day")
