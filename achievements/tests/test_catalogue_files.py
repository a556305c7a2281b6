"""Import and export of the catalogue: as CSV and XLSX, by command and in the admin."""

import csv
import io
import json

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.urls import reverse

from accounts.importers.columns import ImportFileError
from accounts.tests.factories import InstitutionFactory, UserFactory
from achievements.importers.catalogue import import_catalogue
from achievements.importers.catalogue_columns import escaped, unescaped
from achievements.models import CatalogueAlias, CatalogueEntry, CatalogueImport, LevelFamily
from achievements.tasks import run_catalogue_import
from achievements.tests.factories import AchievementFactory, EntryFactory, TypeFactory

pytestmark = pytest.mark.django_db

HEAD = ["项目名称", "成果名称", "机构代码", "成果类型"]


@pytest.fixture
def operator():
    return UserFactory(learner=None, username="operator", is_staff=True, is_superuser=True)


@pytest.fixture
def college():
    return InstitutionFactory(name="示例学院", bank_code="demo99999")


@pytest.fixture(autouse=True)
def training():
    return TypeFactory(name="培训类")


def write(tmp_path, rows, head=HEAD):
    path = tmp_path / "名录.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([head, *rows])
    return path


def run(path, by, **options):
    out = io.StringIO()
    call_command("import_catalogue", str(path), by=by.username, json=True, stdout=out, **options)
    return json.loads(out.getvalue())


def reasons(path, by, tmp_path, **options):
    report = tmp_path / "refused.csv"
    counts = run(path, by, report=str(report), **options)
    with report.open(encoding="utf-8-sig") as file:
        rows = list(csv.reader(file))[1:]
    assert len({row[0] for row in rows}) == counts["refused"]
    assert sum(counts[name] for name in ["created", "updated", "unchanged", "refused"]) == counts["rows"]
    return [(int(line), column, reason) for line, column, _content, reason in rows]


def entries_now():
    """Everything an export must bring back."""
    rows = CatalogueEntry.objects.order_by("pk").prefetch_related("aliases")
    names = [sorted((alias.kind, alias.name) for alias in row.aliases.all()) for row in rows]
    return list(rows.values()), names


@pytest.fixture
def varied(college, training):
    family = LevelFamily.objects.create(name="示例系列")
    EntryFactory(
        name="=HYPERLINK(\"x\")", project_name="'+1X证书", institution=college, type=training, level="junior",
        framework_level=3, family=family, family_rank=1, hours="80.5", hours_unit="day", credits="2.5",
        credit_basis="-16学时=1学分", valid_from="2020-01-01", valid_to="2030-12-31",
        description="第一行\n@第二行,“引号\"”",
    )  # fmt: skip
    entry = EntryFactory(name="云计算, 中级", institution=college, type=training, family=family, family_rank=2)
    CatalogueAlias.objects.create(entry=entry, name="=云")
    CatalogueAlias.objects.create(entry=entry, name="云计算二级", kind="former")
    EntryFactory(institution=college, type=training, is_active=False)
    clerk = UserFactory(learner=None, institution=college)
    for status in ["draft", "submitted"]:
        EntryFactory(institution=college, type=training, status=status, keeper="institution", drafted_by=clerk)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_an_export_imports_unchanged(kind, varied, operator, tmp_path):
    path, before = tmp_path / f"all.{kind}", entries_now()
    call_command("export_catalogue", str(path), stdout=io.StringIO())
    assert run(path, operator) == {"created": 0, "updated": 0, "unchanged": 5, "refused": 0, "rows": 5}
    assert entries_now() == before


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_an_export_fills_an_empty_catalogue(kind, varied, operator, college, tmp_path):
    path = tmp_path / f"all.{kind}"
    call_command("export_catalogue", str(path), "--status", "approved", stdout=io.StringIO())
    _rows, names = entries_now()
    stored = list(
        CatalogueEntry.objects.public().order_by("pk").values("name", "description", "credit_basis", "hours")
    )
    CatalogueAlias.objects.all().delete()
    CatalogueEntry.objects.all().delete()
    assert run(path, operator)["created"] == 3
    fresh = CatalogueEntry.objects.order_by("pk")
    assert list(fresh.values("name", "description", "credit_basis", "hours")) == stored
    assert entries_now()[1] == names[:3]
    assert {(entry.status, entry.approved_by) for entry in fresh} == {("approved", operator)}


def test_no_exported_cell_is_a_formula(varied, tmp_path):
    path = tmp_path / "all.csv"
    call_command("export_catalogue", str(path), stdout=io.StringIO())
    with path.open(encoding="utf-8-sig") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert '\'=HYPERLINK("x")' in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


