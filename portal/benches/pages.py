"""我的信息 and 成果添加 of a learner with 30 achievements among a million, beside a plain ListView of his rows."""

import datetime as dt
import sys
import time
from statistics import median

from django.core.management import call_command
from django.db import connection

from accounts.documents import Document, DocumentKind
from accounts.models import Learner, User
from achievements.models import Achievement, AchievementType
from portal.benches import Result
from portal.benches.serving import Visitor, portal_server
from portal.benches.throughput import in_turns, ratio

HELP = "我的信息 and 成果添加 with 30 achievements among a million: queries, and requests/s against a plain ListView"
LEARNER, PASSWORD = "bench", "Bench#2026"
OWN = 30
EACH = 30  # achievements of each of the others
PLAIN = "plain_listview"


def add_arguments(parser):
    parser.add_argument("--achievements", type=int, default=1_000_000, help="in the table (default: 1000000)")
    parser.add_argument("--rounds", type=int, default=9, help="rounds of the comparison (default: 9)")
    parser.add_argument("--requests", type=int, default=120, help="requests per page and round (default: 120)")
    parser.add_argument("--seconds", type=float, default=5, help="limit per page and round (default: 5)")


def run(options):
    call_command("load_reference", verbosity=0)
    learner = make_learner()
    started = time.perf_counter()
    fill(learner, options["achievements"])
    sys.stderr.write(f"{options['achievements']} achievements in {time.perf_counter() - started:.0f} s\n")
    training = AchievementType.objects.get(code="training").pk
    pages = {
        PLAIN: "/bench/plain/",
        "my_information": "/my/",
        "achievement_add": f"/achievements/add/?type={training}",
    }
    with portal_server() as port, Visitor(port) as learner:
        learner.sign_in(LEARNER, PASSWORD)
        figures = {name: looked_at(learner, url) for name, url in pages.items()}
        limits = {name: options[name] for name in ("rounds", "requests", "seconds")}
        rates = in_turns(port, pages, cookies=dict(learner.cookies), **limits)
    for name, of in rates.items():
        figures[name]["requests_per_second"] = round(median(of), 1)
    ratios = {f"{name}_vs_listview": ratio(rates[name], rates[PLAIN]) for name in pages if name != PLAIN}
    return Result(ratios, {"pages": figures, "achievements": Achievement.objects.count()}, table(figures, ratios))


def make_learner():
    learner = Learner(name="示例学员")
    learner.set_document(Document(DocumentKind.PASSPORT, "E00000001"))
    learner.save()
    user = User(username=LEARNER, name=learner.name, learner=learner)
    user.set_password(PASSWORD)
    user.save()
    return learner


def fill(learner, total):
    """Give the learner `OWN` achievements and others, who are copies of him, the rest of the table."""
    model = Achievement.objects.create(
        learner=learner,
        type=AchievementType.objects.get(code="training"),
        name="示例培训",
        body_name="示例培训站",
        body_code="无",
        certificate_number="BENCH",
        obtained_on=dt.date(2020, 1, 1),
    )
    others = max(0, total - OWN) // EACH
    first = Learner.objects.latest("pk").pk + 1
    multiply(learner, f"generate_series(1, {others}) n", id=f"{first} + n", verified_at="NULL")
    certificate = {
        "obtained_on": "date '2020-01-01' + n %% 1000",
        "name": "'示例培训' || n",
        "certificate_key": "n::text",
    }
    multiply(model, f"generate_series(2, {OWN}) n", id=f"{model.pk} + n", **certificate)
    whose = f"{first} + 1 + n %% {others}" if others else "NULL"
    multiply(
        model, f"generate_series(1, {others * EACH}) n", id=f"{model.pk + OWN} + n", learner_id=whose, **certificate
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")  # as autovacuum would have


def multiply(row, numbers, **changes):
    """Insert copies of a row with other values (SQL over n) in some columns."""
    columns = [field.column for field in row._meta.concrete_fields]
    values = ", ".join(changes.get(column, f'model."{column}"') for column in columns)
    quoted, table = ", ".join(f'"{column}"' for column in columns), row._meta.db_table
    sql = f"INSERT INTO {table} ({quoted}) SELECT {values} FROM {table} model, {numbers} WHERE model.id = %s"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, [row.pk])


def looked_at(learner, url):
    """Queries and bytes of one request, the second: the first of a process fills its caches."""
    for _time in range(6):
        answer = learner.get(url, headers={"X-Bench": "1"})
        answer.raise_for_status()
    return {"queries": int(answer.headers["X-Bench-Queries"]), "bytes": len(answer.content)}


def table(figures, ratios):
    rows = [["page", "queries", "bytes", "requests/s"]]
    rows += [[name, page["queries"], page["bytes"], page["requests_per_second"]] for name, page in figures.items()]
    return rows + [[name, value, None, None] for name, value in ratios.items()]
