"""The reviewers' queue among 300,000 applications beside the stock admin list, and certificates in a batch."""

from statistics import median

from django.conf import settings
from django.contrib.auth import login
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.management import call_command
from django.db import connection
from django.test import RequestFactory

from accounts.documents import Document, DocumentKind
from accounts.models import Learner, User
from accounts.services.second_factor import note_passed
from conversion.models import Application
from conversion.models.application import Status
from demo.synthetic import synthetic_person
from portal.benches import Result
from portal.benches.certificates import batch_vs_single
from portal.benches.serving import Visitor, portal_server
from portal.benches.throughput import in_turns, ratio

HELP = "the reviewers' queue at 300,000 applications beside the stock admin list, certificates in a batch"
REVIEWER = "zhongshen1"  # of the centre: sees every case and decides at both stages
STOCK = "stock_admin"
MEASURED = {STOCK: "/bench/stock/conversion/application/", "queue": "/admin/conversion/application/"}
SHARES = {Status.APPROVED: 0.86, Status.SUBMITTED: 0.09, Status.FIRST_APPROVED: 0.05}
LEARNERS = 500
OWN = {  # what differs from the demonstration's case of the same status
    "submission_token": "gen_random_uuid()",
    "learner_id": "learners[1 + floor(random() * %(learners)s)::int]",
    "submitted_at": "now() - make_interval(secs => random() * 5000000)",
    "waiting_since": "now() - make_interval(secs => random() * 5000000)",
}


def add_arguments(parser):
    parser.add_argument("--applications", type=int, default=300_000, help="cases in the table (default: 300000)")
    parser.add_argument("--certificates", type=int, default=100, help="certificates of a batch (default: 100)")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of the comparison (default: 7)")
    parser.add_argument("--requests", type=int, default=60, help="requests per page and round (default: 60)")
    parser.add_argument("--seconds", type=float, default=6, help="limit per page and round (default: 6)")


def run(options):
    call_command("load_demo", verbosity=0)
    multiply_cases(options["applications"])
    reviewer = User.objects.get(username=REVIEWER)
    cookies = session_of(reviewer)
    limits = {name: options[name] for name in ("rounds", "requests", "seconds")}
    with portal_server() as port:
        rates = in_turns(port, MEASURED, cookies=cookies, **limits)
        queries = {name: queries_of(port, url, cookies) for name, url in MEASURED.items()}
    batch, certificates = batch_vs_single(count=options["certificates"], rounds=3)
    ratios = {"queue_vs_stock_admin": ratio(rates["queue"], rates[STOCK]), "batch_vs_single": batch}
    speeds = {name: round(median(of), 1) for name, of in rates.items()}
    figures = {"applications": Application.objects.count(), "requests_per_second": speeds, "queries": queries}
    figures |= {"printing": certificates}
    return Result(ratios, figures, table(figures, ratios))


def multiply_cases(count):
    """Fill the table with copies of the demonstration's cases, of many learners and over two months."""
    learners = [person.pk for person in Learner.objects.bulk_create(map(make_learner, range(LEARNERS)))]
    with connection.cursor() as cursor:
        for status, share in SHARES.items():
            cursor.execute(_copies(), [learners, int(count * share), str(status)])
        cursor.execute("ANALYZE")


def make_learner(number):
    person = synthetic_person(10_000 + number)
    learner = Learner(name=person.name)
    learner.set_document(Document(DocumentKind.RESIDENT_ID, person.number))
    return learner


def _copies():
    fields = [field for field in Application._meta.concrete_fields if not (field.primary_key or field.generated)]
    columns = [field.column for field in fields]
    values = [OWN.get(column, f"pattern.{column}") % {"learners": LEARNERS} for column in columns]
    return f"""
        INSERT INTO conversion_application ({", ".join(columns)})
        SELECT {", ".join(values)}
        FROM (SELECT %s::bigint[] AS learners) AS people, generate_series(1, %s), (
            SELECT * FROM conversion_application WHERE status = %s AND kind = 'conversion' ORDER BY id LIMIT 1
        ) AS pattern
    """  # noqa: S608 (column names of our own)


def session_of(user):
    """The cookies of a member of staff who has signed in and passed the second factor."""
    request = RequestFactory().get("/")
    SessionMiddleware(lambda request: None).process_request(request)
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    note_passed(request)
    request.session.save()
    return {settings.SESSION_COOKIE_NAME: request.session.session_key}


def queries_of(port, url, cookies):
    with Visitor(port) as visitor:
        header = "; ".join(f"{name}={value}" for name, value in cookies.items())
        response = visitor.get(url, headers={"X-Bench": "1", "Cookie": header})
        response.raise_for_status()
        return int(response.headers["X-Bench-Queries"])


def table(figures, ratios):
    rows = [["page", "queries", "requests/s"]]
    rows += [[name, figures["queries"][name], rate] for name, rate in figures["requests_per_second"].items()]
    milliseconds = figures["printing"]["milliseconds_per_certificate"]
    rows += [[f"ms per certificate, {way}", None, value] for way, value in milliseconds.items()]
    return rows + [[name, None, value] for name, value in ratios.items()]
