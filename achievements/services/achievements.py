"""Adding achievements with their evidence."""

from django.db import transaction

from evidence.services import add_evidence


@transaction.atomic
def add_achievement(*, achievement, files, by):
    """Save a new achievement of `by`'s learner with its evidence; raises `IntegrityError` for a known certificate."""
    achievement.learner = by.learner
    achievement.save()
    achievement.files.set(add_evidence(uploads=files, by=by))
    return achievement
