"""转换成果申请 and the public pages around it: each as owner, stranger and visitor."""

import io
import re
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from PIL import Image

from conversion.models import Application
from conversion.services.applications import withdraw
from conversion.services.certificates import revoke_certificate
from conversion.tests.scene import (
    Scene,
    make_achievement,
    make_entry,
    make_institution,
    make_learner_user,
    make_reviewer,
    make_version,
)

GRID = reverse("conversion:grid")
APPLY = reverse("conversion:apply")
OWN_LISTS = [GRID, reverse("conversion:progress"), reverse("conversion:certificates")]
HTMX = {"HX-Request": "true", "HX-Target": "dialog-body"}


@pytest.fixture
def scene(db):
    return Scene()


@pytest.fixture
def owner(client, scene):
    client.force_login(scene.user)
    return client


@pytest.fixture
def stranger(client, scene):
    client.force_login(make_learner_user("陈路人"))
    return client


def own_pages(application):
    """The pages of one case: its details, its withdrawal and, when there is one, its certificate."""
    pages = [application.get_absolute_url(), reverse("conversion:withdraw", args=[application.pk])]
    certificate = application.certificate
    return [*pages, certificate.get_absolute_url()] if certificate else pages


def text_of(response):
    return response.content.decode()


def queries_of(client, url, data):
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url, data).status_code == 200
    return len(captured)


def submission(scene, version=None, **changes):
    version = version or scene.version
    return {"achievement": [scene.achievement.pk], "version": version.pk, "token": uuid.uuid4()} | changes


def picture(name="证书.png"):
    content = io.BytesIO()
    Image.new("RGB", (60, 40)).save(content, "PNG")
    return SimpleUploadedFile(name, content.getvalue())


# Who may see what -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", OWN_LISTS)
def test_visitor_is_led_to_sign_in_and_owner_sees_own_rows(client, scene, url):
    scene.approved()
    assert client.get(url).url == f"{reverse('accounts:sign_in')}?next={url}"
    client.force_login(scene.user)
    assert "1+X证书转" in text_of(client.get(url)) or scene.achievement.name in text_of(client.get(url))


@pytest.mark.parametrize("url", OWN_LISTS)
def test_stranger_sees_nothing_of_others(stranger, scene, url):
    scene.approved()
    text = text_of(stranger.get(url, {"achievement": scene.achievement.pk}))
    assert scene.achievement.name not in text
    assert "1+X证书转" not in text


def test_stranger_and_visitor_reach_no_page_of_a_case(client, scene):
    pages = own_pages(scene.approved())
    for url in pages:
        assert client.post(url).status_code == 302 if url.endswith("withdraw/") else client.get(url).status_code == 302
    client.force_login(make_learner_user())
    for url in pages:
        answer = client.post(url) if url.endswith("withdraw/") else client.get(url)
        assert answer.status_code == 404


def test_stranger_cannot_apply_with_another_learners_achievement(stranger, scene):
    answer = stranger.post(APPLY, submission(scene))
    assert answer.url == GRID
    assert not Application.objects.exists()


def test_staff_is_told_that_the_page_is_for_learners(client, scene):
    client.force_login(make_reviewer(scene.college, first=True))
    assert "该页面供学习者使用" in text_of(client.get(GRID, follow=True))


# The grid ---------------------------------------------------------------------------------------------------


def test_grid_count_is_the_length_of_the_dialogs_list(owner, scene):
    other = make_entry("全国计算机等级考试一级证书")
    make_version(scene.college, [(1, [{"entry": scene.entry}]), (1, [{"entry": other}])])
    make_version(scene.college, [(1, [{"entry": scene.entry, "min_framework_level": 7}])])
    make_version(scene.college, [(1, [{"entry": other}])])
    row = owner.get(GRID).context["page_obj"][0]
    page = owner.get(APPLY, {"achievement": scene.achievement.pk})
    assert row.convertible == page.context["page_obj"].paginator.count == 2


def test_grid_follows_the_case_from_open_to_converted(owner, scene):
    assert "暂无操作" in text_of(owner.get(GRID))
    application = scene.submit()
    applied = text_of(owner.get(GRID))
    assert "已申请" in applied
    assert "暂无操作" not in applied
    scene.decide(application, "first_approve", scene.first_reviewer)
    scene.decide(application, "final_approve", scene.final_reviewer)
    assert "已转换" in text_of(owner.get(GRID))


