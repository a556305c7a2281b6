"""A programme for several cohorts: what is refused, how it is written and found, and where 2018—2020级 is read."""

import csv

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.urls import reverse

from conversion.importers.rule_export import export_rules, last_versions
from conversion.importers.rules import import_rules
from conversion.models import Cohorts, ConversionRule, Programme, RuleVersion
from conversion.services.certificates import printed_content
from conversion.services.drafting import content_of, next_draft
from conversion.services.publishing import publish_version
from conversion.tests.keeping import write_rows
from conversion.tests.scene import Scene, make_institution, make_programme

pytestmark = pytest.mark.django_db
ADD = reverse("admin:conversion_programme_add")


@pytest.fixture
def nursing(college):
    return make_programme(college, "2018—2020")


def hold_for(version, cohorts):
    cohorts = Cohorts.read(cohorts)
    programme = Programme.objects.filter(pk=version.course.programme_id)
    programme.update(name="护理", cohort=cohorts.first, cohort_to=cohorts.last)
    version.refresh_from_db()
    return version


def errors_of(response):
    return response.context["adminform"].form.errors


class TestAPromiseOfTheDatabase:
    @pytest.mark.parametrize("cohorts", ["2018", "2019", "2020", "2017-2018", "2020-2024", "2010-2030", "2018-2020"])
    def test_cohorts_of_one_programme_never_overlap(self, nursing, college, cohorts):
        with pytest.raises(IntegrityError, match="programme_cohorts_never_overlap"), transaction.atomic():
            make_programme(college, cohorts)
        other = make_programme(college, cohorts, name="助产")
        with pytest.raises(IntegrityError, match="programme_cohorts_never_overlap"), transaction.atomic():
            Programme.objects.filter(pk=other.pk).update(name=nursing.name)

    def test_cohorts_beside_it_and_those_of_others_are_free(self, nursing, college):
        for cohorts in ["2017", "2021-2023"]:
            make_programme(college, cohorts)
        make_programme(college, "2018—2020", name="助产")
        make_programme(make_institution(), "2018—2020")
        assert Programme.objects.filter(cohort__gte=2017).count() == 5

    @pytest.mark.parametrize(
        ("first", "last", "promise"), [(2020, 2019, "in_order"), (18, 20, "are_years"), (2018, 20180, "are_years")]
    )
    def test_cohorts_are_years_in_order(self, nursing, first, last, promise):
        with pytest.raises(IntegrityError, match=promise):
            Programme.objects.filter(pk=nursing.pk).update(cohort=first, cohort_to=last)


class TestWhatAKeeperWrites:
    @pytest.mark.parametrize(
        "text",
        [
            "2018-2020",
            "2018—2020",
            "2018——2020",
            "2018至2020级",
            "2018级到2020级",
            "２０１８－２０２０",
            " 2018 ~ 2020 ",
        ],
    )
    def test_several_cohorts_are_read_as_they_are_written(self, text):
        assert str(Cohorts.read(text)) == "2018—2020"

    @pytest.mark.parametrize("text", ["2018", "2018级", "２０１８", "2018-2018"])
    def test_one_cohort_is_shown_as_ever(self, text):
        assert str(Cohorts.read(text)) == "2018"

    @pytest.mark.parametrize(
        "text", ["", "18", "20180", "明年", "2018-", "2018,2020", "2018-2019-2020", "٢٠١٨", "3018"]
    )
    def test_what_is_no_cohort_is_told(self, text):
        with pytest.raises(ValidationError, match="年级是四位数字"):
            Cohorts.read(text)

    def test_a_programme_for_several_cohorts_is_added_and_widened(self, client, college, drafter):
        client.force_login(drafter)
        facts = {"institution": college.pk, "name": "护理", "cohorts": "２０１８至２０２０级", "total_credits": "140"}
        assert client.post(ADD, facts).status_code == 302
        programme = Programme.objects.get(name="护理")
        assert str(programme) == f"{college}2018—2020级护理专业"
        page = reverse("admin:conversion_programme_change", args=[programme.pk])
        assert 'value="2018—2020"' in client.get(page).content.decode()
        assert client.post(page, facts | {"cohorts": "2018—2021"}).status_code == 302
        programme.refresh_from_db()
        assert (programme.cohort, programme.cohort_to) == (2018, 2021)

    @pytest.mark.parametrize(
        ("cohorts", "reason"),
        [
            ("2020-2022", "“护理”专业已有2018—2020级,年级不能重叠。"),
            ("2019", "“护理”专业已有2018—2020级,年级不能重叠。"),
            ("2024-2022", "最后的年级不能早于最先的"),
            ("明年", "年级是四位数字,如 2018;连续几个年级写成 2018—2020。"),
            ("", "这个字段是必须的"),
        ],
    )
    def test_a_wrong_range_is_told_beside_the_field_and_nothing_typed_is_lost(
        self, client, nursing, college, drafter, cohorts, reason
    ):
        client.force_login(drafter)
        facts = {"institution": college.pk, "name": nursing.name, "cohorts": cohorts, "total_credits": "133.5"}
        response = client.post(ADD, facts)
        assert list(errors_of(response)) == ["cohorts"]
        assert reason in errors_of(response)["cohorts"][0]
        page = response.content.decode()
        assert f'value="{cohorts}"' in page or not cohorts
        assert 'value="133.5"' in page
        assert Programme.objects.count() == 1


