"""Institutions import what their learners have achieved: by command, by page, for people without an account too."""

import csv
import datetime as dt
import io
import uuid

import pytest
import xlsxwriter
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts.importers.columns import ImportFileError
from accounts.models import Learner
from accounts.tests.factories import EnrolmentFactory, InstitutionFactory, InstitutionUserFactory, UserFactory
from achievements.importers import achievement_writing as writing
from achievements.importers.achievements import import_achievements
from achievements.models import Achievement, AchievementImport, TypeField
from achievements.tasks import run_achievement_import
from achievements.tests.factories import AchievementFactory, EntryFactory, TypeFactory

pytestmark = pytest.mark.django_db

UPLOAD = reverse("achievements:imports")


@pytest.fixture
def institution():
    return InstitutionFactory(name="示例职业学院")


@pytest.fixture
def type_():
    return TypeFactory(parent=TypeFactory(parent=None), code="training", name="培训类")


@pytest.fixture
def enrolments(institution):
    return [EnrolmentFactory(institution=institution, learner__verified=True) for _number in range(3)]


@pytest.fixture
def load(institution, tmp_path):
    """Return a function that imports rows and returns (created, updated, unchanged, refused, rows)."""

    def run(rows, to=institution, **options):
        counts = import_achievements(
            path=csv_file(tmp_path / "a.csv", rows), institution=to, report=tmp_path / "report.csv", **options
        )
        return counts.created, counts.updated, counts.unchanged, counts.refused, counts.rows

    return run


@pytest.fixture
def refused(tmp_path):
    def read():
        with (tmp_path / "report.csv").open(encoding="utf-8-sig", newline="") as file:
            return [(int(row["行号"]), row["列"], row["原因"]) for row in csv.DictReader(file)]

    return read


def csv_file(path, rows):
    path.write_bytes(csv_bytes(rows))
    return path


def csv_bytes(rows):
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def row_of(enrolment, number="ZS-1", **changes):
    learner = enrolment.learner
    return {
        "姓名": learner.name,
        "证件类型": learner.get_document_kind_display(),
        "证件号码": learner.document_number,
        "成果分类": "培训类",
        "成果名称": "社区急救培训",
        "证书编号": number,
        "取得时间": "2024-06-30",
        "成绩": "88.5",
    } | changes


