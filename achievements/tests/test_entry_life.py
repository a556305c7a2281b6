"""名录成果 from draft to 停用: what institutions, the centre and raw SQL can do."""

import datetime as dt

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from accounts.tests.factories import InstitutionFactory, UserFactory
from achievements.importers.catalogue import import_catalogue
from achievements.models import CatalogueAlias, CatalogueEntry, EntryRecord, LevelFamily
from achievements.services.catalogue import (
    EntryError,
    approve_entry,
    change_entry,
    delete_draft,
    resume_entry,
    return_entry,
    stop_entry,
    submit_entry,
    take_back_entry,
)
from achievements.tests.factories import AchievementFactory, EntryFactory, TypeFactory
from messaging.models import InboxMessage
from portal.management.commands.load_reference import load_groups

pytestmark = pytest.mark.django_db

LIST = reverse("achievements:own_entries")
ADD = reverse("achievements:own_entry_add")
ACTIONS = ["submit", "take_back", "delete", "stop", "resume"]


def institution_user(institution=None):
    return UserFactory(learner=None, institution=institution or InstitutionFactory())


@pytest.fixture
def clerk():
    return institution_user()


@pytest.fixture
def operator():
    load_groups()
    operator = UserFactory(learner=None, is_staff=True)
    operator.groups.add(Group.objects.get(name="运营管理员"))
    return operator


def draft_of(clerk, **fields):
    fields = {
        "status": "draft",
        "keeper": "institution",
        "institution": clerk.institution,
        "drafted_by": clerk,
    } | fields
    return EntryFactory(**fields)


def typed(**changes):
    return {
        "project_name": "1+X证书", "name": "示例物流管理证书", "type": TypeFactory().pk, "level": "middle",
        "framework_level": 4, "hours": "80", "hours_unit": "hour", "credits": "5", "credit_basis": "16学时=1学分",
        "aliases": "物流证\n1+X物流\n物流证", "description": "示例", "action": "save",
    } | changes  # fmt: skip


# The institution's pages --------------------------------------------------------------------------------------


def test_visitor_learner_and_unlisted_institution_have_no_own_entries(client):
    entry = draft_of(institution_user())
    pages = [
        LIST,
        ADD,
        *(reverse(f"achievements:{name}", args=[entry.pk]) for name in ["own_entry", "own_entry_edit"]),
    ]
    for url in pages:
        assert client.get(url).url.startswith(reverse("accounts:sign_in"))
    pending = InstitutionFactory(status="pending", bank_code=None)
    staff = UserFactory(learner=None, institution=entry.institution, is_staff=True)
    for user in [UserFactory(), institution_user(pending), staff]:
        client.force_login(user)
        for url in pages:
            assert client.get(url).status_code == 403, url


def test_another_institution_finds_nothing(client, clerk):
    entry = draft_of(clerk)
    client.force_login(institution_user())
    assert entry.name not in client.get(LIST).content.decode()
    for name in ["own_entry", "own_entry_edit"]:
        assert client.get(reverse(f"achievements:{name}", args=[entry.pk])).status_code == 404
    for action in ACTIONS:
        url = reverse(f"achievements:own_entry_{action}", args=[entry.pk])
        assert client.post(url, {"reason": "无"}).status_code == 404
    entry.refresh_from_db()
    assert entry.status == "draft"


def test_institution_finds_one_of_its_own_entries_by_any_of_its_names(client, clerk):
    draft, other = draft_of(clerk, name="物流管理"), draft_of(clerk, name="幼儿照护", status="submitted")
    CatalogueAlias.objects.create(entry=draft, name="仓储证")
    stranger = draft_of(institution_user(), name="物流管理")
    client.force_login(clerk)

    def found(**asked):
        return list(client.get(LIST, asked).context["page_obj"])

    assert found(q="物流 管理") == found(q="仓储") == found(q="\u200b仓储") == found(status="draft") == [draft]
    assert found(status="submitted") == [other]
    assert found(q="%") == found(q="仓储", status="submitted") == found(status="individual") == []
    assert stranger not in found()
    assert "最多输入 100 个字" in client.get(LIST, {"q": "字" * 101}).content.decode()


