"""What happened to a person's achievements and cases, newest first: 我的信息, 办理动态. Reads only."""

from dataclasses import dataclass
from datetime import datetime

from django.core.paginator import Paginator
from django.db.models import CharField, F, Value
from django.utils.translation import gettext as _

from accounts.models import Enrolment
from achievements.models import Achievement
from conversion.models import Application, ReviewRecord
from conversion.stages import action_words, stage_table

ADDED, EDITED, RECORDED, ENROLLED = "added", "edited", "recorded", "enrolled"
REFUSALS = {"rejected", "returned", "revoked"}
PAGE_SIZE = 20


@dataclass(frozen=True)
class Event:
    """One line: when, what, about what; `style` is the timeline's class."""

    at: datetime
    text: str
    detail: str = ""
    url: str = ""
    style: str = "done"


def timeline_page(user, number):
    """A page of events; four queries beside its own two, however many lines it has."""
    page = Paginator(_references(user), PAGE_SIZE).get_page(number)
    wanted = list(page.object_list)
    achievements = Achievement.objects.select_related("replaces").in_bulk(_ids(wanted, ADDED, EDITED))
    records = _records(_ids(wanted, RECORDED))
    enrolments = Enrolment.objects.select_related("institution").in_bulk(_ids(wanted, ENROLLED))
    describe = {
        ADDED: lambda at, pk: _added(at, achievements[pk]),
        EDITED: lambda at, pk: _edited(at, achievements[pk]),
        RECORDED: lambda at, pk: _recorded(at, records[pk]),
        ENROLLED: lambda at, pk: _enrolled(at, enrolments[pk]),
    }
    page.object_list = [describe[kind](at, pk) for at, kind, pk in wanted]
    return page


def _records(ids):
    """The records of cases by id, worded by the stages that are configured now."""
    found = ReviewRecord.objects.select_related("application", "reason").in_bulk(ids)
    table = stage_table() if found else {}
    for record in found.values():
        record.words = action_words(record.action, record.application.kind, table)
    return found


def _references(user):
    """(time, kind, id) of everything, one after the other in one query."""
    mine = Achievement.objects.of(user)
    return (
        _rows(mine, ADDED, "created_at")
        .union(
            _rows(mine.exclude(edited_at=None), EDITED, "edited_at"),
            _rows(ReviewRecord.objects.filter(application__in=Application.objects.of(user)), RECORDED, "at"),
            _rows(Enrolment.objects.filter(learner=user.learner_id), ENROLLED, "created_at"),
            all=True,
        )
        .order_by("-happened_at", "-row")
    )


def _rows(rows, kind, time):
    event = Value(kind, output_field=CharField())
    described = rows.order_by().annotate(happened_at=F(time), event=event, row=F("pk"))
    return described.values_list("happened_at", "event", "row")


def _ids(references, *kinds):
    return [pk for _at, kind, pk in references if kind in kinds]


def _added(at, achievement):
    text = _("添加学习成果")
    if achievement.earlier:
        text = _("更正学习成果")
    elif achievement.origin == Achievement.Origin.IMPORTED:
        text = _("机构导入学习成果")
    return Event(at, text, achievement.name, achievement.get_absolute_url())


def _edited(at, achievement):
    # What was imported is only ever edited by its institution's next file (see `change_achievement`).
    by_institution = achievement.origin == Achievement.Origin.IMPORTED
    text = _("机构更新学习成果") if by_institution else _("修改学习成果")
    return Event(at, text, achievement.name, achievement.get_absolute_url())


def _recorded(at, record):
    case = record.application
    text = _("%(kind)s:%(what)s") % {"kind": case.get_kind_display(), "what": record.words}
    detail = f"{case.title}({record.reason})" if record.reason else case.title
    style = "refused" if record.to_status in REFUSALS else "done"
    return Event(at, text, detail, case.get_absolute_url(), style)


def _enrolled(at, enrolment):
    detail = " ".join(filter(None, [enrolment.institution.name, enrolment.cohort, enrolment.programme_name]))
    return Event(at, _("机构导入学籍"), detail)
