"""转换成果申请 with up to a million rules: the grid's counts, the dialog and the engine, beside one query per row."""

import datetime as dt
import sys
import time
import uuid
from functools import partial

from django.db import connection, transaction
from django.db.models import Q
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.documents import Document, DocumentKind
from accounts.models import Institution, Learner, User
from achievements.models import Achievement, AchievementType, CatalogueEntry
from conversion import rules, slots
from conversion.models import ConversionRule, Course, Programme, RuleGroup, RuleSource, RuleVersion
from conversion.services.applications import submit_conversion
from portal.benches import Result
from portal.benches.serving import ServerError

HELP = "the grid's rule counts, the dialog and the engine at 10,000 to 1,000,000 rules, beside one query per row"
RECEIVERS, PER_ENTRY, PAGE, TRACED = 50, 20, 10, 600
UNUSABLE = "!"
HOT = [2100, 2100, 650, 650, 650]  # rules of the hot learner's first achievements
TABLES = [
    "conversion_applicationsource", "conversion_exclusiveuse", "conversion_reviewrecord", "conversion_application",
    "conversion_publishedsource", "conversion_rulesource", "conversion_rulegroup", "conversion_ruleversion",
    "conversion_conversionrule", "conversion_course", "conversion_programme", "achievements_achievement",
    "achievements_catalogueentry",
]  # fmt: skip
# A rule's place in `mixed` decides its entry, so that those of one entry lie scattered, as years of publishing leave
# them. Guards and triggers are on: the flattened sources come from publishing.
MIXED = "(n::bigint * 7919 % {size})"
PUBLISH = """
UPDATE conversion_ruleversion SET status = 'published', published_by_id = %s, published_at = now() WHERE id > 0
"""


def add_arguments(parser):
    parser.add_argument("--rules", type=int, default=1_000_000, help="rules at the largest size (default: 1000000)")
    parser.add_argument("--rounds", type=int, default=15, help="rounds per figure (default: 15)")


def run(options):
    world = Place()
    sizes = sorted({10_000, 100_000, options["rules"]} - set(range(options["rules"] + 1, 100_001)))
    measured = {}
    for size in sizes:
        started = time.perf_counter()
        world.fill(size)
        sys.stderr.write(f"{size} rules generated in {time.perf_counter() - started:.0f} s\n")
        measured[size] = measure(world, options["rounds"])
    return result(measured, sizes[0], sizes[-1])