@pytest.mark.parametrize("text", ["=1", "'=1", "''=1", "'甲", "甲", "＝1", " =1", "\t1", "", "'"])
def test_escaping_is_undone_exactly(text):
    assert unescaped(escaped(text)) == text


def test_a_dry_run_changes_nothing(college, operator, tmp_path):
    path = write(tmp_path, [["培训", "会计", college.bank_code, "培训类"], ["培训", "出纳", "nobody", "培训类"]])
    counts = run(path, operator, dry_run=True)
    assert counts == {"created": 1, "updated": 0, "unchanged": 0, "refused": 1, "rows": 2}
    assert not CatalogueEntry.objects.exists()
    assert run(path, operator) == counts
    assert run(path, operator) == {"created": 0, "updated": 0, "unchanged": 1, "refused": 1, "rows": 2}


def test_a_cell_of_unseen_characters_is_empty(college, operator, tmp_path):
    path = write(tmp_path, [["\u200b", "会计", college.bank_code, "培训类"]])
    assert reasons(path, operator, tmp_path) == [(2, "项目名称", "不能为空。")]


def test_a_comma_groups_thousands_or_is_told(college, operator, tmp_path):
    row = ["培训", "会计", college.bank_code, "培训类"]
    path = write(tmp_path, [[*row, "1,200.5"], ["培训", "出纳", *row[2:], "1,5"]], [*HEAD, "学习量"])
    assert reasons(path, operator, tmp_path) == [(3, "学习量", "数字无法识别。")]
    assert str(CatalogueEntry.objects.get().hours) == "1200.5"


def test_every_refused_row_is_told(college, training, operator, tmp_path):
    family = LevelFamily.objects.create(name="系列")
    EntryFactory(name="在先", institution=college, type=training, family=family, family_rank=1)
    renamed = EntryFactory(name="旧名", project_name="培训", institution=college, type=training)
    CatalogueEntry.objects.filter(pk=renamed.pk).update(name="新名")
    code = college.bank_code
    extra = ["资历机构名称", "等级系列", "系列次序", "生效日期", "失效日期", "启用", "停用原因", "状态", "学分"]
    good = ["培训", "甲", code, "培训类", "", "", "", "", "", "", "", "", ""]

    def row(**changes):
        cells = dict(zip([*HEAD, *extra], good, strict=True)) | changes
        return list(cells.values())

    rows = [
        row(),
        row(),
        row(成果名称=""),
        row(成果名称="乙", 机构代码="none00000"),
        row(成果名称="丙", 资历机构名称="别的学院"),
        row(成果名称="丁", 成果类型="没有"),
        row(成果名称="戊", 等级系列="系列", 系列次序="1"),
        row(成果名称="己", 等级系列="系列"),
        row(成果名称="庚", 生效日期="2022-01-01", 失效日期="2021-01-01"),
        row(成果名称="辛", 启用="否"),
        row(成果名称="壬", 状态="待审核"),
        row(成果名称="癸", 学分="-1"),
        row(成果名称="旧名"),
    ]
    told = reasons(write(tmp_path, rows, [*HEAD, *extra]), operator, tmp_path)
    assert [(line, column) for line, column, _reason in told] == [
        (3, "成果名称"), (4, "成果名称"), (5, "机构代码"), (6, "资历机构名称"), (7, "成果类型"), (8, "系列次序"),
        (9, "系列次序"), (10, "失效日期"), (11, "停用原因"), (12, "状态"), (13, "学分"), (14, "成果名称"),
    ]  # fmt: skip
    assert told[0][2] == "与第2行重复(机构、项目名称和成果名称相同)。"
    assert "在先" in told[5][2]
    assert "这是“新名”的曾用名" in told[11][2]
    lines = (tmp_path / "refused.csv").read_text(encoding="utf-8-sig").splitlines()
    assert lines[5].startswith("7,成果类型,没有,")  # what stands in the cell at fault, too


