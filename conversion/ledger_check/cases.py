"""Cases and their records: gapless numbers, the chain of hashes, and a state that follows from the records."""

import hashlib
import json

from conversion.ledger_check.streams import Difference, as_json, grouped, stream, utc

CASES = """
SELECT COALESCE(a.id, r.application_id) AS case_id, a.id AS application_id, a.status, a.stage_count,
    a.submitted_by_id, a.first_reviewer_id, a.second_reviewer_id, a.final_reviewer_id, a.appeal_reviewer_id,
    a.revoked_by_id, a.refusal_reason_id, a.revocation_reason_id,
    COALESCE(owner.verified_id, a.learner_id) = COALESCE(applicant.verified_id, account.learner_id) AS is_applicants,
    a.kind, a.submitted_at, a.rule_version_id, a.receiving_institution_id,
    CASE WHEN r.action = 'submit' THEN a.snapshot::text END AS snapshot,
    r.number, r.action, r.from_status, r.to_status, r.by_id, r.unit, r.reason_id, r.opinion,
    r.findings::text AS findings, r.frozen_digest, r.at, r.previous_hash, r.hash
FROM conversion_application a FULL JOIN conversion_reviewrecord r ON r.application_id = a.id
LEFT JOIN accounts_user account ON account.id = a.submitted_by_id
LEFT JOIN accounts_learnermerge applicant
    ON applicant.unverified_id = account.learner_id AND applicant.outcome = 'merged'
LEFT JOIN accounts_learnermerge owner ON owner.unverified_id = a.learner_id AND owner.outcome = 'merged'
ORDER BY case_id, r.number
"""
# What may follow what, whatever the number of stages; {stages: state after the first, the second approval}.
ALWAYS = {
    ("submit", "", "submitted"),
    ("withdraw", "submitted", "withdrawn"),
    ("withdraw", "returned", "withdrawn"),
    ("appeal", "rejected", "appealed"),
    ("appeal_approve", "appealed", "approved"),
    ("appeal_reject", "appealed", "rejected"),
    ("revoke", "approved", "revoked"),
}
REVIEW = {
    1: [("final", "submitted", "approved")],
    2: [("first", "submitted", "first_approved"), ("final", "first_approved", "approved")],
    3: [
        ("first", "submitted", "first_approved"),
        ("second", "first_approved", "second_approved"),
        ("final", "second_approved", "approved"),
    ],
}
DECIDERS = {
    "first_approve": "first_reviewer_id", "first_reject": "first_reviewer_id",
    "second_approve": "second_reviewer_id", "second_reject": "second_reviewer_id",
    "final_approve": "final_reviewer_id", "final_reject": "final_reviewer_id",
    "appeal_approve": "appeal_reviewer_id", "appeal_reject": "appeal_reviewer_id",
    "revoke": "revoked_by_id", "submit": "submitted_by_id",
}  # fmt: skip


def check(counts):
    counts["applications"] = counts["records"] = 0
    for case_id, rows in grouped(stream(CASES), "case_id"):
        records = [row for row in rows if row.number is not None]
        counts["applications"] += 1
        counts["records"] += len(records)
        for name, detail in _problems(rows[0], records):
            yield Difference(name, f"application {case_id}", detail)


def _problems(case, records):
    if case.application_id is None:
        yield "case", "its records are there, the application is gone"
        return
    if not records:
        yield "records", "it has no records"
        return
    yield from _gaps(records)
    yield from _broken_chain(records)
    yield from _changed_since_submission(records)
    yield from _impossible_steps(case, records)
    if records[-1].to_status != case.status:
        yield "state", f"the records end in “{records[-1].to_status}”, the application says “{case.status}”"
    if not case.is_applicants:
        yield "learner", "it isn't the case of who submitted it, nor of whom he was merged into"
    yield from _wrong_people(case, records)
    yield from _wrong_reasons(case, records)


def _gaps(records):
    numbers = {record.number for record in records}
    missing = sorted(set(range(1, max(numbers) + 1)) - numbers)
    if missing:
        yield "numbers", f"records {missing} are missing"


def _broken_chain(records):
    previous = ""
    for record in records:
        if record.previous_hash != previous:
            yield "chain", f"record {record.number} does not continue the one before"
        if record.hash != hash_of(record):
            yield "hash", f"record {record.number} was changed: its hash does not fit what it says"
        previous = record.hash


def hash_of(record):
    said = [
        record.previous_hash, record.case_id, record.number, record.action, record.from_status, record.to_status,
        record.by_id, record.unit, record.reason_id, record.opinion, utc(record.at),
    ]  # fmt: skip
    if findings := as_json(record.findings):
        said.append(findings)
    if record.frozen_digest:
        said.append(record.frozen_digest)
    return digest(said)


def digest(value):
    return hashlib.sha256(json.dumps(value, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def _changed_since_submission(records):
    """What the case says now against the digest that its submission left in the chain."""
    for record in records:
        if record.action != "submit":
            continue
        if not record.frozen_digest:
            yield "frozen", f"record {record.number} holds no digest of what was submitted"
        elif record.frozen_digest != digest_of_frozen(record):
            yield "frozen", "snapshot, rule version, target, kind, stages or time are not what was submitted"


def digest_of_frozen(row):
    frozen = [row.kind, utc(row.submitted_at), row.stage_count, row.rule_version_id, row.receiving_institution_id]
    return digest([*frozen, as_json(row.snapshot)])


def _impossible_steps(case, records):
    allowed = allowed_steps(case.stage_count)
    state = returned_from = ""
    for record in records:
        is_allowed = (record.action, record.from_status, record.to_status) in allowed
        if record.from_status != state or not is_allowed or _leaves_its_stage(record, returned_from):
            step = f"“{record.action}” from “{record.from_status}” to “{record.to_status}”"
            yield "steps", f"record {record.number}, {step}, can't follow “{state}”"
        state = record.to_status
        if record.action == "return":
            returned_from = record.from_status


def _leaves_its_stage(record, returned_from):
    """Material comes back to the stage that asked for it; only where that was the first a case is withdrawn then."""
    if record.action == "resubmit":
        return record.to_status != returned_from
    return record.action == "withdraw" and record.from_status == "returned" and returned_from != "submitted"


def allowed_steps(stage_count):
    steps = set(ALWAYS)
    for name, before, after in REVIEW.get(stage_count, []):
        steps |= {(f"{name}_approve", before, after), (f"{name}_reject", before, "rejected")}
        steps |= {("return", before, "returned"), ("resubmit", "returned", before)}
    return steps


def _wrong_people(case, records):
    """The columns of the case must name who the records name, the last decision of a step counting."""
    named = dict.fromkeys(DECIDERS.values())
    for record in records:
        if column := DECIDERS.get(record.action):
            named[column] = record.by_id
    for column, person in named.items():
        if getattr(case, column) != person:
            yield "people", f"{column} is {getattr(case, column)}, the records say {person}"
    people = [person for person in named.values() if person is not None]
    for person in sorted({person for person in people if people.count(person) > 1}):
        yield "people", f"user {person} has taken more than one part in it"


def _wrong_reasons(case, records):
    """The reasons that the case shows must be those of its last refusal and its revocation."""
    named = {"refusal_reason_id": None, "revocation_reason_id": None}
    for record in records:
        if record.to_status in {"rejected", "revoked"}:
            named["refusal_reason_id" if record.to_status == "rejected" else "revocation_reason_id"] = record.reason_id
    for column, reason in named.items():
        if getattr(case, column) != reason:
            yield "reason", f"{column} is {getattr(case, column)}, the records say {reason}"
