"""Copying a cohort's rules to the next."""

import datetime as dt
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from conversion.models import Cohorts, ConversionCap, ConversionRule, Course, Programme, RuleVersion
from conversion.rules import differences
from conversion.services.cohorts import CohortError, Outcome, Subject, copy_cohort
from conversion.tests.keeping import make_keeper
from conversion.tests.scene import make_entry, make_institution, make_programme, make_version

pytestmark = pytest.mark.django_db
PAGE = reverse("admin:conversion_programme_copy")


@pytest.fixture
def college():
    return make_institution()


@pytest.fixture
def keeper(college):
    return make_keeper(college)


@pytest.fixture
def cohorts():
    return "2018"


@pytest.fixture
def version(college, cohorts):
    """Its rule names the cohorts in its title."""
    groups, programme = [(1, [{"entry": make_entry()}])], make_programme(college, cohorts)
    version = make_version(college, groups, programme=programme, valid_to=dt.date(2030, 8, 31))
    ConversionRule.objects.filter(pk=version.rule_id).update(title=f"四级证书转{cohorts}级大学英语")
    return version


@pytest.fixture
def programme(version):
    return version.course.programme


def told(lines, subject):
    return [(line.outcome, line.reason) for line in lines if line.subject == subject]


def test_a_validity_without_end_stays_without_end(college, keeper):
    """9999-12-31 is how many systems write it; a year later there is no date."""
    groups, programme = [(1, [{"entry": make_entry()}])], make_programme(college, "2018")
    version = make_version(college, groups, programme=programme, valid_to=dt.date(9999, 12, 31))
    copy_cohort(programme=programme, to=Cohorts.read("2019"), by=keeper)
    draft = version.rule.copies.get().versions.get()
    assert (draft.valid_from, draft.valid_to) == (dt.date(2021, 1, 1), dt.date(9999, 12, 31))


def test_the_next_cohort_gets_programme_course_and_a_draft(version, programme, keeper):
    lines = copy_cohort(programme=programme, to=Cohorts.read("2019"), by=keeper)
    assert [line.outcome for line in lines] == [Outcome.COPIED] * 3
    draft = version.rule.copies.get().versions.get()
    assert (draft.status, draft.drafted_by, draft.number) == ("draft", keeper, 1)
    assert draft.rule.code == f"{version.rule.code}-2019"
    assert draft.rule.title == "四级证书转2019级大学英语"
    assert str(draft.course.programme) == str(programme).replace("2018", "2019")
    changed = {change.label for change in differences(version, draft, for_staff=True)}
    assert changed == {"目标课程", "生效日期", "失效日期"}
    assert (draft.valid_from, draft.valid_to) == (dt.date(2021, 1, 1), dt.date(2031, 8, 31))


def test_a_second_run_makes_nothing(programme, keeper):
    copy_cohort(programme=programme, to=Cohorts.read("2019"), by=keeper)
    before = RuleVersion.objects.count(), Course.objects.count(), Programme.objects.count()
    lines = copy_cohort(programme=programme, to=Cohorts.read("2019"), by=keeper)
    assert {line.outcome for line in lines} == {Outcome.EXISTED}
    assert (RuleVersion.objects.count(), Course.objects.count(), Programme.objects.count()) == before


def test_a_dry_run_tells_the_same_and_writes_nothing(programme, keeper):
    before = RuleVersion.objects.count(), Course.objects.count(), Programme.objects.count()
    dry = copy_cohort(programme=programme, to=Cohorts.read("2019"), by=keeper, dry_run=True)
    assert (RuleVersion.objects.count(), Course.objects.count(), Programme.objects.count()) == before
    assert dry == copy_cohort(programme=programme, to=Cohorts.read("2019"), by=keeper)


def test_what_is_not_copied_tells_why(version, programme, college, keeper):
    rule = ConversionRule.objects.create(code="R-DRAFT", title="草稿规则", institution=college)
    facts = {"outcome": "waived", "credits": 2, "valid_from": dt.date(2020, 1, 1)}
    RuleVersion.objects.create(rule=rule, number=1, course=version.course, **facts)
    ConversionCap.objects.create(
        institution=college, programme=programme, kind="share", value=50, valid_from=dt.date(2020, 1, 1)
    )
    ConversionRule.objects.create(code=f"{version.rule.code}-2019", title="别的", institution=college)
    lines = copy_cohort(programme=programme, to=Cohorts.read("2019"), by=keeper)
    assert set(told(lines, Subject.RULE)) == {
        (Outcome.SKIPPED, "没有已发布的版本(第1版草稿)"),
        (Outcome.SKIPPED, f"编号“{version.rule.code}-2019”已被占用"),
    }
    assert told(lines, Subject.CAP) == [(Outcome.SKIPPED, "专业的上限即刻生效,请核对后另行设置")]


def test_a_course_that_differs_in_the_next_cohort_is_kept_and_told(version, programme, college, keeper):
    target = Programme.objects.create(institution=college, name=programme.name, cohort=2019, cohort_to=2019)
    Course.objects.create(programme=target, code=version.course.code, name="新名称", credits=3)
    lines = copy_cohort(programme=programme, to=Cohorts.read("2019"), by=keeper)
    ((outcome, reason),) = told(lines, Subject.COURSE)
    assert outcome == Outcome.EXISTED
    assert "请核对转换学分" in reason


