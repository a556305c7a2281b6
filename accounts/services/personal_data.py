"""Personal data is shown masked; who looks at the whole of it is written down first (promises: Identity)."""

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import PersonalDataAccess

CENTRE = _("学分银行管理中心")


class NotAllowedError(Exception):
    """This person may not see whole document numbers."""


def may_unmask(user):
    """Staff with the permission, and institutions for the people on their own roster."""
    if user.is_staff:
        return user.has_perm("accounts.unmask_document")
    return user.is_active and user.institution_id is not None


@transaction.atomic
def reveal_document(*, learner, by, purpose, address, note=""):
    """Write down who looks and why, then return the whole document number; raise `NotAllowedError`.

    Whose numbers `by` may ask for (the own roster, a case under review) is the caller's to know.
    """
    if not may_unmask(by):
        raise NotAllowedError
    PersonalDataAccess.objects.create(
        learner=learner,
        by=by,
        unit=by.institution.name if by.institution_id else str(CENTRE),
        purpose=purpose,
        note=note,
        address=address or None,
    )
    return learner.document_number


def accesses_of(learner):
    """Who looked at a person's data, also while it stood in a record merged into this one; newest first."""
    rows = PersonalDataAccess.objects.filter(learner=learner)
    return (rows | PersonalDataAccess.objects.filter(learner__merged_into=learner)).order_by("-at", "-pk")
