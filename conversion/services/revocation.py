"""Revoking what was approved (撤销): by the centre, with a reason, never by somebody who decided the case."""

from django.db import transaction
from django.utils.translation import gettext as _

from achievements.models import Achievement
from conversion.models import Application
from conversion.models.application import Action, InvalidTransitionError, Kind, Status
from conversion.services.certificates import revoke_certificate
from conversion.services.ledger import reverse_award
from conversion.services.records import write_record
from conversion.services.reviews import (
    CENTRE,
    DecidedMeanwhileError,
    NotAllowedError,
    ReasonMissingError,
    ReasonUnfitError,
    check_not_involved,
    tell_applicant,
)


class StillUsedError(Exception):
    """Conversions rest on the recognition; `applications` are these cases."""

    def __init__(self, applications):
        super().__init__("still used")
        self.applications = applications

    @property
    def message(self):
        names = "、".join(f"{case.pk}《{case.title}》" for case in self.applications)
        return _("还有转换申请以这项认定为依据,请先处理:%s") % names


def check_may_revoke(*, application, by):
    """Raise `NotAllowedError` unless `by` may revoke the case: a right of its own, and nobody who decided it."""
    if not (by.is_active and by.belongs_to_centre and by.has_perm("conversion.revoke_application")):
        raise NotAllowedError(_("您没有撤销申请的权限。"))
    check_not_involved(application=application, step=Action.REVOKE, by=by)


def may_revoke(application, by):
    try:
        check_may_revoke(application=application, by=by)
    except NotAllowedError:
        return False
    return application.allows(Action.REVOKE)


@transaction.atomic
def revoke(*, application, by, reason, opinion=""):
    """Revoke an approved case: reverse its award and certificate, or unlink what was recognised; tell the learner.

    The achievement can be applied for again. Raises `NotAllowedError`, `ReasonMissingError`, `ReasonUnfitError`,
    `StillUsedError`, or `DecidedMeanwhileError` when the case isn't approved any more.
    """
    check_may_revoke(application=application, by=by)
    if reason is None:
        raise ReasonMissingError
    if not reason.for_revocation:
        raise ReasonUnfitError
    try:
        application.move(Action.REVOKE, revoked_by=by, revocation_reason=reason)
    except InvalidTransitionError as error:
        raise DecidedMeanwhileError(application.records.last()) from error
    write_record(
        application=application,
        action=Action.REVOKE,
        from_status=Status.APPROVED,
        by=by,
        unit=str(CENTRE),
        reason=reason,
        opinion=opinion,
    )
    if application.kind == Kind.RECOGNITION:
        _unlink(application)
    else:
        reverse_award(application=application, by=by)
        revoke_certificate(application=application, reason=reason, by=by)
    tell_applicant(application, Action.REVOKE, reason, opinion)
    return application


def _unlink(application):
    """Take the catalogue entry from the achievement, unless a live case rests on it.

    The lock makes submissions wait, which then find the achievement without an entry (trigger `recognised_first`).
    """
    achievement = Achievement.objects.select_for_update().get(application_sources__application=application)
    resting = Application.objects.live().exclude(kind=Kind.RECOGNITION).filter(sources__achievement=achievement)
    if cases := list(resting.order_by("pk")):
        raise StillUsedError(cases)
    Achievement.objects.filter(pk=achievement.pk).update(entry=None)