def test_a_copy_of_a_copy_is_numbered_by_its_cohort(programme, keeper, version):
    copy_cohort(programme=programme, to=Cohorts.read("2019"), by=keeper)
    draft = version.rule.copies.get().versions.get()
    RuleVersion.objects.filter(pk=draft.pk).update(
        status="published", published_by=make_keeper(), published_at=dt.datetime.now(dt.UTC)
    )
    copy_cohort(programme=draft.course.programme, to=Cohorts.read("2020"), by=keeper)
    assert ConversionRule.objects.filter(code=f"{version.rule.code}-2020").exists()


class TestSeveralCohorts:
    @pytest.fixture
    def cohorts(self):
        return "2018—2020"

    @pytest.mark.parametrize(
        ("to", "years", "note"),
        [("2021", 3, ",失效日期按最先的年级顺延,请核对"), ("2021—2023", 3, ""), ("2015-2017", -3, "")],
    )
    def test_are_copied_to_one_or_several(self, version, programme, keeper, to, years, note):
        to = Cohorts.read(to)
        lines = copy_cohort(programme=programme, to=to, by=keeper)
        draft = version.rule.copies.get().versions.get()
        assert draft.rule.code == f"{version.rule.code}-{to.first}"
        assert draft.rule.title == f"四级证书转{to}级大学英语"
        assert draft.course.programme.cohorts == to
        assert (draft.valid_from, draft.valid_to) == (dt.date(2020 + years, 1, 1), dt.date(2030 + years, 8, 31))
        assert told(lines, Subject.RULE) == [(Outcome.COPIED, draft.rule.code + note)]
        assert {line.outcome for line in copy_cohort(programme=programme, to=to, by=keeper)} == {Outcome.EXISTED}

    @pytest.mark.parametrize("to", ["2019", "2020—2022", "2010—2030"])
    def test_that_overlap_are_refused_beside_the_field(self, client, version, programme, keeper, to):
        with pytest.raises(CohortError, match="已有2018—2020级,年级不能重叠"):
            copy_cohort(programme=programme, to=Cohorts.read(to), by=keeper)
        client.force_login(keeper)
        response = client.post(PAGE, {"programme": programme.pk, "to": to, "confirm": "1"})
        (error,) = response.context["form"].errors["to"]
        assert "已有2018—2020级" in error
        assert "已新建" not in response.content.decode()
        assert f'value="{to}"' in response.content.decode()
        assert not version.rule.copies.exists()


def test_a_stranger_institution_copies_nothing(programme):
    with pytest.raises(CohortError, match="本机构"):
        copy_cohort(programme=programme, to=Cohorts.read("2019"), by=make_keeper(make_institution()))


def test_a_keeper_looks_first_and_confirms_then(client, version, programme, keeper):
    client.force_login(keeper)
    form = {"programme": programme.pk, "to": "2019"}
    assert "试运行结果(还没有写入)" in client.post(PAGE, form).content.decode()
    assert not version.rule.copies.exists()
    response = client.post(PAGE, form | {"confirm": "1"})
    assert "已新建 1 条规则草稿" in response.content.decode()
    assert version.rule.copies.count() == 1
    again = client.post(PAGE, {"programme": programme.pk, "to": "2019", "confirm": "1"})
    assert "没有新的规则可以复制" in again.content.decode()
    assert version.rule.copies.count() == 1


@pytest.mark.parametrize(("to", "reason"), [("2018", "目标年级与原年级相同"), ("明年", "年级是四位数字")])
def test_a_wrong_cohort_is_told_beside_the_field(client, programme, keeper, to, reason):
    client.force_login(keeper)
    response = client.post(PAGE, {"programme": programme.pk, "to": to})
    assert reason in response.context["form"].errors["to"][0]


def test_strangers_reviewers_and_visitors_do_not_copy(client, version, programme, college):
    form = {"programme": programme.pk, "to": "2019", "confirm": "1"}
    assert "/admin/login/" in client.post(PAGE, form).url
    client.force_login(make_keeper(college, group="初审员"))
    assert client.post(PAGE, form).status_code == 403
    client.force_login(make_keeper(make_institution()))
    assert "programme" in client.post(PAGE, form).context["form"].errors
    assert not version.rule.copies.exists()


def test_the_command_copies_and_tells(version, programme, college):
    out = StringIO()
    arguments = {"institution": college.bank_code, "programme": programme.name, "before": "2018", "after": "2019"}
    call_command("copy_cohort", **arguments, dry_run=True, stdout=out)
    assert "(试运行,未写入)" in out.getvalue()
    assert not version.rule.copies.exists()
    call_command("copy_cohort", **arguments, stdout=out)
    assert version.rule.copies.get().versions.get().drafted_by is None
    with pytest.raises(CommandError, match="没有找到"):
        call_command("copy_cohort", **arguments | {"before": "1999"})
    with pytest.raises(CommandError, match="年级是四位数字"):
        call_command("copy_cohort", **arguments | {"after": "明年"})