def test_grid_lets_no_row_without_rule_or_case_be_chosen(owner, scene):
    idle = make_achievement(scene.user, make_entry("没有规则的证书"))
    text = " ".join(text_of(owner.get(GRID)).split())
    assert f'value="{idle.pk}" data-row-select disabled' in text
    assert f'value="{scene.achievement.pk}" data-row-select aria-label' in text


def test_grid_filter_without_hits_says_so(owner):
    assert "没有找到匹配的记录" in text_of(owner.get(GRID, {"name": "没有这个"}))


def test_grid_needs_as_many_queries_for_many_rows_as_for_few(owner, scene):
    def grow(number):
        for _row in range(number):
            achievement = make_achievement(scene.user, make_entry(institution=make_institution()))
            version = make_version(scene.college, [(1, [{"entry": achievement.entry}])])
            scene.submit(version=version, achievements=[achievement])

    grow(2)
    few = queries_of(owner, GRID, {})
    grow(27)
    assert queries_of(owner, GRID, {}) == few


# The dialog -------------------------------------------------------------------------------------------------


def test_dialog_needs_as_many_queries_for_many_rules_as_for_few(owner, scene):
    def grow(number):
        for _rule in range(number):
            make_version(make_institution(), [(1, [{"entry": scene.entry}]), (1, [{"entry": make_entry()}])])

    data = {"achievement": scene.achievement.pk}
    grow(2)
    few = queries_of(owner, APPLY, data)
    grow(27)
    assert queries_of(owner, APPLY, data) == few


def test_owner_applies_in_the_dialog_and_is_led_to_the_case(owner, scene):
    answer = owner.post(APPLY, submission(scene), headers=HTMX)
    application = Application.objects.get()
    assert answer["HX-Redirect"] == application.get_absolute_url()
    assert [source.achievement for source in application.sources.all()] == [scene.achievement]


def test_owner_who_chose_no_rule_reads_so_and_nothing_is_written(owner, scene):
    answer = owner.post(APPLY, submission(scene) | {"version": ""})
    assert answer.context["form"].errors["version"] == ["请选择规则。"]
    assert "请选择规则。" in text_of(answer)
    assert not Application.objects.exists()


def test_owner_who_chose_no_rule_sees_the_same_page_of_the_list_again(owner, scene):
    college = make_institution(name="岭南示范学院")
    for _rule in range(25):
        make_version(college, [(1, [{"entry": scene.entry}])])
    answer = owner.post(APPLY, submission(scene) | {"version": "", "q": "岭南示范", "page": 2})
    assert answer.context["page_obj"].paginator.count == 25
    assert answer.context["page_obj"].number == 2
    text = text_of(answer)
    assert 'value="岭南示范"' in text
    assert "csrfmiddlewaretoken=" not in text
    assert f"?achievement={scene.achievement.pk}&amp;q=%E5%B2%AD%E5%8D%97%E7%A4%BA%E8%8C%83&amp;page=1" in text


def test_owner_cannot_submit_a_rule_that_lacks_an_achievement(owner, scene):
    lacking = make_version(
        scene.college, [(1, [{"entry": scene.entry}]), (1, [{"entry": make_entry("英语四级证书")}])]
    )
    page = " ".join(text_of(owner.get(APPLY, {"achievement": scene.achievement.pk})).split())
    assert "还需要: 英语四级证书" in page
    answer = owner.post(APPLY, submission(scene, lacking))
    assert "英语四级证书" in answer.context["form"].errors["version"][0]
    assert not Application.objects.exists()


def test_owner_with_a_refused_file_keeps_the_chosen_rule(owner, scene):
    upload = SimpleUploadedFile("证书.png", b"no picture at all")
    answer = owner.post(APPLY, submission(scene, files=[upload]))
    assert "证书.png" in answer.context["form"].errors["files"][0]
    assert answer.context["kept"].version == scene.version
    assert not Application.objects.exists()


def test_owner_without_a_rule_is_told_that_the_files_have_to_be_chosen_again(owner, scene):
    """They may be left out: unsaid, the case would come to its reviewer without them."""
    answer = owner.post(APPLY, submission(scene, files=[picture()]) | {"version": ""})
    errors = answer.context["form"].errors
    assert errors["version"] == ["请选择规则。"]
    assert errors["files"] == ["表单没有提交成功,选好的文件没有保留,请重新选择:证书.png"]
    assert list(owner.post(APPLY, submission(scene) | {"version": ""}).context["form"].errors) == ["version"]


