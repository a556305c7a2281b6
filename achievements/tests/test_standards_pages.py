"""The public pages of 标准体系, and the public search pages."""

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from accounts.tests.factories import InstitutionFactory, UserFactory
from achievements.models import CatalogueAlias, FrameworkLevel, FrameworkVersion, IndustryStandard
from achievements.services.standards import put_in_force
from achievements.templatetags.search_marks import spans
from achievements.tests.factories import AchievementFactory, EntryFactory
from portal.management.commands.load_reference import load_groups

pytestmark = pytest.mark.django_db

FRAMEWORK = reverse("achievements:framework")
STANDARDS = reverse("achievements:standards")
CATALOGUE = reverse("achievements:catalogue")
ADD_VERSION = reverse("admin:achievements_frameworkversion_add")


def version(name, levels=range(1, 8), **fields):
    made = FrameworkVersion.objects.create(name=name, source=f"{name}的来源", **fields)
    FrameworkLevel.objects.bulk_create(
        FrameworkLevel(
            version=made, level=n, knowledge=f"{name}知识{n}", skills=f"{name}技能{n}", competence=f"{name}能力{n}"
        )
        for n in levels
    )
    return made


@pytest.fixture
def standards():
    rows = [
        ("物流", "仓管员", 3, "仓储(三级)要求"),
        ("物流", "配送员", 2, "配送要求"),
        ("养老", "护理员", 3, "ＣＡＲＥ护理"),
    ]
    return IndustryStandard.objects.bulk_create(
        IndustryStandard(
            industry=industry, occupation=occupation, level=level, title=title, code="示例", source="示例"
        )
        for industry, occupation, level, title in rows
    )


def page_of(client, url, **query):
    response = client.get(url, query)
    assert response.status_code == 200
    return response.content.decode()


# Framework -------------------------------------------------------------------------------------------------


def test_visitor_reads_seven_levels_their_source_and_the_mark(client):
    version("现行版", is_current=True)
    page = page_of(client, FRAMEWORK)
    for words in ["现行版的来源", "不是标准原文", *[f"现行版能力{n}" for n in range(1, 8)], 'id="level-7"']:
        assert words in page, words


def test_official_wording_has_no_mark(client):
    version("现行版", is_current=True, is_official=True)
    assert "不是标准原文" not in page_of(client, FRAMEWORK)


def test_visitor_reads_an_older_version_and_is_told_so(client):
    older = version("旧版")
    version("现行版", is_current=True)
    assert f"/framework/{older.pk}/" in page_of(client, FRAMEWORK)
    page = page_of(client, reverse("achievements:framework_version", args=[older.pk]))
    assert "这是旧版" in page
    assert "旧版知识3" in page
    assert "现行版知识3" not in page
    assert client.get(reverse("achievements:framework_version", args=[older.pk + 99])).status_code == 404


def test_visitor_compares_two_levels(client):
    version("现行版", is_current=True)
    compared = client.get(FRAMEWORK, {"first": 3, "second": 5}).context["compared"]
    assert [level.level for level in compared] == [3, 5]


@pytest.mark.parametrize(
    "query", [{"first": 3, "second": 3}, {"first": 9, "second": 3}, {"first": "x"}, {"second": ""}]
)
def test_two_levels_that_cant_be_compared_are_told(client, query):
    version("现行版", is_current=True)
    response = client.get(FRAMEWORK, query)
    assert response.context["compared"] == []
    assert "invalid-feedback" in response.content.decode()


def test_no_framework_and_one_without_levels_are_pages_too(client):
    assert "没有找到匹配的记录" in page_of(client, FRAMEWORK)
    version("现行版", levels=[], is_current=True)
    assert "没有找到匹配的记录" in page_of(client, FRAMEWORK, first=1, second=2)


def test_entry_and_achievement_lead_to_their_level(client):
    entry = EntryFactory(framework_level=4)
    link = f'href="{FRAMEWORK}#level-4"'
    assert link in page_of(client, CATALOGUE)
    assert link in page_of(client, entry.get_absolute_url())
    one = AchievementFactory(entry=entry)
    client.force_login(UserFactory(learner=one.learner))
    assert link in page_of(client, one.get_absolute_url())


# Industry standards ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, [0, 1, 2]),
        ({"q": "物流 要求"}, [0, 1]),
        ({"q": "care"}, [2]),
        ({"q": "员 三级"}, [0]),
        ({"industry": "物流", "level": 3}, [0]),
        ({"occupation": "护理"}, [2]),
        ({"q": "%"}, []),
        ({"level": 9}, []),
        ({"q": "a b c d e f g h i"}, []),
    ],
)
def test_visitor_finds_standards(client, standards, query, found):
    page_obj = client.get(STANDARDS, query).context["page_obj"]
    assert {standard.pk for standard in page_obj} == {standards[n].pk for n in found}


