"""Half-filled forms of 成果添加: kept on the server with their files until they are sent or discarded."""

from django.conf import settings
from django.db import transaction

from achievements.models import Achievement, AchievementDraft
from achievements.models.draft import MOST_DRAFTS
from achievements.services.achievements import discard_unused
from evidence.services import add_evidence


class ForeignDraftError(Exception):
    """The token is that of somebody else's form, or of one that was sent already."""


@transaction.atomic
def keep_draft(*, token, by, type, data, uploads=(), achievement=None):
    """Keep what was typed, and uploads [(file, kind)…] as far as there is room, under the form's token.

    Returns the draft with `room_left`, the number of files that had room. Raises `ForeignDraftError`.
    """
    draft = _draft(token, by, type, achievement)
    draft.type, draft.data = type, data
    draft.save()
    known = draft.files.count()
    draft.room_left = max(0, settings.EVIDENCE_FILES_PER_RECORD - known)
    draft.files.add(*add_evidence(uploads=list(uploads)[: draft.room_left], by=by, known=known))
    return draft


def _draft(token, by, type, achievement):
    if Achievement.objects.filter(form_token=token).exists():
        raise ForeignDraftError
    draft, is_new = AchievementDraft.objects.select_for_update().get_or_create(
        token=token, defaults={"learner": by.learner, "type": type, "achievement": achievement}
    )
    if draft.learner_id != by.learner_id:
        raise ForeignDraftError
    if is_new:
        draft.files.set(achievement.files.all() if achievement else [])
        _forget_oldest(by)
    return draft


def _forget_oldest(by):
    for draft in AchievementDraft.objects.filter(learner=by.learner_id)[MOST_DRAFTS:]:
        discard_draft(draft=draft)


@transaction.atomic
def discard_draft(*, draft):
    files = list(draft.files.all())
    draft.delete()
    discard_unused(files)


def discard_expired():
    """Discard drafts that were kept their time, with their files; return how many went. The next sweep takes more."""
    return sum(_discard_if_expired(pk) for pk in AchievementDraft.objects.expired().values_list("pk", flat=True)[:500])


@transaction.atomic
def _discard_if_expired(pk):
    """One that is being saved at this moment stays."""
    draft = AchievementDraft.objects.expired().select_for_update(skip_locked=True).filter(pk=pk).first()
    if draft:
        discard_draft(draft=draft)
    return draft is not None


@transaction.atomic
def remove_file(*, draft, pk):
    """Take a file out of a draft; what nobody else shows is deleted."""
    files = list(draft.files.filter(pk=pk))
    draft.files.remove(*files)
    discard_unused(files)