def test_owner_who_sends_an_old_page_with_another_rule_is_told_that_it_is_not_submitted(owner, scene):
    other = make_version(make_institution(), [(1, [{"entry": scene.entry}])])
    sent = submission(scene)
    first = owner.post(APPLY, sent).url
    assert owner.post(APPLY, sent).url == first
    answer = owner.post(APPLY, sent | {"version": other.pk})
    told = f"这个页面先前提交的是“{scene.version.rule.title}”,这一次还没有提交。请核对后再点“提交”。"
    assert answer.context["form"].errors == {"version": [told]}
    assert Application.objects.count() == 1
    token = re.search(r'name="token" value="([^"]+)"', text_of(answer))[1]
    assert owner.post(APPLY, sent | {"version": other.pk, "token": token}).url != first
    assert Application.objects.count() == 2


def test_owner_who_withdrew_and_sends_the_old_page_is_told_that_nothing_new_was_submitted(owner, scene):
    sent = submission(scene)
    first = owner.post(APPLY, sent).url
    withdraw(application=Application.objects.get(), by=scene.user)
    answer = owner.post(APPLY, sent, follow=True)
    assert answer.redirect_chain == [(first, 302)]
    assert "这个页面先前提交过的申请已撤回,这一次没有再提交。" in text_of(answer)
    assert "转换申请已提交" not in text_of(answer).split("这个页面先前提交过的申请")[1]
    assert not Application.objects.live().exists()
    assert owner.post(APPLY, submission(scene)).url != first


def test_owner_can_not_choose_a_draft(owner, scene):
    draft = make_version(scene.college, [(1, [{"entry": scene.entry}])], publish=False)
    answer = owner.post(APPLY, submission(scene, draft))
    assert answer.context["form"].errors == {"version": ["这条规则不在可选之列,请重新选择。"]}


def test_search_in_the_dialog_finds_the_code_of_a_course(owner, scene):
    version = make_version(scene.college, [(1, [{"entry": scene.entry}])])
    answer = owner.get(APPLY, {"achievement": scene.achievement.pk, "q": version.course.code.lower()})
    assert [row.version for row in answer.context["page_obj"]] == [version]


def test_search_in_the_dialog_answers_the_list_alone_and_keeps_the_choice(owner, scene):
    make_version(make_institution(name="岭南示范学院"), [(1, [{"entry": scene.entry}])])
    data = {"achievement": scene.achievement.pk, "q": "岭南示范", "version": scene.version.pk}
    answer = owner.get(APPLY, data, headers={"HX-Request": "true", "HX-Target": "rule-list"})
    text = " ".join(text_of(answer).split())
    assert 'type="file"' not in text
    assert "岭南示范学院" in text
    assert answer.context["page_obj"].paginator.count == 1
    assert f'id="rule-{scene.version.pk}" aria-describedby="rule-{scene.version.pk}-target" checked' in text


@pytest.mark.parametrize("version", ["", "x", "0", "٣", "9" * 30])
def test_list_with_a_senseless_choice_keeps_none(owner, scene, version):
    answer = owner.get(APPLY, {"achievement": scene.achievement.pk, "version": version})
    assert answer.context["kept"] is None


def test_owner_is_told_which_achievement_has_no_rule(owner, scene):
    idle = make_achievement(scene.user, make_entry("没有规则的证书"))
    page = text_of(owner.get(APPLY, {"achievement": [scene.achievement.pk, idle.pk]}))
    assert "“没有规则的证书”目前没有可以申请的转换规则" in page


def test_owner_who_chose_no_achievement_is_sent_back(owner):
    assert owner.get(APPLY).url == GRID
    assert owner.get(APPLY, headers=HTMX)["HX-Redirect"] == GRID


# Progress, withdrawal, certificates -------------------------------------------------------------------------


def steps_of(page):
    """The steps of a case that a page shows, in their order."""
    return re.findall(r"<li class=\"[a-z]*\">\s*<p>\s*<strong>(.*?)</strong>", text_of(page))


def test_learner_reads_his_own_steps_among_those_of_the_reviewers(owner, scene):
    case = scene.submit()
    pages = [(case.get_absolute_url(), {}), (reverse("conversion:progress"), {"achievement": scene.achievement.pk})]
    assert [steps_of(owner.get(*page)) for page in pages] == [[], []]
    scene.decide(case, "return", scene.first_reviewer, reason=scene.reason, opinion="请补成绩单")
    owner.post(reverse("conversion:resubmit", args=[case.pk]), {"explanation": "成绩单已补上"})
    expected = ["提交申请", "退回补充材料", "补充后重新提交"]
    for page in pages:
        assert steps_of(owner.get(*page)) == expected
        assert "申请人说明:成绩单已补上" in text_of(owner.get(*page))
    owner.post(reverse("conversion:withdraw", args=[case.pk]))
    for page in pages:
        assert steps_of(owner.get(*page)) == [*expected, "撤回申请"]


