"""Rules from files: drafts only, a row per source, every refused row with its reason."""

import csv
import json
from io import StringIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.urls import reverse

from accounts.importers.columns import ImportFileError
from conversion.importers.rule_export import export_rules, last_versions
from conversion.importers.rules import import_rules
from conversion.models import ConversionRule, ExclusivityGroup, ReviewCriterion, RuleImport, RuleVersion
from conversion.tasks import run_rule_import
from conversion.tests.keeping import make_keeper, write_rows
from conversion.tests.scene import make_entry, make_institution, make_version, publish_version

pytestmark = pytest.mark.django_db
UPLOAD = reverse("admin:conversion_rule_import_upload")


@pytest.fixture
def college():
    return make_institution()


@pytest.fixture
def keeper(college):
    return make_keeper(college)


@pytest.fixture
def entries():
    body = make_institution()
    return [make_entry(f"证书{n}", institution=body) for n in range(3)]


@pytest.fixture
def version(college, entries):
    first, second, third = entries
    sources = [{"entry": first, "min_score": 60}, {"entry": second, "obtained_from": "2019-01-01"}]
    group = ExclusivityGroup.objects.create(code="english", name="外语", institution=college)
    return make_version(
        college, [(1, sources), (1, [{"entry": third, "max_age_months": 36}])],
        exclusivity_groups=[group], policy_basis="=示例办法", valid_to="2030-01-01",
    )  # fmt: skip


def row_of(entry, **cells):
    """A complete row of a new rule, by the headings of the file."""
    facts = {
        "规则编号": "XY001", "规则名称": "证书转课程", "专业": "护理", "年级": "2019", "课程代码": "K1",
        "课程名称": "急救", "课程学分": "2", "转换结果": "免修", "转换学分": "2", "生效日期": "2019-09-01",
        "成果组": "1", "来源机构代码": entry.institution.bank_code, "项目名称": entry.project_name,
        "成果名称": entry.name,
    }  # fmt: skip
    return facts | cells


@pytest.fixture
def write(tmp_path):
    def write(rows):
        headings = list(dict.fromkeys(name for row in rows for name in row))
        path = tmp_path / "rules.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, headings)
            writer.writeheader()
            writer.writerows(rows)
        return path

    return write


@pytest.fixture
def take(college, keeper, tmp_path):
    """Import rows as the keeper; return (counts, [(line, column, reason)…])."""

    def take(rows, **options):
        return write_rows(rows, tmp_path, institution=college, **{"by": keeper} | options)

    return take


def exported(college, kind, tmp_path):
    path = tmp_path / f"rules.{kind}"
    with path.open("wb") as file:
        export_rules(versions=last_versions(ConversionRule.objects.filter(institution=college)), file=file, kind=kind)
    return path


def changed_export(college, tmp_path, heading, cell):
    with exported(college, "csv", tmp_path).open(encoding="utf-8-sig", newline="") as file:
        rows = [{name.rstrip("*"): cell for name, cell in row.items()} for row in csv.DictReader(file)]
    for row in rows:
        row[heading] = cell
    return rows


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_an_export_is_imported_unchanged(version, college, keeper, tmp_path, kind):
    counts = import_rules(path=exported(college, kind, tmp_path), institution=college, by=keeper)
    assert (counts.unchanged, counts.rows, counts.refused) == (3, 3, 0)
    assert RuleVersion.objects.filter(rule=version.rule).count() == 1


def test_a_new_rule_is_a_draft_with_programme_and_course(take, college, keeper, entries):
    first, second, third = entries
    rows = [row_of(first, 需要几项="2"), row_of(second, 最低成绩="80"), row_of(third, 成果组="2")]
    for row in rows[1:]:
        row |= dict.fromkeys(["规则名称", "专业", "年级", "课程代码", "转换结果", "转换学分", "生效日期"], "")
    counts, refusals = take(rows)
    assert refusals == []
    assert (counts.created, counts.rows) == (3, 3)
    draft = college.conversion_rules.get(code="XY001").versions.get()
    assert (draft.status, draft.drafted_by, str(draft.course)) == ("draft", keeper, "急救")
    assert str(draft.course.programme) == f"{college}2019级护理专业"
    groups = [(group.choose, [s.entry for s in group.sources.all()]) for group in draft.groups.all()]
    assert groups == [(2, [first, second]), (1, [third])]
    assert draft.records.get().action == "drafted"