def test_institution_drafts_submits_and_hears_of_the_approval(client, clerk, operator):
    client.force_login(clerk)
    entry_url = client.post(ADD, typed()).url
    entry = CatalogueEntry.objects.get()
    assert entry_url == reverse("achievements:own_entry", args=[entry.pk])
    assert (entry.status, entry.keeper, entry.institution) == ("draft", "institution", clerk.institution)
    assert sorted(entry.aliases.values_list("name", flat=True)) == ["1+X物流", "物流证"]
    assert client.get(entry.get_absolute_url()).status_code == 404

    edited = typed(name="示例物流管理中级证书", aliases="物流证", action="submit")
    client.post(reverse("achievements:own_entry_edit", args=[entry.pk]), edited)
    entry.refresh_from_db()
    assert (entry.status, entry.name, entry.aliases.count()) == ("submitted", "示例物流管理中级证书", 1)
    assert "正在等待管理中心审核" in client.get(entry_url).content.decode()

    approve_entry(entry=entry, by=operator)
    page = client.get(entry.get_absolute_url()).content.decode()
    for words in ["80学时", "16学时=1学分", "物流证"]:
        assert words in page
    message = InboxMessage.objects.get(recipient=clerk)
    assert (message.subject, message.link) == ("名录成果已批准", entry_url)


def test_institution_sees_why_an_entry_came_back_and_submits_again(client, clerk, operator):
    entry = draft_of(clerk)
    submit_entry(entry=entry, by=clerk)
    return_entry(entry=entry, by=operator, reason="请写明学时。")
    client.force_login(clerk)
    for url in [
        LIST,
        reverse("achievements:own_entry", args=[entry.pk]),
        reverse("achievements:own_entry_edit", args=[entry.pk]),
    ]:
        assert "请写明学时。" in client.get(url).content.decode(), url
    client.post(reverse("achievements:own_entry_submit", args=[entry.pk]))
    entry.refresh_from_db()
    assert entry.status == "submitted"
    assert [record.action for record in entry.records.all()] == ["submitted", "returned", "submitted"]


def test_a_submitted_entry_is_not_edited_but_taken_back(client, clerk):
    entry = draft_of(clerk, status="submitted")
    client.force_login(clerk)
    edit = reverse("achievements:own_entry_edit", args=[entry.pk])
    assert client.post(edit, typed(name="改名")).status_code == 302
    client.post(reverse("achievements:own_entry_delete", args=[entry.pk]))
    entry.refresh_from_db()
    assert entry.name != "改名"
    client.post(reverse("achievements:own_entry_take_back", args=[entry.pk]))
    client.post(edit, typed(name="改名"))
    entry.refresh_from_db()
    assert (entry.status, entry.name) == ("draft", "改名")
    client.post(reverse("achievements:own_entry_delete", args=[entry.pk]))
    assert not CatalogueEntry.objects.exists()


def test_errors_stand_beside_the_field_and_nothing_typed_is_lost(client, clerk):
    other = draft_of(clerk)
    client.force_login(clerk)
    wrong = typed(framework_level=9, credits="-1", valid_from="2022-01-01", valid_to="2021-01-01")
    page = client.post(ADD, wrong).content.decode()
    for words in ["示例物流管理证书", "物流证", "invalid-feedback"]:
        assert words in page
    form = client.post(ADD, typed(valid_from="2022-01-01", valid_to="2021-01-01")).context["form"]
    assert form.errors == {"valid_to": ["失效日期不能早于生效日期。"]}
    page = client.post(ADD, typed(project_name=other.project_name, name=other.name)).content.decode()
    assert "该机构已有同名的成果" in page
    assert CatalogueEntry.objects.count() == 1


def test_the_same_draft_twice_is_one(client, clerk):
    client.force_login(clerk)
    data = typed()
    assert client.post(ADD, data).status_code == 302
    assert "该机构已有同名的成果" in client.post(ADD, data).content.decode()


def test_institution_stops_and_resumes_its_own_entry(client, clerk, operator):
    entry = draft_of(clerk, status="submitted")
    approve_entry(entry=entry, by=operator)
    client.force_login(clerk)
    stop = reverse("achievements:own_entry_stop", args=[entry.pk])
    client.post(stop, {"reason": " "})
    entry.refresh_from_db()
    assert entry.is_active
    client.post(stop, {"reason": "已有新版"})
    entry.refresh_from_db()
    assert (entry.is_active, entry.stop_reason) == (False, "已有新版")
    page = client.get(entry.get_absolute_url()).content.decode()
    assert "已停用" in page
    assert "已有新版" in page
    client.post(reverse("achievements:own_entry_resume", args=[entry.pk]))
    entry.refresh_from_db()
    assert entry.is_choosable
    assert "恢复启用" in client.get(entry.get_absolute_url()).content.decode()