class TestFindingByCohort:
    @pytest.fixture(autouse=True)
    def _ranged(self, client, draft, drafter):
        hold_for(draft, "2018—2020")
        client.force_login(drafter)

    def found(self, client, model, **asked):
        page = client.get(reverse(f"admin:conversion_{model}_changelist"), asked)
        assert page.status_code == 200
        return page.context["cl"].result_count

    @pytest.mark.parametrize("model", ["programme", "course", "conversionrule", "ruleversion"])
    def test_a_keeper_filters_and_searches_by_a_cohort_within(self, client, college, model):
        make_programme(college, "2022")
        assert [self.found(client, model, cohort=year) for year in ["2018", "2019", "2020", "2021"]] == [1, 1, 1, 0]
        assert [self.found(client, model, q=words) for words in ["2019", "2019级", "2021级"]] == [1, 1, 0]
        assert self.found(client, model, cohort="x") >= 1

    def test_a_rule_of_two_versions_stands_in_the_list_once(self, client, draft, publisher, drafter):
        next_draft(rule=publish_version(version=draft, by=publisher).rule, by=drafter, **content_of(draft))
        assert self.found(client, "ruleversion", q="2019级") == 2
        assert (
            self.found(client, "conversionrule", q="2019级")
            == self.found(client, "conversionrule", cohort="2019")
            == 1
        )

    def test_a_keeper_finds_a_course_by_several_words(self, client):
        assert self.found(client, "course", q="护理 2019级") == self.found(client, "course", q="护理2019级") == 1
        assert self.found(client, "course", q="助产 2019级") == 0

    def test_the_cohorts_offered_are_those_of_ones_own_programmes(self, client, college):
        make_programme(make_institution(), "2010")
        page = client.get(reverse("admin:conversion_programme_changelist"))
        assert page.context["cl"].filter_specs[0].lookup_choices == [
            (year, f"{year}级") for year in ["2020", "2019", "2018"]
        ]
        Programme.objects.filter(institution=college).update(institution=make_institution())
        assert self.found(client, "programme", cohort="2019") == 0


