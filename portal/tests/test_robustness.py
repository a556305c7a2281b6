"""Whatever is sent, the portal answers (promises: Web)."""

import threading
from urllib.parse import quote, urlencode, urlsplit

import pytest
from django.contrib import admin
from django.db import OperationalError, connections
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.models import User
from accounts.tests.sms_steps import solved_captcha
from achievements.models import AchievementType
from creditbank.wsgi import application
from demo.accounts import PASSWORD
from demo.synthetic import synthetic_person
from portal.tests.test_crawl import assert_strict

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("demo_site"),
    pytest.mark.ignore_template_errors,  # the stock admin's templates name variables that aren't there
]

LONG = "长" * 33_333  # 100 kB
# As they travel: percent-encoded, so that what no text can hold (a lone surrogate, half a character) is among them.
HOSTILE = {
    "NUL": "a%00b",
    "lone surrogate": "%ED%A0%80",
    "half a character": "%E4%B8",
    "twenty digits": "9" * 20,
    "negative": "-1",
    "right to left, controls": quote("\u202e\u2066\x07\x1b\r\n\u200b"),
    "astral": quote("𬭎" * 300),
    "digits of another script": quote("١٢"),
    "not a number": "NaN",
    "infinite": "1e999",
    "quotes and wildcards": quote("'\"%_\\<script>{{7*7}}"),
    "100 kB": quote(LONG),
    "empty": "",
}
FORM = "application/x-www-form-urlencoded"
REVIEWERS = ["chushen1", "zhongshen1"]
ROLES = ["", "xiaofang", "jigou", *REVIEWERS]


@pytest.fixture
def client_of():
    def client(username, **options):
        made = Client(raise_request_exception=False, **options)
        if username:
            made.force_login(User.objects.get(username=username))
        return made

    return client


def path_of(visit):
    return urlsplit(visit.url).path


def faults(answers):
    return [f"{response.status_code} {what}" for what, response in answers if response.status_code >= 500]


# Every GET parameter and address -----------------------------------------------------------------------------

PARAMETERS = [
    "page", "q", "name", "type", "body", "entry", "programme", "entry_name", "institution", "number", "parent",
    "next", "resume", "achievement", "version", "only", "industry", "occupation", "level", "unknown__look_up",
]  # fmt: skip


@pytest.mark.parametrize("username", ["", "xiaofang", "jigou"], ids=lambda username: username or "visitor")
def test_no_parameter_of_a_page_breaks_it(sites, client_of, username):
    client = client_of(username)
    pages = {path_of(visit) for visit in sites[username].pages().values() if not visit.view.startswith("admin:")}

    def answers():
        for kind, value in HOSTILE.items():
            names = PARAMETERS if kind != "100 kB" else ["q", "number"]
            query = "&".join(f"{name}={value}&{name}={value}" for name in names)
            for path in sorted(pages):
                yield f"{path} {kind}", client.get(path, QUERY_STRING=query)

    assert faults(answers()) == []


@pytest.mark.parametrize("username", ["", "xiaofang", "admin"], ids=lambda username: username or "visitor")
def test_no_address_breaks_the_portal(client_of, username):
    client = client_of(username)
    patterns = [
        "/achievements/{}/", "/articles/{}/", "/catalogue/{}/", "/columns/{}/", "/conversion/applications/{}/",
        "/conversion/certificates/{}.pdf", "/evidence/{}/", "/evidence/{}/thumbnail/", "/inbox/{}/",
        "/performance/{}/", "/recognition/{}/", "/rules/{}/", "/verify/{}/", "/captcha/image/{}/", "/static/{}",
        "/admin/portal/article/{}/change/", "/admin/conversion/application/{}/review/", "/admin/r/18/{}/",
        "/admin/conversion/application/1/evidence/{}/", "/{}",
    ]  # fmt: skip
    values = [value for kind, value in HOSTILE.items() if kind != "100 kB"] + ["..%2F..%2Fetc%2Fpasswd", "2147483648"]

    def answers():
        for pattern in patterns:
            for value in values:
                response = client.get(pattern.format(value))
                if response.streaming:
                    response.getvalue()
                yield pattern.format(value), response

    assert faults(answers()) == []