def test_institution_cannot_resume_what_the_centre_stopped(client, clerk, operator):
    entry = draft_of(clerk, status="submitted")
    approve_entry(entry=entry, by=operator)
    stop_entry(entry=entry, by=clerk, reason="暂停")
    resume_entry(entry=entry, by=clerk)
    stop_entry(entry=entry, by=operator, reason="查实有误")
    assert "查实有误" in InboxMessage.objects.filter(recipient=clerk).latest("pk").body
    client.force_login(clerk)
    resume = reverse("achievements:own_entry_resume", args=[entry.pk])
    page = client.get(reverse("achievements:own_entry", args=[entry.pk])).content.decode()
    assert resume not in page
    assert "由管理中心停用" in page
    assert "由管理中心停用" in client.post(resume, follow=True).content.decode()
    entry.refresh_from_db()
    assert not entry.is_active
    resume_entry(entry=entry, by=operator)
    assert entry.is_active


def test_entries_of_the_centre_are_only_read(client, clerk):
    entry = EntryFactory(institution=clerk.institution)
    client.force_login(clerk)
    assert "由管理中心维护" in client.get(reverse("achievements:own_entry", args=[entry.pk])).content.decode()
    assert client.get(reverse("achievements:own_entry_edit", args=[entry.pk])).status_code == 404
    assert client.post(reverse("achievements:own_entry_stop", args=[entry.pk]), {"reason": "无"}).status_code == 404


# Verbs --------------------------------------------------------------------------------------------------------


def test_only_the_centre_approves_and_never_the_drafter(clerk, operator):
    entry = draft_of(clerk, status="submitted")
    colleague = UserFactory(learner=None, institution=clerk.institution, is_staff=True, is_superuser=True)
    for user in [clerk, colleague, UserFactory(learner=None, is_staff=True)]:
        with pytest.raises(EntryError, match="只有管理中心"):
            approve_entry(entry=entry, by=user)
    own = draft_of(clerk, status="submitted", drafted_by=operator)
    with pytest.raises(EntryError, match="不能由起草人批准"):
        approve_entry(entry=own, by=operator)
    with pytest.raises(IntegrityError, match="institution_entry_is_approved_by_another"), transaction.atomic():
        CatalogueEntry.objects.filter(pk=own.pk).update(status="approved", approved_by=operator)
    with pytest.raises(IntegrityError, match="institution_entry_is_approved_by_another"), transaction.atomic():
        CatalogueEntry.objects.filter(pk=own.pk).update(status="approved")


def test_the_second_decision_finds_nothing_to_decide(clerk, operator):
    entry = draft_of(clerk, status="submitted")
    approve_entry(entry=entry, by=operator)
    for verb, more in [(approve_entry, {}), (return_entry, {"reason": "无"})]:
        with pytest.raises(EntryError, match="可能已由他人处理"):
            verb(entry=entry, by=operator, **more)
    for verb in [submit_entry, take_back_entry, delete_draft]:
        with pytest.raises(EntryError):
            verb(entry=entry, by=clerk)
    with pytest.raises(EntryError):
        resume_entry(entry=entry, by=clerk)
    assert entry.records.count() == 1


def test_decisions_need_reasons(clerk, operator):
    entry = draft_of(clerk, status="submitted")
    with pytest.raises(EntryError, match="请填写原因"):
        return_entry(entry=entry, by=operator, reason=" ")
    with pytest.raises(IntegrityError, match="returned_entry_tells_why"), transaction.atomic():
        CatalogueEntry.objects.filter(pk=entry.pk).update(status="returned")
    approve_entry(entry=entry, by=operator)
    with pytest.raises(EntryError, match="请填写原因"):
        stop_entry(entry=entry, by=operator, reason="")
    with pytest.raises(IntegrityError, match="stopped_entry_tells_why"), transaction.atomic():
        CatalogueEntry.objects.filter(pk=entry.pk).update(is_active=False)


