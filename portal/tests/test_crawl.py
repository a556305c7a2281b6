"""Every link that somebody can follow leads to a page, and following links changes nothing."""

import pytest
from django.db import connection

from accounts.models import User
from portal.tests.crawler import Crawler

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("demo_site"),
    pytest.mark.ignore_template_errors,  # the stock admin's templates name variables that aren't there
]

STARTS = {"chushen1": ["/admin/"], "zhongshen1": ["/admin/"], "guanli1": ["/", "/admin/"], "admin": ["/", "/admin/"]}
# Sessions, pictures of captchas and counters of limits may come and go.
VOLATILE = {"django_session", "captcha_captchastore", "accounts_ratelimit"}


def user_of(username):
    return User.objects.get(username=username) if username else None


def crawler_of(username):
    return Crawler(user_of(username), STARTS.get(username, ["/"]))


def digests():
    """{table: digest of all its rows} of what no GET may touch."""
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor)) - VOLATILE
        return {table: _digest(cursor, table) for table in tables}


def _digest(cursor, table):
    name = connection.ops.quote_name(table)
    cursor.execute(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {name} t")  # noqa: S608
    return cursor.fetchone()[0]


PUBLIC = {
    "portal:home", "portal:column", "portal:article", "portal:questions", "achievements:framework",
    "achievements:standards", "achievements:catalogue", "achievements:catalogue_entry", "conversion:rules",
    "conversion:rule_detail", "conversion:verify",
}  # fmt: skip
OWN = {
    "portal:my_information", "portal:inbox", "achievements:add", "achievements:choose", "conversion:grid",
    "conversion:recognition", "conversion:performance", "accounts:password_change",
}  # fmt: skip
CASES = {
    "portal:inbox_message", "achievements:detail", "conversion:apply", "conversion:progress", "conversion:application",
    "conversion:certificates",
}  # fmt: skip
ACCOUNTS = {
    "accounts:sign_in", "accounts:register", "accounts:register_institution", "accounts:activate",
    "accounts:password_reset",
}  # fmt: skip
MUST_REACH = {
    "": PUBLIC | ACCOUNTS,
    "xiaofang": PUBLIC | OWN | CASES,
    "xiaoxin": PUBLIC | OWN,
    "jigou": PUBLIC | {"accounts:institution_home", "portal:inbox"},
    "chushen1": {"admin:conversion_application_review"},
    "zhongshen1": {"admin:conversion_application_review"},
    "guanli1": {"admin:accounts_institution_changelist", "admin:portal_question_change"},
    "admin": {"admin:conversion_application_review"},
}


@pytest.mark.parametrize("username", MUST_REACH, ids=lambda username: username or "visitor")
def test_every_link_leads_to_a_page_and_changes_nothing(username):
    crawler = crawler_of(username)
    before = digests()
    crawler.crawl()
    print("COUNT", username, len(crawler.visits), *crawler.faults, sep="\n")
    assert crawler.faults == []
    assert not crawler.waiting, "more pages than the crawl may read"
    assert MUST_REACH[username] - set(crawler.pages()) == set()
    assert {table for table, digest in digests().items() if digest != before[table]} == set()