class TestRows:
    def test_learners_get_what_the_institution_imports(self, load, enrolments, institution, type_):
        rows = [row_of(enrolment, f"ZS-{n}") for n, enrolment in enumerate(enrolments)]
        assert load(rows) == (3, 0, 0, 0, 3)
        achievement = enrolments[0].learner.achievements.get()
        assert (achievement.origin, achievement.imported_from, achievement.type) == ("imported", institution, type_)
        assert (achievement.body_name, achievement.body_code) == (institution.name, institution.bank_code)
        assert (achievement.obtained_on, float(achievement.score)) == (dt.date(2024, 6, 30), 88.5)

    def test_same_file_again_changes_nothing(self, load, enrolments, type_):
        rows = [row_of(enrolment) for enrolment in enrolments]
        load(rows)
        before = list(Achievement.objects.order_by("pk").values())
        assert load(rows) == (0, 0, 3, 0, 3)
        assert list(Achievement.objects.order_by("pk").values()) == before

    def test_change_before_use_is_an_update(self, load, enrolments, type_):
        load([row_of(enrolments[0]), row_of(enrolments[1])])
        assert load([row_of(enrolments[0], 成绩="90"), row_of(enrolments[1])]) == (0, 1, 1, 0, 2)
        assert enrolments[0].learner.achievements.get().score == 90
        lacking = row_of(enrolments[0])
        del lacking["成绩"]
        assert load([lacking]) == (0, 0, 1, 0, 1)

    def test_a_column_that_the_file_lacks_stays_as_it_is(self, load, enrolments, type_):
        row = row_of(enrolments[0], 颁发机构="外地培训站", 颁发机构代码="WD-7", 成果描述="两天")
        load([row])
        for lacking in ["颁发机构代码", "成果描述", "成绩"]:
            assert load([{name: text for name, text in row.items() if name != lacking}]) == (0, 0, 1, 0, 1)
        achievement = enrolments[0].learner.achievements.get()
        assert (achievement.body_code, achievement.description) == ("WD-7", "两天")
        assert load([row | {"颁发机构代码": ""}]) == (0, 1, 0, 0, 1)

    def test_catalogue_achievement_is_linked_by_number_and_by_name(self, load, enrolments, institution, type_):
        other = EntryFactory(type=type_)
        own = EntryFactory(type=type_, institution=institution, name="社区急救培训")
        rows = [
            row_of(enrolments[0], 名录编号=str(other.pk), 成果名称="", 成果分类=""),
            row_of(enrolments[1], 名录编号=""),
            row_of(enrolments[2], 名录编号="", 成果名称="别的培训"),
        ]
        assert load(rows) == (3, 0, 0, 0, 3)
        linked = [enrolment.learner.achievements.get() for enrolment in enrolments]
        assert [achievement.entry for achievement in linked] == [other, own, None]
        assert (linked[0].name, linked[0].body_name) == (other.name, other.institution.name)
        type(own).objects.update(is_active=False, stop_reason="停办")
        assert load(rows) == (0, 0, 3, 0, 3)

    def test_extra_fields_have_columns_by_their_label(self, load, enrolments, refused, type_, tmp_path):
        TypeField.objects.create(type=type_, key="prize", label="奖项", kind="choice", choices="一等奖\n二等奖")
        TypeFactory(code="other", name="别的")
        TypeField.objects.create(
            type=TypeFactory(code="work", name="工作经历", is_performance=True),
            key="post",
            label="岗位",
            required=False,
        )
        rows = [
            row_of(enrolments[0], 奖项="一等奖", 岗位=""),
            row_of(enrolments[1], 奖项="特等奖", 岗位=""),
            row_of(enrolments[2], 奖项="二等奖", 岗位="护士"),
            row_of(enrolments[2], "", 成果分类="工作经历", 成果名称="护士工作", 奖项="", 岗位="护士"),
        ]
        assert load(rows) == (2, 0, 0, 2, 4)
        assert enrolments[0].learner.achievements.get().extra == {"prize": "一等奖"}
        assert enrolments[2].learner.achievements.get().extra == {"post": "护士"}
        assert [(line, column) for line, column, _reason in refused()] == [(3, "奖项"), (4, "岗位")]
        report = (tmp_path / "report.csv").read_text(encoding="utf-8-sig")
        assert "4,岗位,护士," in report  # what stands in the cell at fault, too
        assert load(rows) == (0, 0, 2, 2, 4)

    @pytest.mark.parametrize("typed", ["2024/3/1", "2024年3月1日", dt.date(2024, 3, 1)])
    def test_dates_of_extra_fields_are_read_like_every_date(self, enrolments, institution, type_, typed, tmp_path):
        TypeField.objects.create(type=type_, key="started_on", label="开始时间", kind="date")
        row = row_of(enrolments[0], 开始时间=typed)
        with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
            sheet = book.add_worksheet()
            sheet.write_row(0, 0, list(row))
            sheet.write_row(1, 0, [str(cell) for cell in row.values()])
            if isinstance(typed, dt.date):
                sheet.write_datetime(1, len(row) - 1, typed, book.add_format({"num_format": "yyyy/m/d"}))
        assert import_achievements(path=tmp_path / "a.xlsx", institution=institution).created == 1
        assert Achievement.objects.get().extra == {"started_on": "2024-03-01"}

    def test_file_cannot_recognise_a_performance(self, load, enrolments, refused, type_, institution):
        work = TypeFactory(code="work", name="工作经历", is_performance=True, parent=type_.parent)
        entry = EntryFactory(type=work, name="护士工作", institution=institution)
        rows = [
            row_of(enrolments[0], "", 成果分类="", 成果名称="", 名录编号=str(entry.pk)),
            row_of(enrolments[1], "", 成果分类="工作经历", 成果名称="护士工作", 名录编号=""),
        ]
        assert load(rows) == (1, 0, 0, 1, 2)
        assert refused()[0][:2] == (2, "名录编号")
        assert "须经认定" in refused()[0][2]
        assert enrolments[1].learner.achievements.get().entry is None

    def test_rows_that_cannot_be_right_are_refused_with_their_column(self, load, enrolments, refused, type_):
        stranger = EnrolmentFactory(learner__verified=True)
        stopped = EntryFactory(type=type_, is_active=False)
        draft = EntryFactory(type=type_, status="draft")
        rows = [
            row_of(stranger),
            row_of(enrolments[0], 姓名="别人"),
            row_of(enrolments[0], 成果分类="魔法"),
            row_of(enrolments[0], 成果名称=""),
            row_of(enrolments[0], 取得时间="2999-01-01"),
            row_of(enrolments[0], ""),
            row_of(enrolments[0], 名录编号=str(stopped.pk), 成果名称=""),
            row_of(enrolments[0], 名录编号=str(draft.pk)),
            row_of(enrolments[0], 名录编号="123456789012345678"),
            row_of(enrolments[0], 名录编号="甲"),
            row_of(enrolments[1]),
            row_of(enrolments[1], " zs－1 "),
        ]
        assert load(rows) == (1, 0, 0, 11, 12)
        assert [(line, column) for line, column, _reason in refused()] == [
            (2, "证件号码"),
            (3, "姓名"),
            (4, "成果分类"),
            (5, "成果名称"),
            (6, "取得时间"),
            (7, "证书编号"),
            (8, "名录编号"),
            (9, "名录编号"),
            (10, "名录编号"),
            (11, "名录编号"),
            (13, ""),
        ]
        assert "第12行" in refused()[-1][2]
        assert not stranger.learner.achievements.exists()

    def test_dry_run_counts_and_writes_nothing(self, load, enrolments, type_):
        assert load([row_of(enrolments[0])], dry_run=True) == (1, 0, 0, 0, 1)
        assert not Achievement.objects.exists()

    def test_unlisted_institution_imports_nothing(self, load, enrolments, type_):
        with pytest.raises(ImportFileError, match="不在资历名册中"):
            load([row_of(enrolments[0])], to=InstitutionFactory(status="pending"))

    def test_numeric_certificate_number_that_lost_digits_is_refused(self, enrolments, institution, type_, tmp_path):
        row = row_of(enrolments[0])
        with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
            sheet = book.add_worksheet()
            sheet.write_row(0, 0, list(row))
            sheet.write_row(1, 0, list(row.values()))
            sheet.write_number(1, list(row).index("证书编号"), 202100010001000100)
        assert import_achievements(path=tmp_path / "a.xlsx", institution=institution).refused == 1