# What the database keeps ----------------------------------------------------------------------------------------


def test_nothing_about_an_approved_entry_changes_silently(operator):
    family = LevelFamily.objects.create(name="物流")
    entry = EntryFactory(name="旧名", level="junior")
    entry.name, entry.level, entry.family, entry.family_rank = "新名", "middle", family, 2
    change_entry(entry=entry, by=operator, reason="主管部门更名")
    record = entry.records.get()
    assert (record.action, record.by, record.reason) == ("changed", operator, "主管部门更名")
    assert sorted((str(label), before, after) for label, before, after in record.change_rows) == sorted(
        [("成果名称", "旧名", "新名"), ("等级", "初级", "中级"), ("等级系列", "", "物流"), ("系列中的次序", "", 2)],
    )
    assert list(entry.aliases.values_list("name", "kind")) == [("旧名", "former")]


def test_raw_sql_leaves_a_record_too_and_a_draft_none():
    entry = EntryFactory(name="旧名")
    CatalogueEntry.objects.filter(pk=entry.pk).update(name="新名")
    CatalogueEntry.objects.filter(pk=entry.pk).update(name="旧名")
    assert [(record.by, record.changes) for record in entry.records.all()] == [
        (None, {"name": ["旧名", "新名"]}),
        (None, {"name": ["新名", "旧名"]}),
    ]
    assert list(entry.aliases.values_list("name", flat=True)) == ["新名"]
    draft = EntryFactory(status="draft")
    CatalogueEntry.objects.filter(pk=draft.pk).update(name="新名")
    assert not EntryRecord.objects.filter(entry=draft).exists()


def test_history_only_grows_and_approval_stays():
    entry = EntryFactory()
    CatalogueEntry.objects.filter(pk=entry.pk).update(level="senior")
    with pytest.raises(IntegrityError, match="only grows"), transaction.atomic():
        entry.records.update(reason="改写")
    with pytest.raises(IntegrityError, match="only grows"), transaction.atomic():
        entry.records.all().delete()
    with pytest.raises(IntegrityError, match="never a draft again"), transaction.atomic():
        CatalogueEntry.objects.filter(pk=entry.pk).update(status="draft")


def test_who_drafted_an_entry_never_changes(clerk):
    entry = draft_of(clerk)
    for change in [{"keeper": "centre"}, {"drafted_by": UserFactory(learner=None)}]:
        with pytest.raises(IntegrityError, match="who drafted"), transaction.atomic():
            CatalogueEntry.objects.filter(pk=entry.pk).update(**change)


def test_achievements_name_approved_entries_only():
    draft = EntryFactory(status="draft")
    with pytest.raises(IntegrityError, match="names an approved entry"), transaction.atomic():
        AchievementFactory(entry=draft)
    achievement = AchievementFactory(entry=EntryFactory())
    with pytest.raises(IntegrityError, match="names an approved entry"), transaction.atomic():
        type(achievement).objects.filter(pk=achievement.pk).update(entry=draft)


def test_ranks_of_a_family_are_unique():
    family = LevelFamily.objects.create(name="英语等级")
    EntryFactory(family=family, family_rank=4)
    with pytest.raises(IntegrityError, match="family_rank_once"), transaction.atomic():
        EntryFactory(family=family, family_rank=4)
    with pytest.raises(IntegrityError, match="entry_of_a_family_has_its_rank"), transaction.atomic():
        EntryFactory(family=family)


def test_only_approved_valid_active_entries_are_choosable():
    today = timezone.localdate()
    good = EntryFactory(valid_from=today, valid_to=today)
    day = dt.timedelta(days=1)
    bad = [
        EntryFactory(status="draft"), EntryFactory(status="submitted"), EntryFactory(is_active=False),
        EntryFactory(valid_from=today + day), EntryFactory(valid_to=today - day),
    ]  # fmt: skip
    assert list(CatalogueEntry.objects.choosable()) == [good]
    assert [entry.is_choosable for entry in [good, *bad]] == [True, False, False, False, False, False]


def test_drafts_are_nowhere_public(client, clerk):
    entry = draft_of(clerk, name="尚未批准的证书")
    client.force_login(UserFactory())
    for name in ["achievements:catalogue", "achievements:choose"]:
        assert entry.name not in client.get(reverse(name)).content.decode()
    assert client.get(entry.get_absolute_url()).status_code == 404


