"""What the demonstration's learners have achieved."""

from achievements.models import Achievement, AchievementType
from achievements.services.achievements import add_achievement
from demo.content import local_time, read_rows
from demo.papers import certificate_paper
from evidence.services import inspect_evidence


def create_achievements(learners, entries):
    """Add the achievements of achievements.csv as their learners would; return them by (username, key)."""
    types = {type_.code: type_ for type_ in AchievementType.objects.all()}
    added = {}
    for row in read_rows("achievements.csv"):
        achievement = _achievement(row, entries.get(row["entry"]), types)
        _add(achievement, row, by=learners[row["learner"]])
        added[row["learner"], row["key"]] = achievement
    return added


def _achievement(row, entry, types):
    """A catalogue achievement takes type, name and body over from its entry, as the form does."""
    return Achievement(
        entry=entry,
        type=entry.type if entry else types[row["type"]],
        name=entry.name if entry else row["name"],
        body_name=entry.institution.name if entry else row["body_name"],
        body_code=entry.institution.bank_code if entry else row["body_code"],
        certificate_number=row["number"],
        obtained_on=row["obtained_on"],
        score=row["score"] or None,
        extra=dict(pair.split("=") for pair in row["extra"].split(";") if pair),
    )


def _add(achievement, row, by):
    files = [_paper(achievement, row["paper"], by)] if row["paper"] else []
    add_achievement(achievement=achievement, files=files, by=by)
    # Reviewers shall see the files at once, whether or not a worker runs.
    for evidence in achievement.files.all():
        inspect_evidence(pk=evidence.pk)
    Achievement.objects.filter(pk=achievement.pk).update(created_at=local_time(row["added_at"]))
    achievement.refresh_from_db()


def _paper(achievement, kind, by):
    return certificate_paper(
        title=achievement.name,
        name=by.name,
        number=achievement.certificate_number,
        body=achievement.body_name,
        obtained_on=achievement.obtained_on,
        kind=kind,
    )
