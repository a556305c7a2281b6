"""我的信息, 收件箱, articles and 在线解答: owner, stranger, visitor; lists of any length in as many queries."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.tests.factories import InstitutionFactory, InstitutionUserFactory, UserFactory
from achievements.models import CatalogueEntry
from achievements.tests.factories import AchievementFactory, EntryFactory
from conversion.models import Application, ApplicationSource, ReasonCode
from messaging.services import send_inbox_message
from portal import figures
from portal.models import Article, Column, Question
from portal.summary import my_achievements

pytestmark = pytest.mark.django_db

MY = reverse("portal:my_information")
INBOX = reverse("portal:inbox")
QUESTIONS = reverse("portal:questions")


@pytest.fixture
def owner():
    return UserFactory()


@pytest.fixture
def owner_client(client, owner):
    client.force_login(owner)
    return client


def queries_of(client, url):
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def message_to(user, subject="审核结果", link=""):
    return send_inbox_message(recipient=user, subject=subject, body="终审通过。", link=link)


def recognition(achievement, by, status, token):
    """A case in a state; a withdrawn one has no reviewers."""
    first, final = UserFactory.create_batch(2, learner=None) if status != "withdrawn" else (None, None)
    reason = ReasonCode.objects.get_or_create(code="other", defaults={"text": "其他"})[0]
    case = Application.objects.create(
        kind="recognition",
        learner=achievement.learner,
        submitted_by=by,
        submission_token=token,
        status=status,
        first_reviewer=first,
        final_reviewer=final,
        refusal_reason=reason,
        snapshot={"sources": [{"name": achievement.name}]},
    )
    ApplicationSource.objects.create(
        application=case, application_status=status, kind="recognition", achievement=achievement
    )


# 我的信息 ---------------------------------------------------------------------------------------------------


def test_visitor_is_asked_to_sign_in(client):
    for url in [MY, INBOX, reverse("portal:inbox_message", args=[1])]:
        response = client.get(url)
        assert response.status_code == 302
        assert response.url.startswith(reverse("accounts:sign_in"))


def test_an_institution_account_has_no_achievements_page(client):
    client.force_login(InstitutionUserFactory())
    assert client.get(MY).url == reverse("portal:home")


def test_learner_sees_own_achievements_newest_first(owner_client, owner):
    older = AchievementFactory(learner=owner.learner, obtained_on="2019-01-01")
    newer = AchievementFactory(learner=owner.learner, obtained_on="2021-01-01", body_name="")
    other = AchievementFactory()
    response = owner_client.get(MY)
    assert [row.pk for row in response.context["page_obj"]] == [newer.pk, older.pk]
    assert other.name not in response.content.decode()


@pytest.mark.parametrize(("asked", "shown"), [("1", 1), ("2", 2), ("9", 2), ("99999999999999999999", 2), ("x", 1)])
def test_learner_gets_the_nearest_page(owner_client, owner, asked, shown):
    AchievementFactory.create_batch(11, learner=owner.learner)
    page_obj = owner_client.get(MY, {"page": asked}).context["page_obj"]
    assert (page_obj.number, len(list(page_obj)), page_obj.paginator.count) == (shown, {1: 10, 2: 1}[shown], 11)


def test_basic_information_is_sent_only_when_asked_for(owner_client, owner):
    assert owner.learner.masked_document not in owner_client.get(MY).content.decode()


def test_learner_sees_the_document_number_masked(owner_client, owner):
    page = owner_client.get(MY, {"basic": 1}).content.decode()
    assert owner.learner.masked_document in page
    assert owner.learner.document_number not in page
    assert owner.phone.removeprefix("+86") not in page


def test_learner_without_achievements_is_led_to_the_first(owner_client):
    page = owner_client.get(MY).content.decode()
    assert "还没有学习成果" in page
    assert page.count(reverse("achievements:add")) > owner_client.get(INBOX).content.decode().count(
        "achievements/add/"
    )


def test_learner_finds_certificates_and_statement_beside_the_achievements(owner_client):
    page = owner_client.get(MY).content.decode()
    for name in ["portal:timeline", "conversion:certificates", "conversion:statement"]:
        assert f'href="{reverse(name)}"' in page


def test_learner_is_led_from_what_is_not_recognised_to_its_recognition(owner_client, owner):
    achievement = AchievementFactory(learner=owner.learner)
    AchievementFactory(learner=owner.learner, entry=EntryFactory())
    page = owner_client.get(MY).content.decode()
    assert f'aria-label="申请认定:{achievement.name}"' in page
    assert page.count("申请认定:") == 1
    recognition(achievement, owner, "rejected", token="00000000-0000-4000-8000-000000000001")
    page = owner_client.get(MY).content.decode()
    assert f'aria-label="查看原因:{achievement.name}"' in page
    assert "申请认定:" not in page


def test_the_menu_says_whose_it_is(owner_client):
    for user, name in [(UserFactory(), "学习者菜单"), (InstitutionUserFactory(), "机构菜单")]:
        owner_client.force_login(user)
        page = owner_client.get(reverse("achievements:framework")).content.decode()
        assert [found for found in ["学习者菜单", "机构菜单"] if found in page] == [name]


@pytest.mark.parametrize(
    "name",
    ["portal:home", "achievements:catalogue", "achievements:framework", "achievements:standards", "conversion:rules"],
)
def test_link_checkers_may_ask_for_the_head_of_public_pages(client, name):
    assert client.head(reverse(name)).status_code == 200


@pytest.mark.parametrize("name", ["accounts:institution_home", "accounts:roster_upload", "achievements:own_entry_add"])
def test_the_menu_marks_one_place(client, name):
    client.force_login(InstitutionUserFactory())
    menu = client.get(reverse(name)).content.decode().partition("side-menu-desktop")[2].partition("</nav>")[0]
    assert menu.count('aria-current="page"') == 1


def test_visitor_finds_rules_and_catalogue_from_the_home_page(client):
    page = client.get(reverse("portal:home")).content.decode()
    for name in ["conversion:rules", "conversion:what_if", "conversion:courses", "achievements:catalogue"]:
        assert f'href="{reverse(name)}"' in page


def test_counters_add_up_over_every_status(owner):
    achievements = AchievementFactory.create_batch(5, learner=owner.learner)
    AchievementFactory(learner=owner.learner, entry=EntryFactory())
    for achievement, status in zip(achievements, ["submitted", "approved", "rejected", "withdrawn"], strict=False):
        recognition(achievement, owner, status, token=f"00000000-0000-4000-8000-{achievement.pk:012d}")
    counters = [number for _label, number in my_achievements(owner.learner_id)[0]]
    assert counters == [6, 2, 1, 2, 1]
    assert counters[0] == sum(counters[1:])


def test_longer_lists_take_no_more_queries(owner_client, owner):
    def fill(count):
        AchievementFactory.create_batch(count, learner=owner.learner)
        for number in range(count):
            message_to(owner, subject=f"结果{number}")
            Question.objects.create(text="怎样激活?", answer="请看指南。", is_published=True)
            Question.objects.create(text="怎样转换?", asked_by=owner)
            Article.objects.create(column=Column.NEWS, title="资讯", body="正文", published_at=timezone.now())

    urls = [MY, INBOX, QUESTIONS, reverse("portal:column", args=["news"]), reverse("portal:home")]
    fill(3)
    few = {url: queries_of(owner_client, url) for url in urls}
    fill(27)
    assert {url: queries_of(owner_client, url) for url in urls} == few


def test_home_page_counts_some_rows_and_estimates_many(client, monkeypatch):
    def shown():
        return str(client.get(reverse("portal:home")).context["figures"][0]["value"])

    EntryFactory.create_batch(12)
    assert shown() == "12"
    monkeypatch.setattr(figures, "EXACT", 12)
    assert shown() == "12"
    EntryFactory.create_batch(3)
    monkeypatch.setattr(figures, "planned", lambda _rows: 2)  # statistics that lag behind
    assert shown() == "约 12"
    monkeypatch.setattr(figures, "planned", lambda _rows: 987_654)
    assert shown() == "约 990000"


def test_the_planner_is_asked_without_reading_the_rows(django_assert_num_queries):
    EntryFactory.create_batch(40)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE achievements_catalogueentry")
    with django_assert_num_queries(1) as asked:
        assert 20 <= figures.planned(CatalogueEntry.objects.all()) <= 80
    assert asked[0]["sql"].startswith("EXPLAIN (")


# 收件箱 ----------------------------------------------------------------------------------------------------


def test_reading_changes_nothing_until_the_owner_says_so(owner_client, owner):
    message = message_to(owner, link=MY)
    url = reverse("portal:inbox_message", args=[message.pk])
    assert "终审通过。" in owner_client.get(url).content.decode()
    message.refresh_from_db()
    assert message.read_at is None
    assert owner_client.post(url).url == MY
    message.refresh_from_db()
    assert message.read_at is not None


def test_stranger_finds_no_message_of_others(owner_client):
    url = reverse("portal:inbox_message", args=[message_to(UserFactory()).pk])
    assert owner_client.get(url).status_code == 404
    assert owner_client.post(url).status_code == 404


def test_inbox_shows_which_messages_are_unread(owner_client, owner):
    message_to(owner, subject="第一封")
    read = message_to(owner, subject="第二封")
    owner_client.post(reverse("portal:inbox_message", args=[read.pk]))
    page = owner_client.get(INBOX).content.decode()
    assert page.count("status-warning") == 1


# Articles --------------------------------------------------------------------------------------------------


def test_visitor_reads_published_articles_only(client):
    now = timezone.now()
    shown = Article.objects.create(column=Column.GUIDES, title="激活指南", body="**步骤**", published_at=now)
    for when in [None, now + timedelta(days=1)]:
        hidden = Article.objects.create(column=Column.GUIDES, title="草稿", body="正文", published_at=when)
        assert client.get(hidden.get_absolute_url()).status_code == 404
    page = client.get(reverse("portal:column", args=["guides"])).content.decode()
    assert "激活指南" in page
    assert "草稿" not in page
    assert "<strong>步骤</strong>" in client.get(shown.get_absolute_url()).content.decode()


def test_an_article_cannot_carry_a_script(client):
    body = "<script>alert(1)</script>[坏链接](javascript:alert(1))"
    article = Article.objects.create(column=Column.NEWS, title="资讯", body=body, published_at=timezone.now())
    page = client.get(article.get_absolute_url()).content.decode()
    assert "<script>alert" not in page
    assert 'href="javascript:' not in page


def test_an_unknown_column_is_not_found(client):
    assert client.get(reverse("portal:column", args=["nothing"])).status_code == 404


# 在线解答 ---------------------------------------------------------------------------------------------------


def test_visitor_reads_published_answers_and_cannot_ask(client):
    Question.objects.create(text="怎样激活?", answer="请看指南。", is_published=True)
    Question.objects.create(text="私人问题", answer="私人解答")
    page = client.get(QUESTIONS).content.decode()
    assert "请看指南。" in page
    assert "私人" not in page
    client.post(QUESTIONS, {"text": "匿名提问"})
    assert not Question.objects.filter(text="匿名提问").exists()


def test_learner_asks_and_sees_only_own_questions(owner_client, owner):
    Question.objects.create(asked_by=UserFactory(), text="别人的提问")
    owner_client.post(QUESTIONS, {"text": "我的问题"})
    page = owner_client.get(QUESTIONS).content.decode()
    assert "我的问题" in page
    assert "等待解答" in page
    assert "别人的提问" not in page


# Articles and questions in the admin -----------------------------------------------------------------------


@pytest.fixture
def operator_client(client):
    client.force_login(UserFactory(learner=None, username="operator", is_staff=True, is_superuser=True))
    return client


def test_operator_is_led_from_an_article_to_its_page_once_it_has_one(operator_client):
    now = timezone.now()
    for when, is_shown in [(now, True), (None, False), (now + timedelta(days=1), False)]:
        article = Article.objects.create(column=Column.NEWS, title="资讯", body="正文", published_at=when)
        page = operator_client.get(reverse("admin:portal_article_change", args=[article.pk])).content.decode()
        assert ("在站点上查看" in page) == is_shown


def test_operator_is_not_led_to_a_page_that_only_a_learner_has(operator_client):
    achievement = AchievementFactory()
    page = operator_client.get(reverse("admin:achievements_achievement_change", args=[achievement.pk]))
    assert achievement.name in page.content.decode()
    assert "在站点上查看" not in page.content.decode()


@pytest.mark.ignore_template_errors
def test_operator_publishes_no_question_without_its_answer(operator_client, owner):
    question = Question.objects.create(asked_by=owner, text="怎样激活?")
    url = reverse("admin:portal_question_change", args=[question.pk])
    refused = operator_client.post(url, {"answer": " ", "is_published": "on"})
    assert refused.context["adminform"].form.errors == {"answer": ["公开为常见问题之前,请填写解答。"]}
    assert operator_client.post(url, {"answer": "请看指南。", "is_published": "on"}).status_code == 302
    assert "请看指南。" in operator_client.get(QUESTIONS).content.decode()
    assert owner.inbox_messages.get().body == "请看指南。"


@pytest.mark.ignore_template_errors
def test_operator_finds_what_waits_on_the_first_page(operator_client, client, owner):
    question = Question.objects.create(asked_by=owner, text="怎样激活?")
    InstitutionFactory(status="pending", bank_code=None)
    page = operator_client.get(reverse("admin:index")).content.decode()
    assert "待解答的提问 1 条" in page
    assert "待审核的机构 1 个" in page
    for name, query in [
        ("portal_question", "answered_at__isempty=1"),
        ("accounts_institution", "status__exact=pending"),
    ]:
        url = f"{reverse(f'admin:{name}_changelist')}?{query}"
        assert f'href="{url}"' in page
        assert operator_client.get(url).context["cl"].result_count == 1
    operator_client.post(reverse("admin:portal_question_change", args=[question.pk]), {"answer": "请看指南。"})
    page = operator_client.get(reverse("admin:index")).content.decode()
    assert "待解答的提问" not in page
    client.force_login(UserFactory(learner=None, is_staff=True))
    assert "待审核的机构" not in client.get(reverse("admin:index")).content.decode()