def test_a_change_is_recorded_and_missing_columns_stay(college, training, operator, tmp_path):
    entry = EntryFactory(name="甲", project_name="培训", institution=college, type=training, level="junior", credits=2)
    AchievementFactory(entry=entry, type=training)
    CatalogueAlias.objects.create(entry=entry, name="甲证")
    path = write(tmp_path, [["培训", "甲", college.bank_code, "培训类", "高级"]], [*HEAD, "等级"])
    assert run(path, operator)["updated"] == 1
    entry.refresh_from_db()
    assert (entry.level, entry.credits, entry.aliases.count()) == ("senior", 2, 1)
    record = entry.records.get()
    assert (record.by, record.reason) == (operator, "导入 名录.csv")
    path = write(tmp_path, [["培训", "甲", college.bank_code, "培训类", "甲书;甲证"]], [*HEAD, "别名"])
    assert run(path, operator)["updated"] == 1
    assert sorted(entry.aliases.values_list("name", flat=True)) == ["甲书", "甲证"]
    path = write(tmp_path, [["培训", "甲", college.bank_code, "培训类", ""]], [*HEAD, "别名"])
    assert run(path, operator)["updated"] == 1
    assert not entry.aliases.exists()


def test_an_institution_imports_drafts_of_its_own(college, operator, tmp_path):
    clerk = UserFactory(learner=None, institution=college)
    other = InstitutionFactory()
    public = EntryFactory(name="甲", project_name="培训", institution=college, type__name="培训类乙")
    rows = [
        ["培训", "新证", college.bank_code, "培训类", ""],
        ["培训", "别家", other.bank_code, "培训类", ""],
        ["培训", "自批", college.bank_code, "培训类", "已批准"],
        ["培训", "甲", college.bank_code, "培训类", ""],
    ]
    told = reasons(write(tmp_path, rows, [*HEAD, "状态"]), clerk, tmp_path)
    assert [(line, column) for line, column, _reason in told] == [(3, "机构代码"), (4, "状态"), (5, "")]
    entry = CatalogueEntry.objects.exclude(pk=public.pk).get()
    assert (entry.name, entry.status, entry.keeper, entry.drafted_by) == ("新证", "draft", "institution", clerk)
    path = write(tmp_path, [["培训", "新证", college.bank_code, "培训类", "中级"]], [*HEAD, "等级"])
    assert "尚未批准" in reasons(path, operator, tmp_path)[0][2]
    assert run(path, clerk)["updated"] == 1


def test_new_entries_can_wait_for_approval(college, operator, tmp_path):
    path = write(tmp_path, [["培训", "会计", college.bank_code, "培训类"]])
    run(path, operator, draft=True)
    assert CatalogueEntry.objects.get().status == "draft"


def test_ranks_move_within_a_file(college, training, operator, tmp_path):
    family = LevelFamily.objects.create(name="系列")
    for rank, name in enumerate(["初", "中"], 1):
        EntryFactory(name=name, project_name="证", institution=college, type=training, family=family, family_rank=rank)
    head = [*HEAD, "等级系列", "系列次序"]
    rows = [
        ["证", name, college.bank_code, "培训类", "系列", rank] for name, rank in [("中", 3), ("初", 2), ("新", 1)]
    ]
    assert run(write(tmp_path, rows, head), operator) == {
        "created": 1, "updated": 2, "unchanged": 0, "refused": 0, "rows": 3,
    }  # fmt: skip
    ranks = CatalogueEntry.objects.order_by("family_rank").values_list("name", "family_rank")
    assert list(ranks) == [("新", 1), ("初", 2), ("中", 3)]


def test_learners_import_nothing(college, tmp_path):
    path = write(tmp_path, [["培训", "会计", college.bank_code, "培训类"]])
    with pytest.raises(ImportFileError, match="只有管理中心和机构账号"):
        import_catalogue(path=path, by=UserFactory())
    with pytest.raises(CommandError, match="没有用户名"):
        call_command("import_catalogue", str(path), by="nobody")
    with pytest.raises(CommandError, match="结尾"):
        call_command("export_catalogue", str(tmp_path / "all.txt"))


# Uploads ---------------------------------------------------------------------------------------------------------

UPLOAD = reverse("achievements:catalogue_import_upload")
ADMIN_UPLOAD = reverse("admin:achievements_catalogue_import_upload")