# The admin -----------------------------------------------------------------------------------------------------


def admin_form(entry, **changes):
    return {
        "project_name": entry.project_name, "name": entry.name, "institution": entry.institution_id,
        "type": entry.type_id, "hours_unit": "hour", "description": "",
        "aliases-TOTAL_FORMS": 0, "aliases-INITIAL_FORMS": 0,
    } | changes  # fmt: skip


def admin_url(entry):
    return reverse("admin:achievements_catalogueentry_change", args=[entry.pk])


def test_operator_returns_and_approves_in_the_admin(client, clerk, operator):
    entry = draft_of(clerk, status="submitted")
    client.force_login(operator)
    page = client.post(admin_url(entry), admin_form(entry, _return="1"), follow=True).content.decode()
    assert "退回时请填写原因" in page
    client.post(admin_url(entry), admin_form(entry, _return="1", reason="缺说明"))
    entry.refresh_from_db()
    assert (entry.status, entry.return_reason) == ("returned", "缺说明")
    submit_entry(entry=entry, by=clerk)
    client.post(admin_url(entry), admin_form(entry, _approve="1", framework_level=5))
    entry.refresh_from_db()
    assert (entry.status, entry.framework_level, entry.approved_by) == ("approved", 5, operator)
    page = client.get(admin_url(entry)).content.decode()
    assert "缺说明" in page
    assert "停用(须填原因)" in page


def test_operator_filters_entries_by_the_types_that_entries_have(client, operator):
    entry = EntryFactory(type=TypeFactory(parent=TypeFactory(parent=None, name="一级分类"), name="二级类型"))
    client.force_login(operator)
    page = client.get(reverse("admin:achievements_catalogueentry_changelist"), {"type__id__exact": entry.type_id})
    assert list(page.context["cl"].queryset) == [entry]
    assert "二级类型" in page.content.decode()
    assert "一级分类" not in page.content.decode()


def test_operator_sees_at_once_what_waits_for_approval(client, clerk, operator):
    draft_of(clerk, status="submitted", submitted_at=timezone.now())
    client.force_login(operator)
    page = client.get(reverse("admin:index")).content.decode()
    assert "待批准的名录成果 1 项" in page
    listed = client.get(reverse("admin:achievements_catalogueentry_changelist"), {"status__exact": "submitted"})
    assert listed.context["cl"].result_count == 1
    client.force_login(UserFactory(learner=None, is_staff=True))
    assert "待批准的名录成果" not in client.get(reverse("admin:index")).content.decode()


def test_operator_changes_an_approved_entry_with_a_reason_only(client, operator):
    entry = EntryFactory(name="旧名")
    client.force_login(operator)
    page = client.post(admin_url(entry), admin_form(entry, name="新名")).content.decode()
    assert "这项成果已批准,变更时请填写原因" in page
    client.post(admin_url(entry), admin_form(entry, name="新名", reason="更名"))
    entry.refresh_from_db()
    assert entry.name == "新名"
    assert entry.records.get().by == operator
    assert CatalogueAlias.objects.get(entry=entry).name == "旧名"
    client.post(admin_url(entry), admin_form(entry, _stop="1", reason="不再颁发"))
    entry.refresh_from_db()
    assert entry.stop_reason == "不再颁发"


def test_operator_adds_and_approves_an_entry_of_the_centre(client, operator):
    model = EntryFactory.build(institution=InstitutionFactory(), type=TypeFactory())
    client.force_login(operator)
    client.post(reverse("admin:achievements_catalogueentry_add"), admin_form(model))
    entry = CatalogueEntry.objects.get()
    assert (entry.status, entry.drafted_by) == ("draft", operator)
    data = {"action": "approve_selected", "_selected_action": [entry.pk]}
    client.post(reverse("admin:achievements_catalogueentry_changelist"), data)
    entry.refresh_from_db()
    assert entry.status == "approved"
    assert client.post(reverse("admin:achievements_catalogueentry_delete", args=[entry.pk])).status_code == 403


