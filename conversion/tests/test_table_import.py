"""Performance tables from files: a row per test of a line, in the same file as the other rules."""

from decimal import Decimal

import pytest

from conversion.importers.rule_export import export_rules, last_versions
from conversion.importers.rules import import_rules
from conversion.models import ConversionRule, Programme, RuleExample, RuleVersion
from conversion.tests.keeping import add_row, make_keeper, make_table_draft, write_rows
from conversion.tests.scene import make_entry, make_version, publish_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def table():
    draft = make_table_draft()
    add_row(draft, 3, competition_level="国家级", rank=(None, 5))
    add_row(draft, Decimal("0.5"), competition_level="省级")
    RuleExample.objects.create(version=draft, name="没有级别", should_match=False)
    publish_version(draft)
    return draft


@pytest.fixture
def keeper(table):
    return make_keeper(table.rule.institution)


@pytest.fixture
def take(table, keeper, tmp_path):
    """Import rows as the keeper; return (counts, [(line, column, reason)…])."""

    def take(rows, **options):
        return write_rows(rows, tmp_path, institution=table.rule.institution, by=keeper, **options)

    return take


def row_of(**cells):
    """A complete row of a new table, by the headings of the file."""
    facts = {
        "规则编号": "YJ001", "规则名称": "竞赛转学分", "专业": "护理", "年级": "2019", "毕业学分": "140",
        "课程代码": "K1", "课程名称": "创新学分", "课程学分": "2", "业绩类型": "业绩类-竞赛奖励",
        "转换结果": "学分替代", "生效日期": "2019-09-01", "档": "1", "档学分": "2", "附加项": "级别", "等于": "省级",
    }  # fmt: skip
    return facts | cells


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_an_export_of_both_kinds_is_imported_unchanged(table, keeper, tmp_path, kind):
    college = table.rule.institution
    make_version(college, [(1, [{"entry": make_entry()}])])
    path = tmp_path / f"rules.{kind}"
    with path.open("wb") as file:
        assert export_rules(versions=last_versions(ConversionRule.objects.all()), file=file, kind=kind) == 2
    counts = import_rules(path=path, institution=college, by=keeper)
    assert (counts.unchanged, counts.rows, counts.refused) == (4, 4, 0)
    assert RuleVersion.objects.count() == 2


def test_a_new_table_is_a_draft_with_its_programme(take, keeper, table):
    rows = [row_of(), row_of(附加项="名次", 等于="", 不大于="3", 档学分=""), row_of(档="2", 等于="国家级", 档学分="4")]
    counts, refusals = take(rows)
    assert (refusals, counts.created) == ([], 3)
    draft = table.rule.institution.conversion_rules.get(code="YJ001", kind="performance").versions.get()
    assert (draft.status, draft.drafted_by, draft.credits) == ("draft", keeper, 4)
    told = [(str(row), row.credits) for row in draft.criteria.all()]
    assert told == [("级别 省级、名次 ≤3", 2), ("级别 国家级", 4)]
    assert Programme.objects.get(name="护理").total_credits == 140


def test_a_change_is_a_new_draft_with_the_examples(take, table):
    course = table.course
    rows = [
        row_of(
            规则编号=table.rule.code, 规则名称=table.rule.title, 专业=course.programme.name, 年级="2018", 毕业学分="",
            课程代码=course.code, 课程名称="", 课程学分="", 生效日期="2024-01-01",
        )
    ]  # fmt: skip
    counts, refusals = take(rows)
    assert (refusals, counts.updated) == ([], 1)
    draft = table.rule.versions.get(status="draft")
    assert [str(row) for row in draft.criteria.all()] == ["级别 省级"]
    assert [example.name for example in draft.examples.all()] == ["没有级别"]
    table.refresh_from_db()
    assert (table.status, table.criteria.count()) == ("published", 2)


WRONG = [
    ({"业绩类型": "业绩类-做好事"}, "业绩类型", "没有这个业绩类型"),
    ({"附加项": "颜色"}, "附加项", "没有这个附加项,可用:所属赛事、级别、奖项、名次"),
    ({"等于": ""}, "等于", "请填写要求"),
    ({"附加项": ""}, "附加项", "不能为空"),
    ({"档学分": ""}, "档学分", "每一档的第一行要填写学分"),
    ({"等于": "", "附加项": "名次", "不小于": "5", "不大于": "3"}, "不小于", "不能大于"),
    ({"成果名称": "某证书"}, "成果名称", "业绩类规则不填写来源成果"),
    ({"业绩类型": ""}, "档", "只有业绩类规则填写业绩标准"),
]


@pytest.mark.parametrize(("cells", "column", "reason"), WRONG)
def test_a_wrong_cell_is_refused_with_line_column_and_reason(take, cells, column, reason):
    counts, ((line, told, why),) = take([row_of(转换学分="2") | cells])
    assert (line, told, counts.refused) == (2, column, 1)
    assert reason in why
    assert not ConversionRule.objects.filter(code="YJ001").exists()


def test_lines_that_contradict_each_other_are_refused(take):
    rows = [row_of(), row_of(附加项="名次", 等于="1", 档学分="3"), row_of(附加项="级别", 档学分="")]
    assert (3, "档学分", "与同一档的前一行不同。") in take(rows)[1]
    assert (3, "附加项", "同一档中这个附加项重复。") in take([rows[0], rows[2]])[1]


def test_a_rule_never_changes_its_kind(take, table):
    version = make_version(table.rule.institution, [(1, [{"entry": make_entry()}])])
    _counts, refusals = take([row_of(规则编号=version.rule.code, 转换学分="2")])
    assert refusals == [(2, "业绩类型", "这条规则是成果转换规则,不能填写业绩类型。")]
    _counts, refusals = take([row_of(规则编号=table.rule.code, 业绩类型="")])
    assert refusals == [(2, "业绩类型", "规则的第一行不能缺这一项。")]


def test_a_file_never_changes_the_credits_of_a_programme(take):
    take([row_of()])
    _counts, refusals = take([row_of(毕业学分="150")])
    assert refusals == [(2, "毕业学分", "这个专业现在的毕业学分是“140.0”,请先在“专业”中修改。")]