@pytest.fixture
def uploads_folder(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


def upload(client, url, rows, head=HEAD):
    text = io.StringIO()
    csv.writer(text).writerows([head, *rows])
    response = client.post(url, {"file": SimpleUploadedFile("名录.csv", text.getvalue().encode())})
    assert response.status_code == 302
    job = CatalogueImport.objects.latest("pk")
    assert response.url == job.get_absolute_url()
    return job


def run_job(job):
    run_catalogue_import(job.pk)
    job.refresh_from_db()


def test_operator_uploads_checks_and_confirms(client, college, operator, uploads_folder):
    client.force_login(operator)
    job = upload(client, ADMIN_UPLOAD, [["培训", "会计", college.bank_code, "培训类"], ["培训", "", "x", "培训类"]])
    assert "检查中" in client.get(job.get_absolute_url()).content.decode()
    run_job(job)
    page = client.get(job.get_absolute_url()).content.decode()
    assert "新建 1,更新 0,不变 0,拒绝 1,共 2 行" in page
    assert not CatalogueEntry.objects.exists()
    assert "不能为空" in client.get(job.report_url).content.decode()
    for _click in range(2):
        client.post(job.get_absolute_url(), {"action": "confirm"})
    run_job(job)
    assert job.status == "done"
    assert not job.path.exists()
    assert CatalogueEntry.objects.get().approved_by == operator
    assert "名录.csv" in client.get(ADMIN_UPLOAD).content.decode()


def test_operator_reads_what_becomes_of_new_rows(client, college, operator, uploads_folder):
    """Without the right to approve they become drafts, and the page says so."""
    keeper = UserFactory(learner=None, is_staff=True)
    keeper.user_permissions.set(
        Permission.objects.filter(codename__endswith="catalogueentry").exclude(name="批准或退回名录成果")
    )
    for user, words, status in [(keeper, "新增的成果成为草稿", "draft"), (operator, "新增的成果直接批准", "approved")]:
        client.force_login(user)
        assert words in client.get(ADMIN_UPLOAD).content.decode()
        job = upload(client, ADMIN_UPLOAD, [["培训", status, college.bank_code, "培训类"]])
        run_job(job)
        client.post(job.get_absolute_url(), {"action": "confirm"})
        run_job(job)
        assert CatalogueEntry.objects.get(name=status).status == status
        assert f'href="{ADMIN_UPLOAD}">导入另一份文件' in client.get(job.get_absolute_url()).content.decode()


def test_operator_exports_what_was_chosen(client, college, training, operator):
    client.force_login(operator)
    chosen, _other = EntryFactory(name="甲", institution=college, type=training), EntryFactory(name="乙证")
    for kind, start in [("csv", b"\xef\xbb\xbf"), ("xlsx", b"PK")]:
        data = {"action": f"export_{kind}", "_selected_action": [chosen.pk]}
        response = client.post(reverse("admin:achievements_catalogueentry_changelist"), data)
        content = b"".join(response.streaming_content)
        assert content.startswith(start)
    assert "乙证" not in content.decode(errors="ignore")


def test_institution_uploads_drafts_and_exports_its_own(client, college, training, uploads_folder):
    clerk = UserFactory(learner=None, institution=college)
    client.force_login(clerk)
    job = upload(client, UPLOAD, [["培训", "会计", college.bank_code, "培训类"]])
    run_job(job)
    client.post(job.get_absolute_url(), {"action": "confirm"})
    run_job(job)
    assert CatalogueEntry.objects.get().status == "draft"
    EntryFactory(name="别家的证")
    content = b"".join(client.get(reverse("achievements:own_entries_export", args=["csv"])).streaming_content).decode()
    assert "会计" in content
    assert "别家的证" not in content
    assert client.get(reverse("achievements:own_entries_export", args=["pdf"])).status_code == 404


def test_strangers_neither_import_nor_see_an_import(client, college, operator, uploads_folder):
    clerk = UserFactory(learner=None, institution=college)
    client.force_login(clerk)
    rows = [["培训", "会计", college.bank_code, "培训类"]]
    own = upload(client, UPLOAD, rows)
    client.force_login(operator)
    centres = upload(client, ADMIN_UPLOAD, rows)
    client.logout()
    for url in [UPLOAD, ADMIN_UPLOAD, own.get_absolute_url(), centres.get_absolute_url()]:
        assert client.get(url).status_code == 302, url
    client.force_login(UserFactory(learner=None, institution=InstitutionFactory()))
    assert client.get(own.get_absolute_url()).status_code == 404
    assert client.get(own.report_url).status_code == 404
    reviewer = UserFactory(learner=None, institution=college, is_staff=True, is_superuser=True)
    client.force_login(reviewer)
    for url in [ADMIN_UPLOAD, centres.get_absolute_url(), centres.report_url]:
        assert client.get(url).status_code == 403, url


def test_one_file_at_a_time(client, college, operator, uploads_folder):
    client.force_login(operator)
    rows = [["培训", "会计", college.bank_code, "培训类"]]
    upload(client, ADMIN_UPLOAD, rows)
    page = client.post(ADMIN_UPLOAD, {"file": SimpleUploadedFile("名录.csv", b"x")}).content.decode()
    assert "正在处理" in page
