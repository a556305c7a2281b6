"""学分流水: what a final approval awards and a revocation takes back. Entries are never edited."""

import hashlib

from django.db.models import Q, Sum
from django.utils import timezone

from achievements.models.types import plain
from conversion.models import CreditEntry
from conversion.statement_pdf import Statement, StatementLine


def write_award(*, application, by):
    """Append the award of an approved case, with the credits that the case froze."""
    return CreditEntry.objects.create(
        learner=application.learner,
        application=application,
        kind=CreditEntry.Kind.AWARD,
        credits=application.snapshot["rule"]["credits"],
        by=by,
    )


def reverse_award(*, application, by):
    """Append the reversal of a case's award and return it; None for a case without one (a recognition).

    Once: a second call returns the first one's entry, also when both run at the same moment.
    """
    award = application.credit_entries.filter(kind=CreditEntry.Kind.AWARD).first()
    if award is None:
        return None
    reversal, _made = CreditEntry.objects.get_or_create(
        application=application,
        kind=CreditEntry.Kind.REVERSAL,
        defaults={"learner": award.learner, "credits": -award.credits, "by": by},
    )
    return reversal


def signed(credits):
    """A Decimal as statements print it: +4, -2.5, 0."""
    return f"{credits.normalize():+f}" if credits else "0"


def totals(entries):
    """What was awarded and reversed, and the balance, as Decimals."""
    kinds = CreditEntry.Kind
    sums = entries.aggregate(
        awarded=Sum("credits", filter=Q(kind=kinds.AWARD), default=0),
        reversed=Sum("credits", filter=Q(kind=kinds.REVERSAL), default=0),
    )
    return sums | {"balance": sums["awarded"] + sums["reversed"]}


def statement_of(learner):
    """对账单: every entry of a learner, oldest first, with the balance after each."""
    entries = CreditEntry.objects.filter(learner=learner)
    lines = tuple(_line(entry) for entry in entries.with_balance().select_related("application").order_by("pk"))
    sums = totals(entries)
    today = timezone.localdate()
    return Statement(
        number=_statement_number(today, learner, lines),
        learner_name=learner.name,
        document_kind=learner.get_document_kind_display(),
        masked_document=learner.masked_document,
        printed_on=today,
        awarded=plain(sums["awarded"]),
        reversed=plain(sums["reversed"]),
        balance=plain(sums["balance"]),
        entries=lines,
    )


def _line(entry):
    snapshot = entry.application.snapshot
    rule, target = snapshot["rule"], snapshot["target"]
    return StatementLine(
        number=entry.number,
        on=timezone.localdate(entry.created_at),
        kind=entry.get_kind_display(),
        title="、".join(source["name"] for source in snapshot["sources"]),
        course=f"{target['course']} {target['course_code']} · {target['institution']}",
        rule=f"{rule['code']}(第 {rule['version']} 版) {rule['title']}",
        credits=signed(entry.credits),
        balance=plain(entry.balance),
    )


def _statement_number(today, learner, lines):
    """The day and a digest of what is printed: the same ledger gives the same number, any change another one."""
    text = "\n".join([str(learner.pk), *(f"{line.number} {line.credits}" for line in lines)])
    return f"DZ{today:%Y%m%d}-{hashlib.sha256(text.encode()).hexdigest()[:8].upper()}"
