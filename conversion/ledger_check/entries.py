"""Ledger entries: an award for every approval, its amount as frozen, a reversal for every revocation, balances."""

from decimal import Decimal, InvalidOperation

from conversion.ledger_check.streams import Difference, stream

ENTRIES = """
SELECT COALESCE(a.id, award.application_id, back.application_id) AS case_id, a.id AS application_id, a.status,
    a.kind, a.learner_id, a.snapshot -> 'rule' ->> 'credits' AS frozen,
    COALESCE(a.appeal_reviewer_id, a.final_reviewer_id) AS approved_by_id, a.revoked_by_id,
    award.id AS award_id, award.credits AS awarded, award.learner_id AS awarded_to, award.by_id AS awarded_by,
    back.id AS reversal_id, back.credits AS reversed, back.learner_id AS reversed_to, back.by_id AS reversed_by
FROM conversion_application a
FULL JOIN (SELECT * FROM conversion_creditentry WHERE kind = 'award') award ON award.application_id = a.id
FULL JOIN (SELECT * FROM conversion_creditentry WHERE kind = 'reversal') back
    ON back.application_id = COALESCE(a.id, award.application_id)
WHERE a.id IS NULL OR award.id IS NOT NULL OR back.id IS NOT NULL OR a.status IN ('approved', 'revoked')
"""
STRANGE = "SELECT id, kind, credits FROM conversion_creditentry WHERE kind NOT IN ('award', 'reversal')"
# The sum of a learner's entries against the frozen credits of his approved cases.
BALANCES = """
SELECT COALESCE(ledger.learner_id, cases.learner_id) AS learner_id,
    COALESCE(ledger.balance, 0) AS balance, COALESCE(cases.credits, 0) AS credits
FROM (SELECT learner_id, sum(credits) AS balance FROM conversion_creditentry GROUP BY learner_id) ledger
FULL JOIN (
    SELECT learner_id, sum((snapshot -> 'rule' ->> 'credits')::numeric) AS credits FROM conversion_application
    WHERE status = 'approved' AND kind <> 'recognition'
        AND snapshot -> 'rule' ->> 'credits' ~ '^[0-9]{1,9}([.][0-9]{1,9})?$'
    GROUP BY learner_id
) cases ON cases.learner_id = ledger.learner_id
WHERE COALESCE(ledger.balance, 0) <> COALESCE(cases.credits, 0) OR COALESCE(ledger.balance, 0) < 0
"""
COUNT = "SELECT count(*) AS entries FROM conversion_creditentry"


def check(counts):
    (counts["entries"],) = next(stream(COUNT))
    for row in stream(ENTRIES):
        for name, detail in _problems(row):
            yield Difference(name, f"application {row.case_id}", detail)
    for row in stream(STRANGE):
        yield Difference("entry", f"entry {row.id}", f"its kind is “{row.kind}”")
    for row in stream(BALANCES):
        detail = f"the entries sum up to {row.balance}, the approved cases to {row.credits}"
        yield Difference("balance", f"learner {row.learner_id}", detail)


def _problems(row):
    if row.application_id is None:
        yield "entry", "it has entries, the application is gone"
        return
    deserves_award = row.status in {"approved", "revoked"} and row.kind != "recognition"
    if deserves_award and row.award_id is None:
        yield "award", f"it is {row.status}, but has no award"
    if not deserves_award and row.award_id is not None:
        yield "award", f"entry {row.award_id} awards credit for a {row.kind} that is {row.status}"
    if deserves_award and row.award_id is not None and row.awarded != _decimal(row.frozen):
        yield "amount", f"entry {row.award_id} awards {row.awarded}, frozen at submission were {row.frozen}"
    yield from _problems_of_reversal(row, deserves_award)
    for entry, learner in [(row.award_id, row.awarded_to), (row.reversal_id, row.reversed_to)]:
        if entry is not None and learner != row.learner_id:
            yield "learner", f"entry {entry} is learner {learner}'s, the case learner {row.learner_id}'s"
    # An appeal ends a case, so who judged it approved it. The state and its people are those of the records.
    if deserves_award and row.award_id is not None and row.awarded_by != row.approved_by_id:
        yield "people", f"entry {row.award_id} is by {row.awarded_by}, the case was approved by {row.approved_by_id}"


def _problems_of_reversal(row, deserves_award):
    is_revoked = row.status == "revoked" and deserves_award
    if is_revoked and row.reversal_id is None:
        yield "reversal", "it is revoked, but its award was not reversed"
    if not is_revoked and row.reversal_id is not None:
        yield "reversal", f"entry {row.reversal_id} reverses credit of a case that is {row.status}"
    if row.reversal_id is not None and (row.awarded is None or row.reversed != -row.awarded):
        yield "amount", f"entry {row.reversal_id} reverses {row.reversed}, awarded were {row.awarded}"
    if is_revoked and row.reversal_id is not None and row.reversed_by != row.revoked_by_id:
        yield "people", f"entry {row.reversal_id} is by {row.reversed_by}, the case was revoked by {row.revoked_by_id}"


def _decimal(text):
    try:
        value = Decimal(text)
    except (InvalidOperation, TypeError):
        return None
    return value if value.is_finite() else None
