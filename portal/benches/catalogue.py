"""Searching the catalogue by any part of its names, beside `icontains` in the same run."""

import io
import json
import random
import sys
import time
from pathlib import Path
from statistics import median, quantiles

from django.core.management import call_command
from django.core.paginator import Paginator
from django.db import connection, transaction
from django.db.models import Q

from accounts.models import Institution
from achievements import search
from achievements.models import AchievementType, CatalogueEntry
from portal.benches import Result

HELP = "search of the catalogue by 1, 2, 3, 4+ characters, Latin and two words beside icontains"
# What the made-up names consist of, and the fixed list of queries: in each class frequent and rare ones,
# half the catalogue and nothing at all.
WORDS = json.loads(Path(__file__).with_name("catalogue_words.json").read_text(encoding="utf-8"))
QUERIES = WORDS["queries"]
INSTITUTIONS = 4000
WRITES = 200
BULK = 1000
ENTRIES, TEXT = "achievements_catalogueentry", "achievements_cataloguetext"
INDEX = [f"catalogue_by_grams_{number}" for number in range(search.SLICES)]
FILL = """
INSERT INTO achievements_cataloguetext (entry_id, project, names, institution, is_public, choosable)
SELECT entry_id, project, names, institution, is_public, choosable FROM achievements_cataloguesource ORDER BY entry_id
"""


def add_arguments(parser):
    parser.add_argument("--entries", type=int, default=1_000_000, help="entries of the catalogue (default: 1000000)")
    parser.add_argument("--rounds", type=int, default=5, help="times that each query is asked (default: 5)")
    parser.add_argument("--rival-rounds", type=int, default=1, help="the same for icontains (default: 1)")


def run(options):
    call_command("load_reference", verbosity=0)
    seconds = build(options["entries"])
    times, rival, wrong = measure(options["rounds"], options["rival_rounds"])
    return result(options, seconds, times, rival, wrong, writes())


# The catalogue ---------------------------------------------------------------------------------------------


def build(count):
    """Fill the catalogue without its triggers, then its texts and their index; return the seconds of each."""
    chance = random.Random(5)  # noqa: S311 - the same catalogue each time
    institutions = made_up_institutions(chance)
    definitions = [value_of(f"SELECT pg_get_indexdef('{name}'::regclass)") for name in INDEX]
    statements = {
        "texts": FILL,
        "index": "; ".join(definitions),
        "vacuum": f"VACUUM ANALYZE {ENTRIES}, {TEXT}, accounts_institution",
    }
    execute(f"ALTER TABLE {ENTRIES} DISABLE TRIGGER USER; DROP INDEX {', '.join(INDEX)}")
    seconds = {"copy": seconds_of(lambda: copy_entries(chance, institutions, count))}
    for name, statement in statements.items():
        seconds[name] = seconds_of(lambda statement=statement: execute(statement))
        say(f"{name}: {seconds[name]:.1f} s")
    execute(f"ALTER TABLE {ENTRIES} ENABLE TRIGGER USER")
    return seconds


def made_up_institutions(chance):
    names = {
        chance.choice(WORDS["cities"]) + made_up_word(chance) + chance.choice(WORDS["bodies"])
        for _ in range(INSTITUTIONS)
    }
    kinds = Institution.Kind.values
    return Institution.objects.bulk_create(
        Institution(
            name=name, bank_code=f"test{number:05d}", kind=chance.choice(kinds), status=Institution.Status.APPROVED
        )
        for number, name in enumerate(sorted(names))
    )


def made_up_word(chance):
    """Two of the 3,755 common Hanzi, some far more often than others."""
    return "".join(common_hanzi(int(3755 * chance.random() ** 2)) for _ in range(2))


