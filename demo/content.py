"""What the demonstration shows besides people and rules: institutions, catalogue, standards, articles, answers."""

import csv
import datetime as dt
import json
from pathlib import Path

from django.utils import timezone
from stdnum.cn import uscc

from accounts.documents import parse_uscc
from accounts.models import Institution
from achievements.models import (
    AchievementType,
    CatalogueAlias,
    CatalogueEntry,
    FrameworkLevel,
    FrameworkVersion,
    IndustryStandard,
    LevelFamily,
)
from achievements.services.catalogue import return_entry, save_draft, submit_entry
from portal.models import Article, Question

DATA = Path(__file__).parent / "data"
ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
STANDARDS_SOURCE = "示例数据，非正式标准"
ASKED_EVERY = dt.timedelta(days=9)


def read_rows(name):
    with (DATA / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def read_json(name):
    return json.loads((DATA / name).read_text(encoding="utf-8"))


def local_time(text):
    """An aware time from 2021-12-23 15:29:54, Guangdong time."""
    return timezone.make_aware(dt.datetime.fromisoformat(text))


def made_up_uscc(body):
    """A valid 统一社会信用代码 for 16 digits (registrar, kind, region, eight of the organisation) that nobody has."""
    total = sum(int(digit) * weight for digit, weight in zip(body[8:], ORGANISATION_WEIGHTS, strict=True))
    check = (11 - total % 11) % 11
    number = body + ("X" if check == 10 else str(check))
    return parse_uscc(number + uscc.calc_check_digit(number))


def create_institutions():
    """Create the institutions of institutions.csv; return them by key."""
    rows = read_rows("institutions.csv")
    institutions = Institution.objects.bulk_create(_institution(row) for row in rows)
    return {row["key"]: institution for row, institution in zip(rows, institutions, strict=True)}


def _institution(row):
    listed = bool(row["bank_code"])
    return Institution(
        name=row["name"],
        bank_code=row["bank_code"] or None,
        uscc=made_up_uscc(row["uscc_body"]),
        kind=row["kind"],
        status=Institution.Status.APPROVED if listed else Institution.Status.PENDING,
        valid_from=dt.date(2018, 1, 1) if listed else None,
    )


def create_catalogue(institutions):
    """Create the entries of catalogue.csv with their families and other names; return them by key."""
    types = {type_.code: type_ for type_ in AchievementType.objects.all()}
    rows = read_rows("catalogue.csv")
    families = {name: LevelFamily.objects.create(name=name) for name in sorted({row["family"] for row in rows} - {""})}
    entries = CatalogueEntry.objects.bulk_create(_entry(row, institutions, types, families) for row in rows)
    by_key = {row["key"]: entry for row, entry in zip(rows, entries, strict=True)}
    CatalogueAlias.objects.bulk_create(alias for row in rows for alias in _aliases(row, by_key[row["key"]]))
    return by_key


def _aliases(row, entry):
    for column, kind in [("aliases", CatalogueAlias.Kind.ALIAS), ("formers", CatalogueAlias.Kind.FORMER)]:
        yield from (CatalogueAlias(entry=entry, name=name, kind=kind) for name in row[column].split(";") if name)


def create_own_entries(by, operator):
    """Entries that an institution drafted itself: one waits for the centre, one came back."""
    types = {type_.code: type_ for type_ in AchievementType.objects.all()}
    for row in read_json("own_entries.json"):
        returned, aliases, code = row.pop("returned", ""), row.pop("aliases"), row.pop("type")
        entry = save_draft(entry=CatalogueEntry(**row, type=types[code]), aliases=aliases, by=by)
        submit_entry(entry=entry, by=by)
        if returned:
            return_entry(entry=entry, by=operator, reason=returned)


def _entry(row, institutions, types, families):
    return CatalogueEntry(
        project_name=row["project"],
        name=row["name"],
        institution=institutions[row["institution"]],
        type=types[row["type"]],
        level=row["level"],
        framework_level=row["framework_level"] or None,
        hours=row["hours"] or None,
        credits=row["credits"] or None,
        credit_basis=row["basis"],
        family=families.get(row["family"]),
        family_rank=row["rank"] or None,
        status=CatalogueEntry.Status.APPROVED,
        is_active=row["active"] == "yes",
        stop_reason="" if row["active"] == "yes" else row["description"],
        description=row["description"],
    )


def create_standards():
    IndustryStandard.objects.bulk_create(
        IndustryStandard(**row, source=STANDARDS_SOURCE) for row in read_rows("standards.csv")
    )


def create_framework():
    """The seven levels in our own words and an older wording of them, unless the installation has a framework."""
    if FrameworkVersion.objects.filter(is_current=True).exists():
        return
    data = read_json("framework.json")
    _create_version(data["older"], is_current=False)
    _create_version(data, is_current=True)


def _create_version(data, is_current):
    version = FrameworkVersion.objects.create(name=data["name"], source=data["source"], is_current=is_current)
    FrameworkLevel.objects.bulk_create(
        FrameworkLevel(version=version, level=level, knowledge=knowledge, skills=skills, competence=competence)
        for level, (knowledge, skills, competence) in enumerate(data["levels"], 1)
    )


def create_articles(by):
    """Create an article of each file of data/articles: title, column and date in its head, Markdown below."""
    files = sorted((DATA / "articles").glob("*.md"))
    Article.objects.bulk_create(_article(path.read_text(encoding="utf-8"), by) for path in files)


def _article(text, by):
    head, body = text.split("\n\n", 1)
    fields = dict(line.split(": ", 1) for line in head.splitlines())
    return Article(
        column=fields["column"],
        title=fields["title"],
        body=body,
        published_at=local_time(fields["published"]),
        written_by=by,
    )


def create_questions(asked_by):
    """Published answers for everyone, and one question that waits for its answer."""
    now = timezone.now()
    rows = [
        Question(text=text, answer=answer, answered_at=now - ASKED_EVERY * number, is_published=True)
        for number, (text, answer) in enumerate(read_json("questions.json"))
    ]
    Question.objects.bulk_create(rows)
    for number, row in enumerate(rows):
        Question.objects.filter(pk=row.pk).update(asked_at=now - ASKED_EVERY * number - dt.timedelta(days=1))
    Question.objects.create(asked_by=asked_by, text="我的工作经历已经认定，可以转换成哪一门课程？")
