"""A learner's main job, page by page, and how its two heaviest pages compare with a plain ListView."""

import re
import time
from collections import defaultdict
from io import BytesIO
from statistics import median

from django.core.management import call_command
from django.db import connection
from PIL import Image

from achievements.models import Achievement, AchievementType
from conversion.models import Certificate
from demo.accounts import LEARNERS, PASSWORD
from portal.benches import Result
from portal.benches.serving import ServerError, Visitor, portal_server
from portal.benches.throughput import in_turns, ratio

HELP = "a learner's main job: queries, bytes and milliseconds per page, and two pages against a plain ListView"
LEARNER = LEARNERS[0].username  # 19 achievements, one of them with 617 rules
MANY_RULES = "CET-SL-2020-4471"
PLAIN = "plain_listview"
MEASURED = {PLAIN: "/bench/plain/", "my_information": "/my/", "conversion_grid": "/conversion/"}


def add_arguments(parser):
    parser.add_argument("--journeys", type=int, default=7, help="how often the job is done (default: 7)")
    parser.add_argument("--rounds", type=int, default=9, help="rounds of the comparison (default: 9)")
    parser.add_argument("--requests", type=int, default=120, help="requests per page and round (default: 120)")
    parser.add_argument("--seconds", type=float, default=5, help="limit per page and round (default: 5)")


def run(options):
    call_command("load_demo", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # as autovacuum would have
    ids = {
        "achievement": Achievement.objects.get(certificate_number=MANY_RULES).pk,
        "certificate": Certificate.objects.filter(application__submitted_by__username=LEARNER).latest("pk").pk,
        "type": AchievementType.objects.get(code="training").pk,
    }
    with portal_server() as port:
        rates = compare(port, options)
        pages = walk(port, ids, options["journeys"])
    ratios = {f"{name}_vs_listview": ratio(rates[name], rates[PLAIN]) for name in MEASURED if name != PLAIN}
    figures = {"pages": pages, "requests_per_second": {name: round(median(of), 1) for name, of in rates.items()}}
    return Result(ratios, figures, table(pages, figures, ratios))


def compare(port, options):
    """Requests per second of the two pages and of the plain list, as one signed-in learner."""
    limits = {name: options[name] for name in ("rounds", "requests", "seconds")}
    with Visitor(port) as learner:
        learner.sign_in(LEARNER, PASSWORD)
        return in_turns(port, MEASURED, cookies=dict(learner.cookies), **limits)


def walk(port, ids, times):
    """Do the job several times, one request at a time; return each page's queries, bytes and median milliseconds."""
    seen = defaultdict(list)
    for number in range(times):
        with Visitor(port) as learner:
            learner.headers["X-Bench"] = "1"
            for name, response, seconds in journey(learner, ids, number):
                seen[name].append((int(response.headers["X-Bench-Queries"]), len(response.content), seconds * 1000))
    return {name: _page(zip(*rows, strict=True)) for name, rows in seen.items()}


def _page(columns):
    queries, sizes, milliseconds = columns
    return {"queries": max(queries), "bytes": int(median(sizes)), "ms": round(median(milliseconds), 1)}


def journey(learner, ids, number):
    """Yield (page, response, seconds) of each request, in the order of the guide."""
    chosen = {"achievement": ids["achievement"]}
    yield timed("sign-in page", learner.get, "/accounts/sign-in/")
    form = {"identity": "person", "identifier": LEARNER, "password": PASSWORD}
    yield timed("POST sign-in", learner.send_form, "/accounts/sign-in/", form, expected=302)
    yield timed("my information", learner.get, "/my/")
    yield timed("add an achievement", learner.get, "/achievements/add/", params={"type": ids["type"]})
    dialog = {"headers": {"HX-Request": "true", "HX-Target": "dialog-body"}}
    search = {"type": ids["type"], "entry_name": "工程师"}
    yield timed("catalogue search (dialog)", learner.get, "/achievements/choose/", params=search, **dialog)
    yield timed("POST achievement", learner.send_form, "/achievements/add/", **achievement(ids, number), expected=302)
    yield timed("conversion grid", learner.get, "/conversion/")
    name, response, seconds = timed(
        "apply (dialog, 600+ rules)", learner.get, "/conversion/apply/", params=chosen, **dialog
    )
    yield name, response, seconds
    form = chosen | {"version": matching_rule(response.text), "token": token(response.text)}
    yield timed("POST application", learner.send_form, "/conversion/apply/", form, expected=302)
    yield timed("progress", learner.get, "/conversion/progress/", params=chosen)
    yield timed("certificates", learner.get, "/conversion/certificates/")
    yield timed("certificate PDF", learner.get, f"/conversion/certificates/{ids['certificate']}.pdf")
    yield timed("inbox", learner.get, "/inbox/")


def timed(name, ask, *arguments, expected=200, **options):
    started = time.perf_counter()
    response = ask(*arguments, **options)
    seconds = time.perf_counter() - started
    if response.status_code != expected:
        raise ServerError(f"{name}: {response.status_code} instead of {expected}")
    return name, response, seconds


def achievement(ids, number):
    """A typed achievement with a picture, as `send_form` takes it."""
    picture = BytesIO()
    Image.effect_noise((640, 480), 40).save(picture, "PNG")
    data = {
        "type": ids["type"],
        "name": "社区急救员培训",
        "body_name": "示例红十字培训站",
        "body_code": "无",
        "certificate_number": f"BENCH-{number}",
        "obtained_on": "2020-01-05",
    }
    return {"data": data, "files": {"files": ("paper.png", picture.getvalue(), "image/png")}}


def matching_rule(html):
    """The first rule of the dialog that can be chosen."""
    radios = re.findall(r'<input[^>]*name="version"[^>]*>', html)
    return next(re.search(r'value="(\d+)"', radio)[1] for radio in radios if "disabled" not in radio)


def token(html):
    return re.search(r'name="token" value="([^"]+)"', html)[1]


def table(pages, figures, ratios):
    rows = [["page", "queries", "bytes", "ms"]]
    rows += [[name, page["queries"], page["bytes"], page["ms"]] for name, page in pages.items()]
    rows += [["", None, None, None], ["requests per second", None, None, None]]
    rows += [[name, rate, None, None] for name, rate in figures["requests_per_second"].items()]
    return rows + [[name, value, None, None] for name, value in ratios.items()]