class Place:
    """Institutions, a publisher and two learners; `fill` gives them rules and achievements."""

    def __init__(self):
        self.receivers = Institution.objects.bulk_create(
            Institution(name=f"示例学院{n}", bank_code=f"test{n:05d}", kind="vocational", status="approved")
            for n in range(RECEIVERS)
        )
        self.publisher = User.objects.create(username="publisher", name="发布人", password=UNUSABLE)
        self.type = AchievementType.objects.create(code="training", name="培训类")
        self.users = {name: self._learner(n, name) for n, name in enumerate(["typical", "hot"])}
        self.achievements = {}

    def _learner(self, number, username):
        learner = Learner(name="示例学员")
        learner.set_document(Document(DocumentKind.PASSPORT, f"E{number:08d}"))
        learner.save()
        return User.objects.create(username=username, name=learner.name, learner=learner, password=UNUSABLE)

    def fill(self, size):
        entries = len(HOT) + (size - sum(HOT)) // PER_ENTRY + 1
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {', '.join(TABLES)} CASCADE")
        with transaction.atomic():
            self._models()
            self._multiply(size, entries)
        with connection.cursor() as cursor:
            cursor.execute(PUBLISH, [self.publisher.pk])
            cursor.execute("VACUUM ANALYZE")  # as autovacuum would have
        for name, user in self.users.items():
            self.achievements[name] = self._hold(user, name, entries)
            self._use_some(user, self.achievements[name])

    def _models(self):
        """One row of each kind, with id 0, to be copied."""
        place = self.receivers[0]
        entry = CatalogueEntry.objects.create(
            id=0, project_name="示例证书", name="成果", institution=place, type=self.type, status="approved"
        )
        cohorts = {"cohort": 2020, "cohort_to": 2020}
        programme = Programme.objects.create(id=0, institution=place, name="专业", total_credits=140, **cohorts)
        course = Course.objects.create(id=0, programme=programme, code="C", name="课程", credits=3)
        rule = ConversionRule.objects.create(id=0, code="R", title="成果证书转学院课程", institution=place)
        version = RuleVersion.objects.create(
            id=0, rule=rule, number=1, course=course, outcome="waived", credits=3, valid_from=dt.date(2018, 9, 1)
        )
        RuleSource.objects.create(id=0, group=RuleGroup.objects.create(id=0, version=version), entry=entry)

    def _multiply(self, size, entries):
        programmes, courses, mixed = size // 200, size // 10, MIXED.format(size=size)
        first = self.receivers[0].pk
        bounds = [sum(HOT[: n + 1]) for n in range(len(HOT))]
        hot = " ".join(f"WHEN {mixed} < {bound} THEN {n + 1}" for n, bound in enumerate(bounds))
        plain = f"1 + {len(HOT)} + ({mixed} - {sum(HOT)}) / {PER_ENTRY}"
        institution = f"{first} + (1 + (1 + n % {courses}) % {programmes}) % {RECEIVERS}"
        copy(CatalogueEntry, entries, name="'成果' || n", framework_level="1 + n % 7")
        copy(Programme, programmes, name="'专业' || n", institution_id=f"{first} + n % {RECEIVERS}")
        copy(Course, courses, code="'C' || n", name="'课程' || n", programme_id=f"1 + n % {programmes}")
        copy(ConversionRule, size, code="'R' || n", title="title || n", institution_id=institution)
        selected_by = "CASE WHEN n % 33 = 0 THEN 'obtained' ELSE 'submission' END"
        course = f"1 + n % {courses}"
        copy(RuleVersion, size, rule_id="n", course_id=course, version_selected_by=selected_by)
        copy(RuleGroup, size, version_id="n")
        copy(
            RuleSource,
            size,
            group_id="n",
            entry_id=f"CASE {hot} ELSE {plain} END",
            min_score="CASE WHEN n % 10 = 0 THEN 60 END",
            obtained_from="CASE WHEN n % 20 = 0 THEN date '2015-01-01' END",
            max_age_months="CASE WHEN n % 50 = 0 THEN 240 END",
        )

    def _hold(self, user, name, entries):
        """A page of achievements: for the hot learner the hot entries first, the rest of it as for anybody."""
        hot = range(1, len(HOT) + 1) if name == "hot" else range(0)
        plain = range(entries // 2, entries // 2 + PAGE - len(hot))
        made = Achievement.objects.bulk_create(
            Achievement(
                learner=user.learner, type=self.type, entry_id=entry, name=f"成果{entry}", score=80,
                obtained_on=timezone.localdate(),
            )
            for entry in [*hot, *plain]
        )  # fmt: skip
        rows = Achievement.objects.filter(pk__in=[row.pk for row in made])
        return list(rows.select_related("entry", "type").order_by("pk"))

    def _use_some(self, user, achievements):
        """A few rules are in use, as for anybody who has been here before."""
        for achievement in achievements[:3]:
            version = slots.open_versions([achievement]).order_by("pk")[0]
            submit_conversion(by=user, version=version, achievements=[achievement], token=uuid.uuid4())


def copy(model, count, **changes):
    """Insert copies, with ids from 1, of the row with id 0; `changes` are SQL over the copy's number `n`."""
    columns = [field.column for field in model._meta.concrete_fields]
    values = ", ".join(({"id": "n"} | changes).get(column, column) for column in columns)
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) "  # noqa: S608 (all of it is written here)
            f"SELECT {values} FROM {table} model, generate_series(1, {count}) AS n WHERE model.id = 0"
        )