LOOK_UPS = ["foo__bar=1", "id__exact=abc", "q=%00", "p=99999999999999999999"]
MORE_LOOK_UPS = [
    "id__in=1,x", "pk__gt=" + "9" * 30, "p=-1", "o=a.b", "o=99.-99", "q=" + "9" * 20, "all=1", "e=1", "_facets=x",
    "status__exact=%ED%A0%80", "is_active=7", "level__lt=NaN", "waiting=%00", "kind__isnull=maybe",
    "_popup=1&_to_field=password", "issued_at__year=" + "9" * 20, "day__year=" + "9" * 20, "day__year=0",
]  # fmt: skip


def test_no_look_up_breaks_a_list_of_the_admin(client_of):
    client = client_of("admin")
    searched = {"application", "user", "region", "ruleversion", "certificate", "calendarday"}

    def answers():
        for model in admin.site._registry:
            name = model._meta.model_name
            url = reverse(f"admin:{model._meta.app_label}_{name}_changelist")
            for query in LOOK_UPS + MORE_LOOK_UPS * (name in searched):
                yield f"{url}?{query}", client.get(url, QUERY_STRING=query)

    assert faults(answers()) == []


@pytest.mark.parametrize("stray", ["abc", "0001-01-01", "9" * 20, "\x00", "-1", "１"])
def test_no_id_that_is_none_breaks_an_action_or_a_field_of_the_admin(client_of, stray):
    """An action's rows and what an autocomplete field holds are looked up by the stock admin as they came."""
    client = client_of("admin")
    entries = "admin:achievements_catalogueentry"
    action = {"action": "approve_selected", "_selected_action": stray}
    answers = [
        ("action", client.post(reverse(f"{entries}_changelist"), action)),
        ("delete", client.post(reverse("admin:portal_article_changelist"), action | {"action": "delete_selected"})),
        ("field", client.post(reverse(f"{entries}_add"), {"family": stray, "institution": stray})),
        ("words", client.post(reverse(f"{entries}_add"), {"family-typed": stray, "institution-typed": f"a{stray}"})),
    ]
    assert faults(answers) == []


def test_no_header_or_cookie_breaks_a_page(client):
    headers = {
        "HTTP_X_FORWARDED_FOR": "not an address, \x7f",
        "HTTP_HX_REQUEST": "true",
        "HTTP_HX_TARGET": "x" * 5000,
        "HTTP_HX_CURRENT_URL": "http://[bad",
        "HTTP_REFERER": "http://[bad",
        "HTTP_ACCEPT_LANGUAGE": "zz-\xff" * 100,
        "HTTP_COOKIE": "sessionid=\x01%00; csrftoken=; messages=W10=:x",
        "HTTP_IF_MODIFIED_SINCE": "yesterday",
        "HTTP_RANGE": "bytes=-99999999999999999999",
    }
    urls = ["/", "/accounts/sign-in/", "/rules/", "/my/", "/static/css/portal.css", "/nowhere/"]
    answers = [(f"{name} {url}", client.get(url, **{name: value})) for name, value in headers.items() for url in urls]
    assert faults(answers) == []
    for _what, response in answers:
        if response.streaming:
            response.getvalue()


def answer_of_the_server(content_type):
    """(status, content type as Django saw it) of a request as gunicorn hands it over."""
    environ = RequestFactory().get("/favicon.ico", {"q": "+2AA-"}).environ | {"CONTENT_TYPE": content_type}
    statuses = []
    application(environ, lambda status, headers: statuses.append(status))
    return statuses[0], environ["CONTENT_TYPE"]


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain; charset=hex", "text/plain; charset=utf-7", "text/plain; charset=unicode_escape",
        "text/plain; charset=idna", "text/plain; charset=undefined", "multipart/form-data; boundary=x; charset=gbk",
        "text/plain; a*=nosuch''b",
    ],
)  # fmt: skip
def test_a_content_type_does_not_choose_how_text_is_read(content_type):
    """`\\ud800`, `\\x00` and `+2AA-` are plain letters, unless the request may say what decodes them."""
    assert answer_of_the_server(content_type) == ("302 Found", "")