class TestFiles:
    ROW = {
        "规则编号": "XY001", "规则名称": "证书转课程", "专业": "护理", "课程代码": "K1", "课程名称": "急救",
        "课程学分": "2", "转换结果": "免修", "转换学分": "2", "生效日期": "2019-09-01", "成果组": "1",
    }  # fmt: skip

    @pytest.fixture
    def take(self, college, drafter, entry, tmp_path):
        source = {
            "来源机构代码": entry.institution.bank_code, "项目名称": entry.project_name, "成果名称": entry.name,
        }  # fmt: skip

        def take(**cells):
            return write_rows([self.ROW | source | cells], tmp_path, institution=college, by=drafter)

        return take

    @pytest.mark.parametrize(
        "cohorts", ["2018-2020", "2018—2020", "2018至2020", "２０１８－２０２０", "2018级—2020级"]
    )
    def test_several_cohorts_are_imported_however_they_are_written(self, take, college, cohorts):
        counts, refusals = take(年级=cohorts)
        assert (counts.created, refusals) == (1, [])
        assert str(college.programmes.get().cohorts) == "2018—2020"
        counts, _refusals = take(年级="2018—2020")
        assert counts.unchanged == 1

    @pytest.mark.parametrize(
        ("cohorts", "reason"),
        [
            ("2020", "“护理”专业已有2018—2020级,年级不能重叠。"),
            ("2020-2021", "“护理”专业已有2018—2020级,年级不能重叠。"),
            ("2022-2021", "最后的年级不能早于最先的"),
            ("十八级", "年级是四位数字"),
        ],
    )
    def test_a_wrong_range_is_the_reason_of_its_row(self, take, nursing, cohorts, reason):
        counts, ((line, column, why),) = take(年级=cohorts)
        assert (counts.refused, line, column) == (1, 2, "年级")
        assert reason in why
        assert Programme.objects.get() == nursing
        assert not ConversionRule.objects.exists()

    @pytest.mark.parametrize("kind", ["csv", "xlsx"])
    def test_an_export_keeps_the_range_and_is_imported_unchanged(self, draft, college, drafter, tmp_path, kind):
        hold_for(draft, "2018—2020")
        path = tmp_path / f"rules.{kind}"
        with path.open("wb") as file:
            export_rules(versions=last_versions(ConversionRule.objects.all()), file=file, kind=kind)
        if kind == "csv":
            with path.open(encoding="utf-8-sig", newline="") as file:
                assert [row["年级*"] for row in csv.DictReader(file)] == ["2018—2020"]
        counts = import_rules(path=path, institution=college, by=drafter)
        assert (counts.unchanged, counts.refused, Programme.objects.count()) == (1, 0, 1)


class TestWhatLearnersRead:
    @pytest.fixture
    def scene(self):
        college = make_institution()
        return Scene(college=college, programme=make_programme(college, "2018—2020"))

    def test_the_dialog_groups_under_the_range_and_finds_each_of_its_cohorts(self, client, scene):
        client.force_login(scene.user)
        page, asked = reverse("conversion:apply"), {"achievement": scene.achievement.pk}
        assert "2018—2020级护理专业" in client.get(page, asked).content.decode()
        for words, count in [("2019级", 1), ("2019", 1), ("2018-2020级", 1), ("2021级", 0), ("2019级护理", 1)]:
            assert client.get(page, asked | {"q": words}).context["page_obj"].paginator.count == count, words

    def test_rules_what_if_and_courses_are_found_by_a_cohort_within(self, client, scene):
        for page, asked in [("rules", {}), ("what_if", {"entry": scene.entry.pk}), ("courses", {})]:
            for words, count in [("2019级", 1), ("护理2020级", 1), ("2017级", 0)]:
                answer = client.get(reverse(f"conversion:{page}"), asked | {"q": words})
                assert answer.context["page_obj"].paginator.count == count, (page, words)
                assert ("2018—2020级护理专业" in answer.content.decode()) == bool(count)
        assert "2018—2020级护理专业" in client.get(scene.version.get_absolute_url()).content.decode()
        page = reverse("conversion:course_rules", args=[scene.version.course_id])
        assert "2018—2020级护理专业" in client.get(page).content.decode()

    def test_a_code_with_a_year_in_it_is_still_one_word(self, client, scene):
        ConversionRule.objects.filter(pk=scene.version.rule_id).update(code="GZ000001-2018")
        answer = client.get(reverse("conversion:rules"), {"q": "gz000001-2018"})
        assert answer.context["page_obj"].paginator.count == 1

    def test_the_range_is_frozen_and_printed(self, client, scene):
        application = scene.approved()
        assert application.snapshot["target"]["cohort"] == "2018—2020"
        RuleVersion.objects.filter(pk=scene.version.pk).update(status="retired")
        hold_for(scene.version, "2018—2021")
        client.force_login(scene.user)
        check = reverse("conversion:verify_token", args=[application.certificate.token])
        for page in [application.get_absolute_url(), check]:
            assert "2018—2020级护理专业" in client.get(page).content.decode()
        assert printed_content(application.certificate).cohort == "2018—2020"