def test_a_dry_run_counts_the_same_and_writes_nothing(take, entries):
    dry, _refusals = take([row_of(entries[0])], dry_run=True)
    assert not ConversionRule.objects.exists()
    assert take([row_of(entries[0])])[0] == dry


def test_a_change_is_a_new_draft_and_the_published_version_stays(take, college, entries, tmp_path):
    version = make_version(college, [(1, [{"entry": entries[0]}])], publish=False)
    ReviewCriterion.objects.create(version=version, label="内容相关度", minimum=80)
    publish_version(version)
    counts, refusals = take(changed_export(college, tmp_path, "转换学分", "2.5"))
    assert (refusals, counts.updated, counts.rows) == ([], 1, 1)
    new = version.rule.versions.get(number=2)
    version.refresh_from_db()
    told = [(row.status, str(row.credits)) for row in [version, new]]
    assert told == [("published", "4.0"), ("draft", "2.5")]
    assert [row.label for row in new.review_criteria.all()] == ["内容相关度"]


def test_ones_own_draft_follows_the_file_and_anothers_does_not(take, entries, college):
    take([row_of(entries[0])])
    counts, _refusals = take([row_of(entries[0], 转换学分="1")])
    draft = college.conversion_rules.get().versions.get()
    assert (counts.updated, draft.credits) == (1, 1)
    counts, refusals = take([row_of(entries[0], 转换学分="1.5")], by=make_keeper(college))
    assert counts.refused == 1
    assert "起草的草稿第1版" in refusals[0][2]
    draft.refresh_from_db()
    assert draft.credits == 1


WRONG = [
    ({"成果名称": "没有的证书"}, "成果名称", "成果名录中没有"),
    ({"转换结果": "免单"}, "转换结果", "转换结果无法识别"),
    ({"转换学分": "两分"}, "转换学分", "数字无法识别"),
    ({"生效日期": ""}, "生效日期", "第一行不能缺"),
    ({"失效日期": "2018-01-01"}, "失效日期", "不能早于生效日期"),
    ({"需要几项": "2"}, "需要几项", "多于这一组列出的成果"),
    ({"互斥组": "nothing"}, "互斥组", "没有这个代码的互斥组"),
    ({"政策类别": "nothing"}, "政策类别", "没有这个政策类别"),
    ({"成绩办法": "固定成绩"}, "固定成绩", "请填写固定成绩"),
    ({"课程名称": ""}, "课程名称", "新建时要填写"),
    ({"取得时间不早于": "2020-01-02", "取得时间不晚于": "2020-01-01"}, "取得时间不晚于", "不能早于"),
]


@pytest.mark.parametrize(("cells", "column", "reason"), WRONG)
def test_a_wrong_cell_is_refused_with_line_column_and_reason(take, entries, cells, column, reason):
    counts, refusals = take([row_of(entries[0], **cells)])
    ((line, told, why),) = refusals
    assert (line, told, counts.refused) == (2, column, 1)
    assert reason in why
    assert not ConversionRule.objects.exists()


def test_a_rule_is_not_imported_in_part_and_the_others_are(take, entries):
    first, second, third = entries
    rows = [row_of(first), row_of(second, 最低成绩="很高"), row_of(third, 规则编号="XY002")]
    counts, refusals = take(rows)
    assert (counts.created, counts.refused, counts.rows) == (1, 2, 3)
    assert [(line, column) for line, column, _reason in refusals] == [(2, "规则编号"), (3, "最低成绩")]
    assert [rule.code for rule in ConversionRule.objects.all()] == ["XY002"]


def test_rows_of_a_rule_that_contradict_each_other_are_refused(take, entries):
    counts, refusals = take([row_of(entries[0]), row_of(entries[1], 转换学分="3")])
    assert counts.refused == 2
    assert (3, "转换学分", "与同一规则的第2行不同。") in refusals


