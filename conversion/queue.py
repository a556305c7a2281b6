"""Which cases a reviewer sees and which wait for him. Reads only."""

from django.db.models import Q

from conversion.models import Application
from conversion.models.application import Kind, Status


def visible_applications(user):
    """The cases a reviewer may see: the centre all, an institution those it receives; nobody his own."""
    applications = Application.objects.for_lists()
    if not user.belongs_to_centre:
        applications = applications.filter(receiving_institution=user.institution_id)
    return applications.exclude(submitted_by=user)


def waiting_for(user):
    """The filter for 待我审核: the cases that `reviews.check_may_decide` would let this reviewer decide now."""
    cases = Q(pk__in=[])
    if user.has_perm("conversion.first_review_application"):
        in_unit = Q(kind=Kind.RECOGNITION) if user.belongs_to_centre else Q(receiving_institution=user.institution_id)
        cases |= Q(in_unit, status=Status.SUBMITTED)
    if user.belongs_to_centre and user.has_perm("conversion.final_review_application"):
        cases |= Q(~Q(first_reviewer=user), status=Status.FIRST_APPROVED)
    return cases