class TestWhatIsKept:
    def test_used_achievement_is_refused_and_unchanged_counts(self, load, enrolments, refused, type_, monkeypatch):
        load([row_of(enrolments[0]), row_of(enrolments[1])])
        used = enrolments[0].learner.achievements.get()
        use(used)
        assert load([row_of(enrolments[0]), row_of(enrolments[1])]) == (0, 0, 2, 0, 2)
        assert load([row_of(enrolments[0], 成绩="1"), row_of(enrolments[1], 成绩="1")]) == (0, 1, 0, 1, 2)
        assert "已用于申请" in refused()[0][2]
        used.refresh_from_db()
        assert used.score != 1

    def test_own_entry_of_a_learner_is_never_overwritten(self, load, enrolments, refused, type_, institution):
        own = AchievementFactory(
            learner=enrolments[0].learner, type=type_, certificate_number="ZS-1", body_name=institution.name
        )
        assert load([row_of(enrolments[0])]) == (0, 0, 0, 1, 1)
        assert "自行添加" in refused()[0][2]
        before = Achievement.objects.filter(pk=own.pk).values().get()
        assert Achievement.objects.values().get() == before

    def test_what_another_institution_imported_is_left_alone(self, load, enrolments, refused, type_):
        other = EnrolmentFactory(learner=enrolments[0].learner)
        load([row_of(other, 颁发机构="考试中心")], to=other.institution)
        assert load([row_of(enrolments[0], 颁发机构="考试中心")]) == (0, 0, 1, 0, 1)
        assert load([row_of(enrolments[0], 颁发机构="考试中心", 成绩="2")]) == (0, 0, 0, 1, 1)
        assert "另一机构" in refused()[0][2]

    def test_correction_of_a_learner_stands(self, load, enrolments, refused, type_):
        load([row_of(enrolments[0])])
        imported = Achievement.objects.get()
        corrected = AchievementFactory.build(
            learner=imported.learner, type=type_, certificate_number="ZS-1", body_name=imported.body_name
        )
        with transaction.atomic():
            Achievement.objects.filter(pk=imported.pk).update(replaced_by=imported.pk + 1000, first_version=imported)
            corrected.pk = imported.pk + 1000
            corrected.save(force_insert=True)
        assert load([row_of(enrolments[0])]) == (0, 0, 1, 0, 1)
        assert load([row_of(enrolments[0], 成绩="3")]) == (0, 0, 0, 1, 1)
        assert "更正" in refused()[0][2]

    def test_origin_and_institution_belong_together(self, institution):
        achievement = AchievementFactory()
        with pytest.raises(IntegrityError), transaction.atomic():
            Achievement.objects.filter(pk=achievement.pk).update(imported_from=institution)
        with pytest.raises(IntegrityError), transaction.atomic():
            Achievement.objects.filter(pk=achievement.pk).update(origin="imported")