def measure(world, rounds):
    figures = {}
    for name, user in world.users.items():
        achievements = world.achievements[name]
        figures[f"{name}_grid_ms"], counts = best(partial(slots.counts_of, achievements), rounds)
        figures[f"{name}_per_row_ms"], rival = best(partial(per_row, achievements), max(rounds // 5, 1))
        convertible = [count.convertible for count in counts]
        if convertible != rival:
            raise AssertionError("the rival counts something else")
        figures[f"{name}_rules"] = convertible
        figures |= {f"{name}_{what}": value for what, value in pages(user, achievements, rounds).items()}
    return figures | traced(world.achievements["hot"][:1], rounds)


def best(ask, rounds):
    """Milliseconds of the quickest of some calls, which other work disturbed least, and what the last one returned."""
    times = []
    for _round in range(rounds):
        started = time.perf_counter()
        answer = ask()
        times.append((time.perf_counter() - started) * 1000)
    return round(min(times), 3), answer


def per_row(achievements):
    return [count_one(achievement) for achievement in achievements]


def count_one(achievement):
    """What a page would ask for each of its rows without the flattened sources: the same count, through the ORM."""
    today, obtained = timezone.localdate(), achievement.obtained_on
    source = "groups__sources__"
    fits = Q(**{f"{source}entry": achievement.entry_id})
    fits &= Q(**{f"{source}min_score": None}) | Q(**{f"{source}min_score__lte": achievement.score})
    fits &= Q(**{f"{source}obtained_from": None}) | Q(**{f"{source}obtained_from__lte": obtained})
    fits &= Q(**{f"{source}max_age_months": None}) | Q(**{f"{source}max_age_months__gte": 0})  # all are of today
    live = {"learner": achievement.learner_id, "status__in": ["submitted", "returned", "first_approved", "approved"]}
    taken = RuleVersion.objects.filter(**{f"applications__{name}": value for name, value in live.items()})
    versions = RuleVersion.objects.in_force(today).filter(fits)
    versions = versions.exclude(rule__in=taken.values("rule")).exclude(course__in=taken.values("course"))
    return versions.distinct().count()


def pages(user, achievements, rounds):
    """Queries and milliseconds of the two pages, as a signed-in learner."""
    client = Client(SERVER_NAME="localhost")
    client.force_login(user)
    addresses = {
        "grid_page": ("/conversion/", {}),
        "dialog": ("/conversion/apply/", {"achievement": achievements[0].pk}),
    }
    figures = {}
    for name, (path, data) in addresses.items():
        with CaptureQueriesContext(connection) as captured:
            client.get(path, data)
        figures[f"{name}_queries"] = len(captured)
        figures[f"{name}_ms"], answer = best(partial(client.get, path, data), rounds)
        if answer.status_code != 200:
            raise ServerError(f"{path}: {answer.status_code}")
    return figures


def traced(achievements, rounds):
    """600 rules fetched, and the same assessed with every condition explained."""
    versions = slots.open_versions(achievements).order_by(*rules.BY_TARGET)[:TRACED]
    fetch, fetched = best(lambda: list(versions.all()), rounds)
    trace, assessed = best(lambda: rules.assess_all(fetched, achievements), rounds)
    if len(assessed) != TRACED or not all(assessment.conditions for assessment in assessed):
        raise AssertionError("not every rule was explained")
    return {"fetch_600_ms": fetch, "trace_600_ms": trace}


def result(measured, smallest, largest):
    few, many = measured[smallest], measured[largest]
    ratios = {
        "growth_10k_to_1m": max(many[f"{name}_grid_ms"] / few[f"{name}_grid_ms"] for name in ("typical", "hot")),
        "per_row_vs_grid_hot": many["hot_per_row_ms"] / many["hot_grid_ms"],
        "trace_vs_fetch": many["trace_600_ms"] / many["fetch_600_ms"],
    }
    ratios = {name: round(value, 2) for name, value in ratios.items()}
    rows = [["figure", *(f"{size} rules" for size in measured)]]
    names = [name for name in many if not name.endswith("_rules")]
    rows += [[name, *(figures[name] for figures in measured.values())] for name in names]
    rows += [[name, *[None] * (len(measured) - 1), value] for name, value in ratios.items()]
    return Result(ratios, {str(size): figures for size, figures in measured.items()}, rows)