@pytest.mark.parametrize("content_type", ["", FORM, f"{FORM}; charset=UTF8", "multipart/form-data; boundary=x"])
def test_the_content_types_of_forms_are_read(content_type):
    assert answer_of_the_server(content_type) == ("302 Found", content_type)


# Every POST form ---------------------------------------------------------------------------------------------


def hostile_bodies(form, names):
    """Every field hostile at once; each alone, twice, among what the page offered; none at all."""
    offered = [(name, value) for name, value in form.fields if name in names]
    for kind, value in HOSTILE.items():
        yield f"all fields {kind}", "&".join(f"{quote(name)}={value}" for name in names)
    for name in names:
        others = urlencode([pair for pair in offered if pair[0] != name])
        for kind in ["NUL", "twenty digits", "100 kB"]:
            yield f"{name} {kind}", f"{others}&{quote(name)}=1&{quote(name)}={HOSTILE[kind]}"
    yield "nothing", ""
    yield "not a form", "\xff=&&;=%"


@pytest.mark.parametrize("username", ROLES, ids=lambda username: username or "visitor")
def test_no_content_of_a_form_breaks_its_page(sites, client_of, username):
    client = client_of(username)
    forms = sites[username].post_forms()
    if username in REVIEWERS:  # the rest of the admin is stock
        forms = {key: form for key, form in forms.items() if key[0].partition("?")[0].endswith("/review/")}
    assert forms

    def answers():
        for (address, names), form in forms.items():
            for what, body in hostile_bodies(form, names):
                yield f"POST {address} {what}", client.post(address, body, content_type=FORM)
                client.cookies.pop("messages", None)

    assert faults(answers()) == []


BOUNDARY = "edge"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"


def multipart(name, filename, content=b"\x89PNG"):
    """A body with one file whose name travels as the bytes given."""
    head = b'Content-Disposition: form-data; name="%b"; filename="%b"' % (name, filename)
    return b"--edge\r\n%b\r\n\r\n%b\r\n--edge--\r\n" % (head, content)


def test_no_upload_breaks_a_form(client_of, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    client = client_of("xiaofang")
    kind = AchievementType.objects.get(code="training").pk
    url = f"{reverse('achievements:add')}?type={kind}"
    names = [
        b"a\x00.png", b"\xed\xa0\x80.png", b"../../etc/passwd", b".png", "长".encode() * 400 + b".pdf", b"a\tb.gif",
        b"\xff\xfe.jpg", b"",
    ]  # fmt: skip
    bodies = [multipart(field, name) for name in names for field in (b"files", b"name", b"type")]
    bodies += [b"--edge", b"--edge\r\n\r\n", b"", b"--edge\r\nContent-Disposition: form-data\r\n\r\nx\r\n--edge--"]
    answers = [(body[:120], client.post(url, body, content_type=MULTIPART)) for body in bodies]
    assert faults(answers) == []


# What every answer carries -----------------------------------------------------------------------------------


def test_an_unknown_host_is_refused(client):
    for host in ["evil.example", "testserver.evil.example", "a b", "[::1", "testserver@evil.example"]:
        assert client.get("/", headers={"host": host}).status_code == 400
    assert client.get("/").status_code == 200


def test_the_steps_of_an_activation_are_not_stored(client):
    number = synthetic_person(7001).number
    client.post(reverse("accounts:activate"), {"document_number": number} | solved_captcha())
    page = client.get(reverse("accounts:activate_identity"))
    assert page.status_code == 200
    assert "no-store" in page.get("Cache-Control", "")


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/", "//evil.example/", "/\\evil.example", "https:evil.example", "///evil.example",
        "javascript:alert(1)", "\thttps://evil.example", "http://testserver@evil.example/", "/\t/evil.example",
    ],
)  # fmt: skip
def test_signing_in_never_leads_off_the_site(client, target):
    url = reverse("accounts:sign_in")
    person = {"identity": "person", "identifier": "xiaofang", "password": PASSWORD, "next": target}
    page = client.get(url, {"next": target})
    assert "evil" not in page.content.decode()
    assert "alert(1)" not in page.content.decode()
    in_dialog = Client().post(url, person, headers={"hx-request": "true"})
    assert in_dialog["HX-Redirect"] == reverse("portal:my_information")
    assert client.post(url, person).url == reverse("portal:my_information")
    assert client.get(url, {"next": target}).url == reverse("portal:my_information")
    staff = {"username": "admin", "password": PASSWORD, "next": target}
    assert Client().post(f"{reverse('admin:login')}?{urlencode({'next': target})}", staff).url == "/my/"


