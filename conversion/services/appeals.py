"""申诉: a refused learner asks once for another look, which somebody takes who decided nothing of the case."""

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from conversion.models.application import Action, InvalidTransitionError, Status
from conversion.services import clock
from conversion.services.records import write_record
from evidence.services import add_evidence


class AppealRefusedError(Exception):
    """The case can't be appealed; `message` says why."""

    def __init__(self, message):
        super().__init__(message)
        self.message = message


def may_appeal(application):
    """Whether a refusal is still open to its one appeal."""
    return application.allows(Action.APPEAL) and application.appeal_reviewer_id is None


def appeal(*, application, by, text, uploads=()):
    """Ask for another decision on a refused case; it is live again and takes its place.

    Raises `AppealRefusedError` for a case that isn't refused, was appealed before, or whose place another live case
    has taken; the last is the database's word, so parallel submissions can't both pass.
    """
    if application.learner_id != by.learner_id or not may_appeal(application):
        raise AppealRefusedError(_("只有不予通过的申请可以申诉,每件申请只能申诉一次。"))
    try:
        with transaction.atomic():
            return _appeal(application, by, text, uploads)
    except InvalidTransitionError as error:
        raise AppealRefusedError(_("这件申请的状态已变化,请刷新页面。")) from error
    except IntegrityError as error:
        raise AppealRefusedError(
            _("所用成果已用于另一件有效的申请,不能同时申诉这一件。请先在“进度查询”中查看那件申请。")
        ) from error


def _appeal(application, by, text, uploads):
    application.move(Action.APPEAL, decided_at=None, **clock.waiting(application, Status.APPEALED))
    application.files.add(*add_evidence(uploads=uploads, by=by))
    write_record(application=application, action=Action.APPEAL, from_status=Status.REJECTED, by=by, opinion=text)
    return application
