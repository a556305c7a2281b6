"""What learners left half done or put right: drafts of 成果添加, one of them about to go, and a correction."""

import uuid
from datetime import timedelta

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from achievements.models import Achievement, AchievementDraft, AchievementType
from achievements.services.achievements import change_achievement
from achievements.services.drafts import keep_draft
from demo.content import local_time
from demo.papers import certificate_paper
from evidence.services import inspect_evidence

FIRST_AID = {
    "name": "社区急救员培训",
    "body_name": "示例红十字培训站",
    "body_code": "无",
    "certificate_number": "JJ-SL-2026-031",
}
CONTEST = {"name": "示例杯软件设计赛", "extra_prize": "二等奖"}
DRAFTS = [  # (type, what was typed, papers, days since it was saved)
    ("training", FIRST_AID, ["png", "cut short"], 1),
    ("performance-competition", CONTEST, [], settings.ACHIEVEMENT_DRAFT_DAYS - 4),
]
CORRECTED = ("xiaozhong", "ncre1", "NCRE-SL-2021-1108", "2023-03-06 10:20:00")  # a case uses it already


def create_changes(learners, achievements):
    for number, (type_, typed, papers, days) in enumerate(DRAFTS):
        _draft(
            learners["xiaofang"], type_, typed, papers, saved_at=timezone.now() - timedelta(days=days, hours=number)
        )
    _half_done_change(learners["xiaofang"], achievements["xiaofang", "office"])
    username, key, number, at = CORRECTED
    _correct(learners[username], achievements[username, key], number, local_time(at))


def _draft(by, code, typed, papers, saved_at):
    type_ = AchievementType.objects.get(code=code)
    uploads = [_paper(typed, by, kind) for kind in papers]
    draft = keep_draft(token=uuid.uuid4(), by=by, type=type_, data=typed, uploads=uploads)
    _inspect(draft.files.all())
    AchievementDraft.objects.filter(pk=draft.pk).update(updated_at=saved_at)


def _paper(typed, by, kind):
    """A certificate; "cut short" is one that the inspection refuses."""
    facts = {"title": typed["name"], "body": typed["body_name"], "number": typed["certificate_number"]}
    upload, format_ = certificate_paper(name=by.name, obtained_on="2026-09-12", **facts)
    if kind != "cut short":
        return upload, format_
    return SimpleUploadedFile("证书背面(未传完).png", upload.read()[:4000]), format_


def _half_done_change(by, achievement):
    typed = {"name": achievement.name, "entry": str(achievement.entry_id), "certificate_number": "RJ-SL-2019-0301"}
    keep_draft(token=uuid.uuid4(), by=by, type=achievement.type, data=typed, achievement=achievement)


def _correct(by, achievement, number, at):
    kept = list(achievement.files.all())
    changed = Achievement.objects.get(pk=achievement.pk)
    changed.certificate_number = number
    new = change_achievement(
        achievement=changed, files=[], kept=kept, by=by, token=uuid.uuid4(), edition=changed.edition
    )
    Achievement.objects.filter(pk=new.pk).update(created_at=at)


def _inspect(files):
    for evidence in files:
        inspect_evidence(pk=evidence.pk)
