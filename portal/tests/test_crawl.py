"""Every link that somebody can follow leads to a page, and following links changes nothing (promises: Web)."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_site")]

PUBLIC = {
    "portal:home", "portal:column", "portal:article", "portal:questions", "achievements:framework",
    "achievements:standards", "achievements:catalogue", "achievements:catalogue_entry", "conversion:rules",
    "conversion:rule_detail", "conversion:verify", "conversion:what_if", "conversion:courses",
    "conversion:course_rules", "conversion:public_keys", "achievements:framework_version",
}  # fmt: skip
OWN = {
    "portal:my_information", "portal:inbox", "achievements:add", "achievements:choose", "conversion:grid",
    "conversion:recognition", "conversion:performance", "accounts:password_change", "accounts:profile",
    "accounts:phone_change", "accounts:data_access", "accounts:sessions", "portal:timeline", "conversion:statement",
}  # fmt: skip
CASES = {
    "portal:inbox_message", "achievements:detail", "conversion:apply", "conversion:progress", "conversion:application",
    "conversion:certificates", "conversion:certificate_shares", "achievements:edit", "conversion:recognition_apply",
    "conversion:performance_apply",
}  # fmt: skip
INSTITUTION = {
    "accounts:institution_home", "accounts:roster_upload", "achievements:imports", "achievements:own_entries",
    "achievements:own_entry", "achievements:own_entry_add", "achievements:own_entry_edit",
    "achievements:catalogue_import_upload", "portal:inbox",
}  # fmt: skip
ACCOUNTS = {
    "accounts:sign_in", "accounts:register", "accounts:register_institution", "accounts:activate",
    "accounts:password_reset",
}  # fmt: skip
MUST_REACH = {
    "": PUBLIC | ACCOUNTS,
    "xiaofang": PUBLIC | OWN | CASES,
    "xiaoxin": PUBLIC | OWN,
    "jigou": PUBLIC | INSTITUTION,
    "chushen1": {"admin:conversion_application_review"},
    "zhongshen1": {"admin:conversion_application_review"},
    "guanli1": {"admin:accounts_institution_changelist", "admin:portal_question_change"},
    "guize1": {"admin:conversion_programme_copy", "admin:conversion_rule_import_upload"},
    "admin": {"admin:conversion_application_review"},
}
# The stock admin's templates name variables that aren't there.
ADMIN = pytest.mark.ignore_template_errors
LEARNERS_SIDE = ["", "xiaofang", "xiaoxin", "jigou"]
# Who reaches the most pages of the admin, or the same ones as somebody else.
LONG = {name: [pytest.mark.long] for name in ("admin", "guanli1", "guize1")}
ROLES = [
    pytest.param(name, id=name or "visitor", marks=[] if name in LEARNERS_SIDE else [ADMIN, *LONG.get(name, [])])
    for name in MUST_REACH
]
EVERYBODYS = ("/static/", "/captcha/", "/admin/jsi18n/", "/favicon.ico")

each_role = pytest.mark.parametrize("username", ROLES)


@each_role
def test_every_link_leads_to_a_page(sites, username):
    crawler = sites[username]
    assert crawler.faults == []
    assert not crawler.waiting, "more pages than the crawl may read"
    assert MUST_REACH[username] - set(crawler.pages()) == set()


@each_role
def test_following_links_changes_nothing(sites, username):
    assert sites[username].changed == set()


@each_role
def test_every_answer_forbids_frames_sniffing_and_inline_scripts(sites, username):
    for visit in sites[username].visits:
        assert visit.headers["X-Content-Type-Options"] == "nosniff", visit.url
        if visit.reader:
            assert_strict(visit.headers["Content-Security-Policy"])


@pytest.mark.parametrize("username", ROLES[1:])
def test_nothing_shown_to_a_person_is_stored(sites, username):
    for visit in sites[username].visits:
        if not visit.url.startswith(EVERYBODYS):
            assert "no-store" in visit.headers.get("Cache-Control", ""), visit.url


@each_role
def test_every_post_needs_the_token_of_its_form(sites, username):
    addresses = {address for address, _names in sites[username].post_forms()} | {reverse("accounts:sign_out")}
    addresses |= {visit.url for visit in sites[username].pages().values()}
    client = Client(enforce_csrf_checks=True)
    if username:
        client.force_login(User.objects.get(username=username))
    answers = {address: client.post(address, {"a": "b"}).status_code for address in addresses}
    assert set(answers.values()) == {403}, answers


def test_a_post_with_the_token_is_taken():
    client = Client(enforce_csrf_checks=True)
    url = reverse("accounts:sign_in")
    token = client.get(url).context["csrf_token"]
    assert client.post(url, {"csrfmiddlewaretoken": str(token)}).status_code == 200


@pytest.mark.parametrize(("url", "status"), [("/nowhere/", 404), ("/%00", 400), ("/my/", 302), ("/dev/sms/", 200)])
def test_answers_beside_the_pages_have_the_same_policy(client, url, status):
    answer = client.get(url)
    assert answer.status_code == status
    assert_strict(answer["Content-Security-Policy"])


def assert_strict(policy):
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'self'"
    assert rules["frame-ancestors"] == "'none'"
    assert rules["object-src"] == "'none'"
    assert "unsafe" not in policy
    assert "*" not in policy