def common_hanzi(number):
    return bytes([0xB0 + number // 94, 0xA1 + number % 94]).decode("gb2312")


def copy_entries(chance, institutions, count):
    """COPY the made-up columns; the others are those of one entry made the ordinary way."""
    types = list(AchievementType.objects.filter(parent__isnull=False).values_list("pk", flat=True))
    model = CatalogueEntry.objects.create(**model_entry(), name="样板")
    made_up = ["project_name", "name", "institution_id", "type_id"]
    others = [field.column for field in CatalogueEntry._meta.concrete_fields if field.column not in {"id", *made_up}]
    with transaction.atomic(), connection.cursor() as cursor:
        columns = ", ".join(made_up)
        cursor.execute(f"CREATE TEMP TABLE made_up ON COMMIT DROP AS SELECT {columns} FROM {ENTRIES} LIMIT 0")  # noqa: S608
        cursor.copy_expert("COPY made_up FROM STDIN", made_up_rows(chance, institutions, types, count))
        cursor.execute(f"""
            INSERT INTO {ENTRIES} ({columns}, {", ".join(others)})
            SELECT made_up.*, {", ".join(f"model.{column}" for column in others)}
            FROM made_up, {ENTRIES} model WHERE model.id = {model.pk}
        """)  # noqa: S608
    model.delete()


def model_entry():
    type_ = AchievementType.objects.filter(parent__isnull=False).last()
    return {
        "project_name": WORDS["projects"][0],
        "institution": Institution.objects.last(),
        "type": type_,
        "status": "approved",
    }


def made_up_rows(chance, institutions, types, count):
    rows = io.StringIO()
    for number in range(count):
        # A few institutions have most of the entries.
        institution = institutions[int(len(institutions) * chance.random() ** 2)].pk
        name = made_up_name(chance, number)
        rows.write(f"{chance.choice(WORDS['projects'])}\t{name}\t{institution}\t{chance.choice(types)}\n")
    rows.seek(0)
    return rows


def made_up_name(chance, number):
    """Such as 「Python大数据榕培分析师(中级)2019年第37期」; the number makes it unlike all others."""
    latin = chance.choice(WORDS["latin"]) if chance.random() < 0.15 else ""
    made_up = made_up_word(chance) if chance.random() < 0.5 else ""
    level = chance.choice(WORDS["levels"])
    session = f"{2012 + number % 15}年第{number // 15}期" if chance.random() < 0.4 else f"{number:x}"
    return f"{latin}{chance.choice(WORDS['topics'])}{made_up}{chance.choice(WORDS['occupations'])}{level}{session}"


# Measuring -------------------------------------------------------------------------------------------------


def measure(rounds, rival_rounds):
    """Milliseconds of each class, ours and the rival's, and the queries of which the totals differ."""
    times, rival, wrong = {name: [] for name in QUERIES}, {name: [] for name in QUERIES}, []
    warm_up()
    for name, texts in QUERIES.items():
        for text in texts:
            for _round in range(rounds):
                milliseconds, total = timed(ours, text)
                times[name].append(milliseconds)
            for _round in range(rival_rounds):
                milliseconds, found = timed(icontains, text)
                rival[name].append(milliseconds)
            if min(found, search.EXACT) != total:
                wrong.append(text)
        say(f"{name}: {median(times[name]):.1f} ms, icontains {median(rival[name]):.0f} ms")
    return times, rival, wrong


def warm_up():
    for texts in QUERIES.values():
        for text in texts:
            ours(text)
    icontains(QUERIES["4+"][0])


def ours(text):
    """First page and total as the pages ask for them; the total stops at 1,000."""
    page = Paginator(search.Hits(search.terms_of(anywhere=text)), 10).get_page(1)
    return len(page.object_list) and page.paginator.count


def icontains(text):
    """The same by `icontains`: what a list page without an index would do."""
    rows = CatalogueEntry.objects.public().select_related("institution", "type").order_by("-pk")
    for word in text.split():
        rows = rows.filter(
            Q(project_name__icontains=word) | Q(name__icontains=word) | Q(institution__name__icontains=word)
        )
    page = Paginator(rows, 10).get_page(1)
    return len(page.object_list) and page.paginator.count


def timed(call, *arguments):
    started = time.perf_counter()
    value = call(*arguments)
    return (time.perf_counter() - started) * 1000, value


def writes():
    """Milliseconds of writing an entry and a thousand, without and with the texts, and of renaming an institution."""
    costs = {}
    for name, triggers in [("without", "DISABLE"), ("with", "ENABLE")]:
        execute(f"ALTER TABLE {ENTRIES} {triggers} TRIGGER USER")
        singles = [timed(write, 1, f"{name}-{number}")[0] for number in range(WRITES)]
        costs[f"one_entry_{name}"] = median(singles)
        costs[f"{BULK}_entries_{name}"] = timed(write, BULK, f"{name}-bulk")[0]
    biggest = Institution.objects.order_by("pk")[0]
    costs["rename_entries"] = CatalogueEntry.objects.filter(institution=biggest).count()
    costs["rename"] = timed(lambda: Institution.objects.filter(pk=biggest.pk).update(name="改名后的示例学院"))[0]
    return costs


def write(count, mark):
    shared = model_entry()
    names = [f"云计算平台运维与开发工程师{mark}-{number}" for number in range(count)]
    CatalogueEntry.objects.bulk_create(CatalogueEntry(**shared, name=name) for name in names)


def seconds_of(call):
    return timed(call)[0] / 1000


def execute(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)


def value_of(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


def say(text):
    sys.stderr.write(f"{text}\n")


def sizes():
    with connection.cursor() as cursor:
        index = " + ".join(f"pg_relation_size('{name}')" for name in INDEX)
        cursor.execute(f"SELECT pg_relation_size('{ENTRIES}'), pg_table_size('{TEXT}'), {index}")
        return dict(
            zip(["entries", "texts", "index"], (round(size / 2**20) for size in cursor.fetchone()), strict=True)
        )


# Telling ---------------------------------------------------------------------------------------------------


def p95(values):
    return quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]


def result(options, seconds, times, rival, wrong, costs):
    everything = [value for values in times.values() for value in values]
    rivals = [value for values in rival.values() for value in values]
    ratios = {
        "worst_p95_vs_icontains": max(p95(times[name]) / median(rival[name]) for name in QUERIES),
        "median_vs_icontains": median(everything) / median(rivals),
    }
    classes = {
        name: {"median": median(values), "p95": p95(values), "worst": max(values), "icontains": median(rival[name])}
        for name, values in times.items()
    }
    figures = {
        "entries": options["entries"],
        "milliseconds": {name: {key: round(value, 1) for key, value in row.items()} for name, row in classes.items()},
        "build_seconds": {name: round(value, 1) for name, value in seconds.items()},
        "megabytes": sizes(),
        "write_milliseconds": {name: round(value, 2) for name, value in costs.items()},
        "totals_that_differ": wrong,
    }
    return Result({name: round(value, 4) for name, value in ratios.items()}, figures, table(classes, figures, ratios))


def table(classes, figures, ratios):
    rows = [["class", "median ms", "p95 ms", "worst ms", "icontains median ms", "p95 / icontains"]]
    rows += [
        [name, row["median"], row["p95"], row["worst"], row["icontains"], f"1/{row['icontains'] / row['p95']:.0f}"]
        for name, row in classes.items()
    ]
    rows += [[name, None, None, None, None, f"1/{1 / value:.0f}"] for name, value in ratios.items()]
    for heading in ["build_seconds", "megabytes", "write_milliseconds"]:
        rows += [[f"{heading}: {name}", float(value), *[None] * 4] for name, value in figures[heading].items()]
    return rows