@pytest.mark.parametrize("target", ["abc", "home", "my/", "portal:home", "", "./my/"])
def test_signing_in_leads_home_where_next_is_no_address_from_the_root(client, target):
    person = {"identity": "person", "identifier": "xiaofang", "password": PASSWORD, "next": target}
    assert client.post(reverse("accounts:sign_in"), person).url == reverse("portal:my_information")
    assert client.get(reverse("accounts:sign_in"), {"next": target}).url == reverse("portal:my_information")


def test_signing_in_leads_on_to_the_page_asked_for(client):
    asked = client.get(reverse("conversion:grid"))
    person = {"identity": "person", "identifier": "xiaofang", "password": PASSWORD}
    assert client.post(asked.url, person).url == reverse("conversion:grid")


# PostgreSQL away ---------------------------------------------------------------------------------------------


def in_a_thread(work):
    """Run `work` beside this test's transaction, on a database connection of its own, and return its result."""
    results = []

    def run():
        try:
            results.append(work())
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return results[0]


def without_database(ask):
    """What the portal answers to `ask(client)` while PostgreSQL refuses every connection."""

    def work():
        own = connections["default"]
        own.settings_dict = own.settings_dict | {"HOST": "127.0.0.1", "PORT": "1", "OPTIONS": {}}
        client = Client(raise_request_exception=False)
        client.cookies["sessionid"] = "a" * 32
        return ask(client)

    return in_a_thread(work)


def assert_plain_503(response):
    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    page = response.content.decode()
    assert "暂时不能提供服务" in page
    assert "<script" not in page
    assert_strict(response["Content-Security-Policy"])


ASKED = {
    "home": lambda client: client.get("/"),
    "page that needs nothing but the session": lambda client: client.get("/accounts/activate/unmatched/"),
    "own page": lambda client: client.get("/my/"),
    "admin": lambda client: client.get("/admin/"),
    "unknown page (the session fails in the 404 page)": lambda client: client.get("/nowhere/"),
    "sign-in": lambda client: client.post("/accounts/sign-in/", {"identifier": "a", "password": "b"}),
    "captcha": lambda client: client.get("/captcha/refresh/", headers={"x-requested-with": "XMLHttpRequest"}),
    "verification": lambda client: client.get("/verify/", {"number": "GD1"}),
}


@pytest.mark.parametrize("name", ASKED)
def test_without_a_database_there_is_a_plain_page(name):
    assert_plain_503(without_database(ASKED[name]))


def test_a_database_that_goes_away_within_a_session_gives_the_plain_page_once():
    def work():
        client = Client(raise_request_exception=False)
        before = client.get("/rules/")
        with connections["default"].cursor() as cursor, pytest.raises(OperationalError):
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        during = client.get("/rules/")
        connections["default"].close_if_unusable_or_obsolete()  # what the next request of a server begins with
        return before, during, client.get("/rules/")

    before, during, after = in_a_thread(work)
    assert before.status_code == 200
    assert_plain_503(during)
    assert after.status_code == 200


def test_a_failure_that_is_not_the_database_stays_a_500(client, monkeypatch):
    client.raise_request_exception = False
    monkeypatch.setattr("portal.views.Article", None)
    answer = client.get("/columns/news/")
    assert answer.status_code == 500
    assert "Retry-After" not in answer
    assert_strict(answer["Content-Security-Policy"])


def test_upload_beyond_every_form_is_refused_unread():
    """By its announced length: there is no body to read here."""
    answer = Client().post("/achievements/add/", CONTENT_LENGTH=str(200 << 20), headers={"Host": "localhost"})
    assert answer.status_code == 413
    assert "上传的内容太大" in answer.content.decode()
