"""Certificates: one that counts for each award, saying what the case froze, signed, revoked with its case."""

import hashlib
import json
from zoneinfo import ZoneInfo

from cryptography.exceptions import InvalidSignature
from django.conf import settings

from conversion.ledger_check.streams import Difference, as_json, as_object, base64url, from_base64url, stream
from vault.signatures import public_keys

CERTIFICATES = """
SELECT COALESCE(c.application_id, award.application_id) AS case_id, award.id AS award_id, a.status,
    a.snapshot::text AS snapshot, c.id, c.number, c.token, c.content::text AS content, c.key_id, c.signature,
    c.issued_at, c.replaced_at, c.revoked_at, c.revoked_by_id, c.revocation_reason, c.replaces_id,
    a.revoked_by_id AS case_revoked_by_id, left(reason.text, 200) AS reason_of_case, old.number AS replaces_number,
    old.application_id AS replaces_case, EXISTS (
        SELECT 1 FROM conversion_certificate newer WHERE newer.replaces_id = c.id
    ) AS has_replacement,
    c.replaced_at IS NULL AND 1 < (
        SELECT count(*) FROM conversion_certificate twin
        WHERE twin.application_id = c.application_id AND twin.replaced_at IS NULL
    ) AS has_twin,
    (
        SELECT json_agg(json_build_array(r.unit, (r.at AT TIME ZONE %s)::date::text) ORDER BY r.number)::text
        FROM conversion_reviewrecord r
        WHERE r.application_id = c.application_id AND r.action LIKE '%%\\_approve'
    ) AS approvals
FROM (SELECT * FROM conversion_creditentry WHERE kind = 'award') award
FULL JOIN conversion_certificate c ON c.application_id = award.application_id
LEFT JOIN conversion_application a ON a.id = COALESCE(c.application_id, award.application_id)
LEFT JOIN conversion_certificate old ON old.id = c.replaces_id
LEFT JOIN conversion_reasoncode reason ON reason.id = a.revocation_reason_id
"""
NONE_THAT_COUNTS = """
SELECT c.application_id AS case_id FROM conversion_certificate c
GROUP BY c.application_id HAVING count(*) FILTER (WHERE c.replaced_at IS NULL) = 0
"""


def check(counts):
    counts["certificates"] = 0
    keys = public_keys()
    for row in stream(CERTIFICATES, [settings.TIME_ZONE]):
        if row.id is None:
            yield Difference("certificate", f"application {row.case_id}", "it has an award, but no certificate")
            continue
        counts["certificates"] += 1
        for name, detail in _problems(row, keys):
            yield Difference(name, f"certificate {row.number}", detail)
    for row in stream(NONE_THAT_COUNTS):
        yield Difference("certificate", f"application {row.case_id}", "all its certificates are replaced")


def _problems(row, keys):
    content = as_object(row.content)
    if row.award_id is None:
        yield "certificate", f"there is no award for it (application {row.case_id})"
    yield from _wrong_content(row, content)
    if not is_signed(row, content, keys):
        yield "signature", "number, token, content or date are not what was signed"
    yield from _wrong_state(row, content)


def _wrong_content(row, content):
    frozen = as_object(row.snapshot)
    changed = sorted(name for name, value in frozen.items() if content.get(name) != value)
    if changed:
        yield "content", f"{', '.join(changed)} differ from what the case froze"
    if content.get("issued_on") != row.issued_at.astimezone(ZoneInfo(settings.TIME_ZONE)).date().isoformat():
        yield "content", "its date is not the day on which it was issued"
    if stages_of(content) != as_json(row.approvals):
        yield "content", "its review stages are not those of the records"


def stages_of(content):
    try:
        return [[stage["unit"], stage["on"]] for stage in content["stages"]]
    except (KeyError, TypeError):
        return None


def is_signed(row, content, keys):
    try:
        name = hashlib.sha256((row.number + content["name"]).encode()).digest()[:9]
        text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        whole = hashlib.sha256(text.encode()).digest()
        parts = ["1", row.key_id, row.number, content["issued_on"].replace("-", ""), base64url(name), base64url(whole)]
        keys[row.key_id].verify(from_base64url(row.signature), f"{row.token}/#{'.'.join(parts)}".encode())
    except (KeyError, TypeError, AttributeError, ValueError, InvalidSignature):
        return False
    return True


def _wrong_state(row, content):
    if row.has_twin:
        yield "certificate", "another certificate of the same case counts too"
    if row.replaced_at is None and (row.revoked_at is not None) != (row.status == "revoked"):
        yield "revocation", f"it is {'revoked' if row.revoked_at else 'valid'}, its case is {row.status}"
    elif row.revoked_at and row.replaced_at:
        yield "revocation", "it was replaced, and revoked too"
    elif row.revoked_at and (row.revoked_by_id, row.revocation_reason) != (row.case_revoked_by_id, row.reason_of_case):
        yield "revocation", "by whom or why it was revoked is not what its case says"
    if (row.replaced_at is not None) != row.has_replacement:
        yield "replacement", "whether it was replaced does not fit the other certificates"
    if content.get("replaces") != row.replaces_number or row.replaces_case not in {None, row.case_id}:
        yield "replacement", f"it replaces {row.replaces_number}, its text says {content.get('replaces')}"