def test_visitor_sees_why_and_how_to_go_on(client, standards):
    assert "养老" in page_of(client, STANDARDS)
    assert "<mark>护理</mark>" in page_of(client, STANDARDS, q="护理")
    assert "查看全部行业标准" in page_of(client, STANDARDS, q="没有这个")
    assert "最多输入 8 个词" in page_of(client, STANDARDS, q="a b c d e f g h i")


# Catalogue -------------------------------------------------------------------------------------------------


def test_visitor_sees_why_an_entry_was_found(client):
    entry = EntryFactory(name="<b>ＨＣＩＡ云</b>", institution=InstitutionFactory(name="示例学院"))
    CatalogueAlias.objects.create(entry=entry, name="老名字", kind="former")
    page = page_of(client, CATALOGUE, q="hcia 示例")
    assert "&lt;b&gt;<mark>ＨＣＩＡ</mark>云" in page
    assert "<mark>示例</mark>学院" in page
    assert "老名字" not in page
    assert "曾用名:<span><mark>老名</mark>字</span>" in page_of(client, CATALOGUE, q="老名")


def test_visitor_is_told_of_too_many_hits_and_words(client, monkeypatch):
    monkeypatch.setattr("achievements.search.EXACT", 12)
    for number in range(14):
        EntryFactory(name=f"同名{number}")
    page = page_of(client, CATALOGUE, q="同名", page=2)
    assert "超过 12 条" in page
    assert "显示第 11 到第 12 条记录,总共超过 12 条" in page
    assert "关键词:最多输入 8 个词" in page_of(client, CATALOGUE, q="a b c d e f g h i")
    assert "没有找到" in page_of(client, CATALOGUE, q="别的")


def test_marks_cover_what_was_asked_for():
    assert spans("云计算与云计", ["云计", "计算"]) == [(0, 3), (4, 6)]
    assert spans("ＡＢc", ["bc"]) == [(1, 3)]
    assert spans("㎡e\u0301", ["m2"]) == [(0, 1)]
    assert spans("云", ["计"]) == []


# The admin -------------------------------------------------------------------------------------------------


def version_form(levels=range(1, 8), **fields):
    rows = [{"level": n, "knowledge": "知", "skills": "技", "competence": "能"} for n in levels]
    data = {"name": "新版", "source": "某标准", "levels-TOTAL_FORMS": len(rows), "levels-INITIAL_FORMS": 0} | fields
    return data | {f"levels-{place}-{name}": value for place, row in enumerate(rows) for name, value in row.items()}


@pytest.fixture
def operator_client(client):
    load_groups()
    operator = UserFactory(learner=None, is_staff=True)
    operator.groups.add(Group.objects.get(name="运营管理员"))
    client.force_login(operator)
    return client


def test_a_version_that_comes_into_force_takes_the_place_of_the_other(operator_client):
    old = version("旧版", is_current=True)
    assert 'name="levels-6-level"' in operator_client.get(ADD_VERSION).content.decode()
    assert operator_client.post(ADD_VERSION, version_form(is_current="on")).status_code == 302
    assert FrameworkVersion.objects.get(is_current=True).name == "新版"
    old.refresh_from_db()
    assert not old.is_current


def test_there_is_always_a_whole_version_in_force(operator_client):
    current = version("现行版", levels=[], is_current=True)
    url = reverse("admin:achievements_frameworkversion_change", args=[current.pk])
    assert "总要有一个现行版本" in operator_client.post(url, version_form()).content.decode()
    page = operator_client.post(ADD_VERSION, version_form(levels=range(1, 7), is_current="on"))
    assert "要写全1到7级" in page.content.decode()
    page = operator_client.post(ADD_VERSION, version_form(levels=[8]))
    assert page.context["errors"]
    assert FrameworkVersion.objects.get() == current
    assert operator_client.post(ADD_VERSION, version_form(levels=[1])).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_two_versions_put_in_force_at_once_leave_one(in_parallel):
    version("旧版", is_current=True)
    new = [version("甲"), version("乙")]
    answers = in_parallel(lambda: [put_in_force(version=one) for one in new], times=4)
    assert answers == [[None, None]] * 4
    assert FrameworkVersion.objects.filter(is_current=True).count() == 1