def use(achievement):
    """Let an application hold it."""
    from conversion.services.applications import submit_recognition  # above this app: only the test knows it

    submit_recognition(achievement=achievement, token=uuid.uuid4(), by=UserFactory(learner=achievement.learner))


@pytest.mark.django_db(transaction=True)
class TestRaces:
    @pytest.fixture
    def path(self, enrolments, type_, tmp_path):
        return csv_file(tmp_path / "a.csv", [row_of(enrolment) for enrolment in enrolments])

    def test_two_at_once_import_everything_once(self, in_parallel, institution, path):
        results = in_parallel(lambda: import_achievements(path=path, institution=institution), times=2)
        assert sorted((counts.created, counts.unchanged) for counts in results) == [(0, 3), (3, 0)]
        assert Achievement.objects.count() == 3

    @pytest.mark.parametrize("tries", [3, 1], ids=["looks_again", "control"])
    def test_learner_who_adds_the_same_one_meanwhile(
        self, in_parallel, institution, enrolments, type_, path, monkeypatch, tries
    ):
        monkeypatch.setattr(writing, "TRIES", tries)
        held, learner = writing.AchievementWriter._held, enrolments[0].learner
        added = []

        def held_before_the_learner_adds(self, wanted):
            found = held(self, wanted)
            if not added:
                added.append(in_parallel(add, times=1))
            return found

        def add():
            AchievementFactory(learner=learner, type=type_, certificate_number="ZS-1", body_name=institution.name)

        monkeypatch.setattr(writing.AchievementWriter, "_held", held_before_the_learner_adds)
        if tries == 1:
            with pytest.raises(IntegrityError):
                import_achievements(path=path, institution=institution)
            return
        counts = import_achievements(path=path, institution=institution)
        assert (counts.created, counts.refused) == (2, 1)