def test_reviewers_of_an_institution_see_no_drafts_of_others(client, clerk):
    load_groups()
    reviewer = UserFactory(learner=None, institution=InstitutionFactory(), is_staff=True)
    reviewer.groups.add(Group.objects.get(name="初审员"))
    entry, public = draft_of(clerk), EntryFactory()
    client.force_login(reviewer)
    page = client.get(reverse("admin:achievements_catalogueentry_changelist")).content.decode()
    assert public.name in page
    assert entry.name not in page
    assert client.post(admin_url(public), admin_form(public, _stop="1", reason="x")).status_code == 403
    assert client.get(admin_url(entry)).status_code == 302


# Races ---------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_an_entry_is_decided_once_however_many_decide(in_parallel):
    clerk, operator = institution_user(), UserFactory(learner=None, is_staff=True, is_superuser=True)
    entry = draft_of(clerk, status="submitted")

    def approve():
        return approve_entry(entry=CatalogueEntry.objects.get(pk=entry.pk), by=operator)

    answers = in_parallel(approve, times=4)
    assert answers.count(None) == 1
    assert [type(answer) for answer in answers if answer] == [EntryError] * 3
    assert entry.records.count() == 1
    assert InboxMessage.objects.filter(recipient=clerk).count() == 1


@pytest.mark.django_db(transaction=True)
def test_read_then_write_would_decide_several_times(in_parallel, monkeypatch):
    """Positive control: without the state in the UPDATE's condition several decisions pass."""
    clerk, operator = institution_user(), UserFactory(learner=None, is_staff=True, is_superuser=True)
    entry = draft_of(clerk, status="submitted")
    monkeypatch.setattr("achievements.services.catalogue._open_states", lambda entry: CatalogueEntry.Status.values)

    def approve():
        return approve_entry(entry=CatalogueEntry.objects.get(pk=entry.pk), by=operator)

    assert in_parallel(approve, times=4).count(None) > 1


ROOMY = {"hours_unit": "hour", "description": "第一段  有空格。\r\n\r\n第二段。"}


def test_texts_typed_by_an_institution_come_back_unchanged_from_its_own_export(client, clerk, operator, tmp_path):
    client.force_login(clerk)
    type_ = TypeFactory()
    names = {"project_name": "示例\u200b项目", "name": "示例  证\u200b书", "aliases": "甲\u200b名\r\n乙名"}
    client.post(ADD, {"type": type_.pk, "action": "submit"} | names | ROOMY)
    entry = CatalogueEntry.objects.get()
    assert (entry.project_name, entry.name) == ("示例项目", "示例 证书")
    assert [alias.name for alias in entry.aliases.all()] == ["乙名", "甲名"]
    approve_entry(entry=entry, by=operator)
    path = tmp_path / "own.csv"
    path.write_bytes(client.get(reverse("achievements:own_entries_export", args=["csv"])).getvalue())
    counts = import_catalogue(path=path, by=clerk)
    assert (counts.created, counts.updated, counts.unchanged, counts.refused) == (0, 0, 1, 0)
    entry.refresh_from_db()
    assert entry.description == "第一段  有空格。\n\n第二段。"


def test_institution_fills_the_description_to_its_end(client, clerk):
    client.force_login(clerk)
    words = "\r\n".join(["字" * 99] * 6)  # 600 characters for a browser
    data = {"type": TypeFactory().pk, "project_name": "示例项目", "name": "示例证书", "hours_unit": "hour"}
    assert client.post(ADD, data | {"description": words + "字"}).status_code == 302


@pytest.mark.parametrize("day", ["0224-05-01", "9999-12-31"])
def test_a_validity_in_a_year_nobody_means_is_told(client, clerk, operator, day, tmp_path):
    client.force_login(clerk)
    type_ = TypeFactory()
    data = {"type": type_.pk, "project_name": "示例项目", "name": "示例证书", "hours_unit": "hour"}
    assert "长期有效的,失效日期留空" in client.post(ADD, data | {"valid_to": day}).content.decode()
    path = tmp_path / "own.csv"
    cells = ["示例项目", "示例证书", clerk.institution.bank_code, type_.code, day]
    path.write_text("项目名称,成果名称,机构代码,成果类型,失效日期\n" + ",".join(cells), encoding="utf-8")
    assert import_catalogue(path=path, by=clerk, report=tmp_path / "report.csv").refused == 1
    assert "长期有效的" in (tmp_path / "report.csv").read_text(encoding="utf-8-sig")
    assert not CatalogueEntry.objects.exists()