def test_progress_is_empty_before_review_and_then_tells_result_opinion_and_reason(owner, scene):
    application = scene.submit()
    url, data = reverse("conversion:progress"), {"achievement": scene.achievement.pk}
    assert f"等待{scene.college}初审。" in text_of(owner.get(url, data))
    scene.reject(application, opinion="编号看不清")
    page = text_of(owner.get(url, data))
    for word in ["初审不予通过", str(scene.special_reason), "编号看不清"]:
        assert word in page
    assert "等待" not in page


def test_owner_withdraws_before_the_first_decision_only(owner, scene):
    application = scene.submit()
    url = reverse("conversion:withdraw", args=[application.pk])
    assert url in text_of(owner.get(application.get_absolute_url()))
    assert owner.get(url).status_code == 405
    owner.post(url)
    application.refresh_from_db()
    assert application.status == "withdrawn"
    decided = scene.submit()
    scene.decide(decided, "first_approve", scene.first_reviewer)
    assert reverse("conversion:withdraw", args=[decided.pk]) not in text_of(owner.get(decided.get_absolute_url()))
    page = owner.post(reverse("conversion:withdraw", args=[decided.pk]), follow=True)
    assert "不能再撤回" in text_of(page)


def test_owner_prints_the_certificate(owner, scene):
    certificate = scene.approved().certificate
    assert certificate.number in text_of(owner.get(reverse("conversion:certificates")))
    answer = owner.get(certificate.get_absolute_url())
    assert answer["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF")


# Verification and rules, for everybody ----------------------------------------------------------------------


@pytest.mark.parametrize("by", ["number", "token"])
def test_visitor_verifies_a_certificate_without_learning_the_name(client, scene, by):
    certificate = scene.approved().certificate
    by_token = reverse("conversion:verify_token", args=[certificate.token])
    url = by_token if by == "token" else f"{reverse('conversion:verify')}?number={certificate.number.lower()}"
    page = text_of(client.get(url))
    assert "证书有效" in page
    assert "王**" in page
    assert scene.user.name not in page
    assert scene.user.learner.document_number not in page


def test_visitor_reads_that_a_certificate_was_revoked(client, scene):
    certificate = scene.approved().certificate
    revoke_certificate(application=certificate.application, reason="材料不实", by=scene.final_reviewer)
    page = text_of(client.get(reverse("conversion:verify"), {"number": certificate.number}))
    assert "证书已撤销" in page
    assert "证书有效" not in page


def test_visitor_with_an_unknown_number_reads_so(client, db):
    assert "没有查到这份证书" in text_of(client.get(reverse("conversion:verify"), {"number": "ZH2026-00000000"}))


def test_visitor_who_asks_too_often_is_not_told_that_the_certificate_is_wrong(client, scene, settings):
    settings.VERIFICATIONS_PER_ADDRESS = [(1, 600)]
    certificate = scene.approved().certificate
    pages = [text_of(client.get(reverse("conversion:verify"), {"number": certificate.number})) for _time in range(2)]
    assert "证书有效" in pages[0]
    assert "查询次数过多" in pages[1]
    assert "没有查到" not in pages[1]


def test_visitor_searches_rules_and_reads_one(client, scene):
    rules = reverse("conversion:rules")
    assert scene.version.rule.title in text_of(client.get(rules))
    assert "没有找到匹配的记录" in text_of(client.get(rules, {"q": "没有这个专业"}))
    page = text_of(client.get(scene.version.get_absolute_url()))
    assert scene.entry.name in page
    assert scene.version.course.name in page


def test_visitor_reads_groups_and_thresholds_of_a_rule(client, scene):
    sources = [{"entry": make_entry(f"证书{n}"), "min_score": 60 + n} for n in range(3)]
    version = make_version(scene.college, [(2, sources), (1, [{"entry": scene.entry, "max_age_months": 24}])])
    page = text_of(client.get(version.get_absolute_url()))
    for words in ["下列各组都要满足", "下列 3 项中任选 2 项", "成绩不低于 61", "取得后 24 个月内"]:
        assert words in page


def test_visitor_sees_no_draft(client, scene):
    draft = make_version(scene.college, [(1, [{"entry": scene.entry}])], publish=False)
    assert client.get(draft.get_absolute_url()).status_code == 404
    assert draft.rule.title not in text_of(client.get(reverse("conversion:rules")))