def test_rules_of_another_institution_are_not_touched(take, entries, version):
    foreign = make_version(make_institution(), [(1, [{"entry": entries[0]}])])
    counts, refusals = take([row_of(entries[0], 规则编号=foreign.rule.code)])
    assert counts.refused == 1
    assert refusals[0][2] == "这个编号属于另一机构的规则。"


def test_the_report_says_what_stands_in_the_cell_at_fault(write, college, entries, tmp_path):
    report = tmp_path / "report.csv"
    import_rules(path=write([row_of(entries[0], 成果名称="没有这项成果")]), institution=college, report=report)
    assert "成果名称,没有这项成果,成果名录中没有" in report.read_text(encoding="utf-8-sig")


def test_a_file_without_its_headings_is_refused_as_a_whole(write, college):
    with pytest.raises(ImportFileError, match="缺少必需的列"):
        import_rules(path=write([{"规则编号": "1"}]), institution=college)


def test_the_commands_export_and_import(version, college, tmp_path):
    path, out = str(tmp_path / "rules.xlsx"), StringIO()
    call_command("export_rules", path, institution=college.bank_code, stdout=out)
    assert "已导出 1 条规则" in out.getvalue()
    out = StringIO()
    call_command("import_rules", path, institution=college.bank_code, json=True, stdout=out)
    assert json.loads(out.getvalue())["unchanged"] == 3


class TestPages:
    @pytest.fixture(autouse=True)
    def media(self, settings, tmp_path):
        settings.MEDIA_ROOT = tmp_path / "media"

    def upload(self, client, college, path):
        file = SimpleUploadedFile("rules.csv", path.read_bytes())
        return client.post(UPLOAD, {"institution": college.pk, "file": file})

    def test_a_keeper_uploads_looks_and_confirms(self, client, keeper, college, write, entries):
        client.force_login(keeper)
        response = self.upload(client, college, write([row_of(entries[0]), row_of(entries[1], 规则编号="")]))
        job = RuleImport.objects.get()
        assert response.url == job.get_absolute_url()
        run_rule_import(job.pk)
        text = client.get(response.url).content.decode()
        assert "新建 1" in text
        assert not ConversionRule.objects.exists()
        assert "<td>不能为空。</td>" in text
        assert "不能为空" in client.get(job.report_url).content.decode()
        client.post(response.url, {"action": "confirm"})
        run_rule_import(job.pk)
        assert ConversionRule.objects.get().versions.get().drafted_by == keeper

    def test_only_ones_own_institution_can_be_chosen_and_seen(self, client, keeper, college, write, entries):
        client.force_login(keeper)
        self.upload(client, college, write([row_of(entries[0])]))
        job = RuleImport.objects.get()
        client.force_login(make_keeper(make_institution()))
        assert client.get(job.get_absolute_url()).status_code == 404
        assert client.post(job.get_absolute_url(), {"action": "confirm"}).status_code == 404
        assert client.get(job.report_url).status_code == 404
        response = self.upload(client, college, write([row_of(entries[0])]))
        assert "institution" in response.context["form"].errors

    def test_the_centre_imports_for_an_institution(self, client, college, write, entries):
        client.force_login(make_keeper())
        assert self.upload(client, college, write([row_of(entries[0])])).status_code == 302
        assert client.get(UPLOAD).status_code == 200

    def test_who_may_not_add_rules_may_not_import_them(self, client, college):
        assert "/admin/login/" in client.get(UPLOAD).url
        client.force_login(make_keeper(college, group="初审员"))
        assert client.get(UPLOAD).status_code == 403

    def test_an_export_has_ones_own_rules_only(self, client, version, entries, college, keeper, tmp_path):
        make_version(make_institution(), [(1, [{"entry": entries[0]}])])
        client.force_login(keeper)
        content = b"".join(client.get(reverse("admin:conversion_rule_export")).streaming_content)
        path = tmp_path / "downloaded.xlsx"
        path.write_bytes(content)
        assert import_rules(path=path, institution=college, by=keeper).rows == 3
