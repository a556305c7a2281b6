"""Adding, editing and correcting achievements with their evidence."""

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from achievements.models import Achievement
from evidence.services import add_evidence, discard_evidence

SAID = [
    "entry_id", "name", "body_name", "body_code", "certificate_number", "obtained_on", "score", "extra", "description",
]  # fmt: skip


class KnownCertificateError(Exception):
    """The learner holds this certificate (type, number, body) already."""


class ReplacedMeanwhileError(Exception):
    """The version was corrected after its form was opened; only the newest one can be."""


class EditedMeanwhileError(Exception):
    """The achievement was edited elsewhere after its form was opened; `now` is the edition to overwrite knowingly."""

    def __init__(self, now):
        self.now = now


def add_achievement(*, achievement, files, by, kept=(), token=None):
    """Save a new achievement of `by`'s learner and return it; `files` are uploads, `kept` evidence from its draft.

    A repeated `token` gets the first answer. Raises `KnownCertificateError` for a known certificate.
    """
    if token and (first := _made_with(token, by)):
        return first
    achievement.learner, achievement.form_token = by.learner, token
    try:
        return _save(achievement, files, kept, by)
    except IntegrityError as error:
        if token and (first := _made_with(token, by)):
            return first
        raise KnownCertificateError from error


def _made_with(token, by):
    return Achievement.objects.of(by).filter(form_token=token).first()


@transaction.atomic
def _save(achievement, files, kept, by):
    achievement.save()
    achievement.files.set([*kept, *add_evidence(uploads=files, by=by, known=len(kept))])
    return achievement


@transaction.atomic
def change_achievement(*, achievement, files, kept, by, edition, token=None):
    """Write what a form changed: in place while nobody used it, else as a new version. Returns what holds it.

    `edition` is the achievement's when the form was opened. Raises `ReplacedMeanwhileError`, `EditedMeanwhileError`
    and `KnownCertificateError`.
    """
    if token and (first := _made_with(token, by)):
        return first
    # Waits for a submission under way, which holds the row by its foreign key.
    stored = Achievement.objects.of(by).select_for_update(of=["self"]).get(pk=achievement.pk)
    if stored.replaced_by_id is not None:
        raise ReplacedMeanwhileError
    if stored.edition != edition and not _says_all_of(achievement, kept, stored):
        raise EditedMeanwhileError(stored.edition)
    try:
        with transaction.atomic():
            # What an institution imported stays its word: a learner's change is a version of his own.
            is_settled = stored.is_used or stored.origin == Achievement.Origin.IMPORTED
            change = _correct if is_settled else _edit
            return change(stored, achievement, files, kept, by, token)
    except IntegrityError as error:
        raise KnownCertificateError from error


def _says_all_of(achievement, kept, stored):
    """Whether nothing of `stored` is lost by the change, as when a form is sent twice."""
    said = all(getattr(achievement, name) == getattr(stored, name) for name in SAID)
    return said and {file.pk for file in kept}.issuperset(stored.files.values_list("pk", flat=True))


def _edit(stored, achievement, files, kept, by, token):
    before = list(stored.files.all())
    achievement.edited_at = timezone.now()
    saved = _save(achievement, files, kept, by)
    discard_unused([file for file in before if file not in kept])
    return saved


def _correct(stored, achievement, files, kept, by, token):
    """The old version makes room first, so that the new one may carry the same certificate."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence(%s, 'id'))", [Achievement._meta.db_table])
        new_pk = cursor.fetchone()[0]
    first = stored.first_version_id or stored.pk
    Achievement.objects.filter(pk=stored.pk).update(replaced_by=new_pk, first_version=first)
    achievement.pk, achievement._state.adding = new_pk, True
    achievement.replaced_by, achievement.first_version_id = None, first
    achievement.form_token, achievement.edited_at = token, None
    achievement.origin, achievement.imported_from = Achievement.Origin.SELF, None
    return _save(achievement, files, kept, by)


def discard_unused(files):
    """Delete evidence that no achievement, draft or case shows any more."""
    for file in files:
        if not (file.achievements.exists() or file.drafts.exists() or file.applications.exists()):
            discard_evidence(evidence=file)
