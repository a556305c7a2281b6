"""学分流水: what a final approval awards and a revocation takes back. Entries are never edited."""

from conversion.models import CreditEntry


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
