"""规则查询 for everyone: by certificates and by course."""

import datetime as dt

import pytest
from django.urls import reverse

from achievements.models import Achievement, LevelFamily
from conversion import rules, slots, what_if
from conversion.models import Application, ConversionCap
from conversion.tests.scene import Scene, make_achievement, make_entry, make_institution, make_version

WHAT_IF = reverse("conversion:what_if")
COURSES = reverse("conversion:courses")


@pytest.fixture
def scene(db):
    return Scene()


def text_of(response):
    return " ".join(response.content.decode().split())


def outlooks(response):
    return {prospect.version.pk: str(prospect.outlook) for prospect in response.context["page_obj"]}


def test_visitor_sees_match_missing_and_impossible(client, scene):
    other = make_entry("网络系统建设与运维")
    both = make_version(scene.college, [(1, [{"entry": scene.entry}]), (1, [{"entry": other}])])
    hard = make_version(scene.college, [(1, [{"entry": scene.entry, "min_score": 60}])])
    page = client.get(WHAT_IF, {"entry": scene.entry.pk})
    assert outlooks(page) == {scene.version.pk: "match", both.pk: "missing", hard.pk: "impossible"}
    assert "还需要: 网络系统建设与运维" in text_of(page)
    assert "找到 3 条规则,其中 2 条这些证书能用上。" in text_of(page)
    with_all = client.get(WHAT_IF, {"entry": [scene.entry.pk, other.pk], f"score_{scene.entry.pk}": "61"})
    assert set(outlooks(with_all).values()) == {"match"}


def test_visitor_hides_what_is_impossible_and_looks_for_an_institution(client, scene):
    hard = make_version(scene.college, [(1, [{"entry": scene.entry, "min_score": 60}])])
    elsewhere = make_version(make_institution(name="另一所学院"), [(1, [{"entry": scene.entry}])])
    asked = {"entry": scene.entry.pk}
    assert hard.pk not in outlooks(client.get(WHAT_IF, asked | {"open": "1"}))
    assert list(outlooks(client.get(WHAT_IF, asked | {"q": "另一所学院"}))) == [elsewhere.pk]


def test_visitor_is_told_plainly_that_there_is_nothing(client, scene):
    unused = make_entry("没有规则的证书")
    page = text_of(client.get(WHAT_IF, {"entry": unused.pk}))
    assert "目前没有院校的规则用到这些证书。" in page
    assert " 0 条" not in page
    page = text_of(client.get(WHAT_IF, {"entry": scene.entry.pk, "q": "没有这所学校"}))
    assert "不筛选时,这些证书能用上的有 1 条" in page
    assert f'href="{WHAT_IF}?entry={scene.entry.pk}"' in page
    type(scene.version).objects.filter(pk=scene.version.pk).update(status="suspended")
    make_version(scene.college, [(1, [{"entry": scene.entry, "min_score": 60}])])
    page = text_of(client.get(WHAT_IF, {"entry": scene.entry.pk}))
    assert "找到 1 条规则,但按填写的成绩和取得时间都不符合条件" in page
    assert "成绩要达到 60" in page


@pytest.fixture
def levels():
    """(CET-4, CET-6)"""
    family = LevelFamily.objects.create(name="大学英语")
    return [make_entry(f"英语{rank}级", family=family, family_rank=rank) for rank in (4, 6)]


def test_a_higher_level_counts_where_the_rule_lists_it_and_is_told_elsewhere(client, scene, levels):
    lower, higher = levels
    make_version(scene.college, [(1, [{"entry": lower}])])
    both = make_version(scene.college, [(1, [{"entry": lower}, {"entry": higher}])])
    page = client.get(WHAT_IF, {"entry": higher.pk})
    assert outlooks(page) == {both.pk: "match"}
    assert "另有 1 条规则只列出同系列较低的“英语4级”,没有列出“英语6级”" in text_of(page)
    assert f"?entry={higher.pk}&amp;entry={lower.pk}" in text_of(page)
    page = client.get(WHAT_IF, {"entry": [higher.pk, lower.pk]})
    assert len(outlooks(page)) == 2
    assert "另有" not in text_of(page)
    assert "另有" not in text_of(client.get(WHAT_IF, {"entry": lower.pk}))


def test_visitor_finds_a_certificate_by_its_name_and_nothing_is_stored(client, scene):
    before = Achievement.objects.count(), Application.objects.count()
    page = client.get(WHAT_IF, {"find": "云计算平台"})
    assert page.context["hits"] == [scene.entry]
    chosen = client.get(WHAT_IF, {"find": "云计算平台", "entry": scene.entry.pk})
    assert not chosen.context["hits"]
    assert "没有找到" not in text_of(chosen)
    assert "找到的都在上面“选出的证书”中了。" in text_of(chosen)
    assert "没有找到匹配的名录成果" in text_of(client.get(WHAT_IF, {"find": "没有这种证书"}))
    assert (Achievement.objects.count(), Application.objects.count()) == before
    assert "Set-Cookie" not in page.headers or "sessionid" not in page.headers["Set-Cookie"]


