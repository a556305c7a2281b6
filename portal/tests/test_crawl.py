"""Every link that somebody can follow leads to a page, and following links changes nothing."""

import pytest
from django.apps import apps
from django.db import connection

from accounts.models import User
from portal.tests.crawler import Crawler

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_site")]

ROLES = ["", "xiaofang", "xiaoxin", "jigou", "chushen1", "zhongshen1", "guanli1", "admin"]
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


def has_own_page(view):
    return not view.startswith(("admin:", "captcha", "/"))


@pytest.mark.parametrize("username", ROLES, ids=lambda username: username or "visitor")
def test_every_link_leads_to_a_page_and_changes_nothing(username):
    crawler = crawler_of(username)
    before = digests()
    crawler.crawl()
    assert crawler.faults == []
    assert not crawler.waiting, "more pages than the crawl may read"
    assert {table for table, digest in digests().items() if digest != before[table]} == set()


def test_a_visitor_reaches_every_public_page():
    reached = set(crawler_of("").crawl().pages())
    assert {
        "portal:home", "portal:column", "portal:article", "portal:questions", "achievements:framework",
        "achievements:standards", "conversion:rules", "conversion:rule_detail", "conversion:verify",
        "accounts:sign_in", "accounts:register", "accounts:register_institution", "accounts:activate",
        "accounts:password_reset",
    } <= reached  # fmt: skip


def test_a_learner_reaches_every_own_page():
    reached = set(crawler_of("xiaofang").crawl().pages())
    assert {
        "portal:my_information", "portal:inbox", "portal:inbox_message", "achievements:add", "achievements:choose",
        "achievements:detail", "conversion:grid", "conversion:apply", "conversion:progress", "conversion:application",
        "conversion:certificates", "conversion:recognition", "conversion:performance", "accounts:password_change",
    } <= reached  # fmt: skip


def test_the_superuser_reaches_every_list_of_the_admin():
    reached = set(crawler_of("admin").crawl().pages())
    models = [model._meta for model in apps.get_models()]
    lists = {f"admin:{meta.app_label}_{meta.model_name}_changelist" for meta in models}
    registered = {name for name in lists if name in reached}
    assert len(registered) > 15
    assert "admin:conversion_application_review" in reached