class TestPages:
    @pytest.fixture(autouse=True)
    def files_folder(self, settings, tmp_path):
        settings.MEDIA_ROOT = tmp_path

    @pytest.fixture
    def clerk(self, client, institution):
        user = InstitutionUserFactory(institution=institution)
        client.force_login(user)
        return user

    def upload(self, client, rows):
        response = client.post(UPLOAD, {"file": SimpleUploadedFile("成果.csv", csv_bytes(rows))})
        job = AchievementImport.objects.get()
        assert response.url == job.get_absolute_url()
        return job

    @pytest.mark.django_db(transaction=True)
    def test_clerk_checks_confirms_and_downloads_the_report(self, client, clerk, enrolments, type_):
        bad = row_of(enrolments[1], 取得时间="以前")
        job = self.upload(client, [row_of(enrolments[0]), bad])
        assert "检查中" in client.get(job.get_absolute_url()).content.decode()
        run_achievement_import(job.pk)
        page = client.get(job.get_absolute_url()).content.decode()
        assert "确认导入" in page
        assert '<td data-label="内容">以前</td>' in page  # the refused rows stand on the page too
        assert enrolments[1].learner.document_number not in page
        assert not Achievement.objects.exists()
        report = client.get(job.report_url).content.decode()
        assert "取得时间" in report
        assert enrolments[1].learner.document_number not in report
        client.post(job.get_absolute_url(), {"action": "confirm"})
        run_achievement_import(job.pk)
        run_achievement_import(job.pk)
        job.refresh_from_db()
        assert (job.status, job.counts["created"], job.counts["refused"]) == ("done", 1, 1)
        assert not job.path.exists()
        assert Achievement.objects.count() == 1

    @pytest.mark.django_db(transaction=True)
    def test_clerk_is_asked_to_confirm_only_what_would_change_something(self, client, clerk, enrolments, type_):
        job = self.upload(client, [row_of(enrolments[0], 取得时间="以前")])
        run_achievement_import(job.pk)
        page = client.get(job.get_absolute_url()).content.decode()
        assert "没有可以导入的行" in page
        assert "确认导入" not in page
        client.post(job.get_absolute_url(), {"action": "cancel"})
        assert "已取消" in client.get(job.get_absolute_url()).content.decode()

    def test_page_lists_the_columns_of_the_types_too(self, client, clerk, type_):
        TypeField.objects.create(type=type_, key="prize", label="奖项")
        page = client.get(UPLOAD).content.decode()
        assert "名录编号" in page
        assert "奖项" in page

    def test_stranger_learner_and_visitor_see_no_import(self, client, clerk, enrolments, type_):
        job = self.upload(client, [row_of(enrolments[0])])
        for user, status in [(InstitutionUserFactory(), 404), (UserFactory(), 403), (None, 302)]:
            client.logout()
            if user:
                client.force_login(user)
            for url in [job.get_absolute_url(), job.report_url]:
                assert client.get(url).status_code == status
            assert client.post(job.get_absolute_url(), {"action": "confirm"}).status_code == status
            if status != 404:
                assert client.get(UPLOAD).status_code == status
                assert client.post(UPLOAD).status_code == status

    def test_learner_who_activates_later_sees_what_was_imported(self, client, load, enrolments, type_):
        load([row_of(enrolments[0]), row_of(enrolments[1])])
        assert not hasattr(Learner.objects.get(pk=enrolments[0].learner_id), "user")
        client.force_login(UserFactory(learner=enrolments[0].learner))
        page = client.get(reverse("portal:my_information")).content.decode()
        assert "社区急救培训" in page
        assert "机构导入" in page
        detail = client.get(enrolments[0].learner.achievements.get().get_absolute_url()).content.decode()
        assert "机构导入(示例职业学院)" in detail
        other = enrolments[1].learner.achievements.get()
        assert client.get(other.get_absolute_url()).status_code == 404


def test_command_imports_the_file(enrolments, institution, type_, tmp_path, capsys):
    path = csv_file(tmp_path / "a.csv", [row_of(enrolments[0])])
    call_command("import_achievements", str(path), institution=institution.bank_code, json=True)
    assert '"created": 1' in capsys.readouterr().out


def test_demo_files_are_what_they_say(tmp_path):
    call_command("load_reference", verbosity=0)
    institution = InstitutionFactory(bank_code="gdlg00001")
    call_command("import_roster", "demo/roster.csv", institution="gdlg00001", json=True)
    counts = import_achievements(path="demo/achievements.csv", institution=institution)
    assert (counts.created, counts.refused) == (36, 0)
    counts = import_achievements(path="demo/achievements_with_errors.csv", institution=institution)
    assert (counts.unchanged, counts.refused) == (2, 7)