def test_a_cap_without_room_is_no_missing_certificate(client, scene):
    ConversionCap.objects.create(institution=scene.college, kind="credits", value=1, valid_from="2020-01-01")
    page = client.get(WHAT_IF, {"entry": scene.entry.pk})
    assert outlooks(page) == {scene.version.pk: "impossible"}
    assert "超过上限" in text_of(page)
    assert "还缺成果" not in text_of(page)


def test_a_wrong_score_or_date_is_named_and_the_rest_is_kept(client, scene):
    pk = scene.entry.pk
    asked = {"entry": pk, f"score_{pk}": "很高", f"obtained_{pk}": "2021-99-99", "find": "网络"}
    page = client.get(WHAT_IF, asked)
    text = text_of(page)
    assert 'value="很高"' in text
    assert f'id="id_score_{pk}-error"' in text
    assert f'id="id_obtained_{pk}-error"' in text
    assert outlooks(page) == {scene.version.pk: "match"}


@pytest.mark.parametrize(
    "query", ["entry=x", "entry=" + "9" * 30, "entry=0", "find=%F0%9F%98%80%27%5C&page=9", "q=%25"]
)
def test_what_if_survives_what_nobody_offers(client, scene, query):
    assert client.get(f"{WHAT_IF}?{query}").status_code == 200


def test_a_visitor_chooses_ten_certificates_at_most(client, scene):
    entries = [make_entry(f"证书{number}").pk for number in range(12)]
    page = client.get(WHAT_IF, {"entry": entries})
    assert len(page.context["achievements"]) == 10
    assert "最多选10项证书" in text_of(page)


@pytest.mark.parametrize(("score", "obtained"), [(None, dt.date(2021, 12, 14)), (75, dt.date(2010, 1, 1))])
def test_what_if_says_what_the_signed_in_engine_says(scene, score, obtained):
    other = make_entry("第二项")
    for groups in [
        [(1, [{"entry": scene.entry, "min_score": 60}])],
        [(1, [{"entry": scene.entry, "obtained_from": dt.date(2015, 1, 1)}])],
        [(1, [{"entry": scene.entry}]), (1, [{"entry": other}])],
    ]:
        make_version(scene.college, groups)
    held = make_achievement(scene.user, scene.entry, score=score, obtained_on=obtained)
    asked = [what_if.imagined(scene.entry, score=score, obtained_on=obtained)]
    versions = list(what_if.naming_rules(asked))
    imagined = what_if.prospects(versions, asked)
    signed_in = rules.assess_all(versions, [held])
    assert [p.assessment.verdict for p in imagined] == [a.verdict for a in signed_in]
    assert [p.assessment.missing for p in imagined] == [a.missing for a in signed_in]
    assert what_if.open_rules(asked).count() == slots.convertible_counts([held]).get(held.pk, 0)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, None),
        ({"status": "suspended"}, "这条规则已暂停,不能再申请"),
        ({"status": "retired"}, "这条规则已停用,不能再申请"),
    ],
)
def test_page_of_a_rule_offers_no_application_that_would_be_refused(client, scene, fields, told):
    if fields:
        type(scene.version).objects.filter(pk=scene.version.pk).update(**fields)
    page = text_of(client.get(scene.version.get_absolute_url()))
    assert ("用我的成果申请转换" in page) is (told is None)
    assert told is None or told in page


def test_more_rules_take_no_more_queries(client, scene, django_assert_max_num_queries):
    for _number in range(15):
        make_version(scene.college, [(1, [{"entry": scene.entry}])])
    with django_assert_max_num_queries(12):
        client.get(WHAT_IF, {"entry": scene.entry.pk})


def test_visitor_reads_what_a_course_can_be_converted_from(client, scene):
    course = scene.version.course
    page = client.get(COURSES, {"q": f"{course.programme.name} 2018级"})
    assert list(page.context["page_obj"]) == [course]
    answer = text_of(client.get(reverse("conversion:course_rules", args=[course.pk])))
    assert scene.entry.name in answer
    assert f"{WHAT_IF}?entry={scene.entry.pk}" in answer
    assert "下列各项都要具备" not in answer
    both = make_version(scene.college, [(1, [{"entry": scene.entry}]), (1, [{"entry": make_entry("第二项")}])])
    url = reverse("conversion:course_rules", args=[both.course_id])
    assert "下列各项都要具备:" in text_of(client.get(url))
    type(scene.version).objects.filter(pk=scene.version.pk).update(status="suspended")
    assert "现在没有可用的转换规则" in text_of(client.get(reverse("conversion:course_rules", args=[course.pk])))
    assert client.get(reverse("conversion:course_rules", args=[0])).status_code == 404
