"""成果类型 as data: what operators set up in the admin, learners fill in."""

import io
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.urls import reverse
from PIL import Image

from accounts.tests.factories import UserFactory
from achievements.models import Achievement, AchievementType, TypeField
from achievements.rules import check_extra
from achievements.tests.factories import AchievementFactory, TypeFactory
from portal.management.commands.load_reference import load_groups

pytestmark = pytest.mark.django_db

ADD = reverse("achievements:add")
TYPES = reverse("admin:achievements_achievementtype_add")


@pytest.fixture
def operator_client(client):
    from django.contrib.auth.models import Group

    load_groups()
    operator = UserFactory(learner=None, is_staff=True)
    operator.groups.add(Group.objects.get(name="运营管理员"))
    client.force_login(operator)
    return client


@pytest.fixture(autouse=True)
def files_folder(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def picture(name="证书.png"):
    content = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(content, "PNG")
    return SimpleUploadedFile(name, content.getvalue())


def inline(prefix, rows, initial=0):
    """The POST data of an admin inline."""
    data = {f"{prefix}-TOTAL_FORMS": len(rows), f"{prefix}-INITIAL_FORMS": initial}
    for number, row in enumerate(rows):
        data |= {f"{prefix}-{number}-{name}": value for name, value in row.items()}
    return data


def field_row(**changes):
    row = {"label": "", "key": "", "kind": "text", "choices": "", "position": 1, "decimals": 0, "is_active": "on"}
    return row | changes


def type_form(parent, **changes):
    labels = {
        "name_label": "专著名称",
        "body_label": "出版社",
        "number_label": "书号",
        "obtained_label": "出版时间",
    }
    return {
        "parent": parent.pk, "name": "业绩类-专著", "code": "monograph", "position": 1, "is_active": "on",
        "min_files": 2, **labels,
    } | changes  # fmt: skip


FIELDS = [
    field_row(label="著作类别", key="book_kind", kind="choice", choices="专著\n教材", required="on"),
    field_row(label="千字数", key="words", kind="number", minimum="10", maximum="900", decimals=1, required="on"),
    field_row(label="合同日期", key="signed_on", kind="date"),
    field_row(label="交稿日期", key="handed_on", kind="date", not_before="signed_on"),
]


def typed(type_, **changes):
    return {
        "type": type_.pk, "name": "县域成人教育", "body_name": "示例出版社", "body_code": "无",
        "certificate_number": "978-7", "obtained_on": "2021-12-14", "action": "save",
        "extra_book_kind": "专著", "extra_words": "210.5",
    } | changes  # fmt: skip


def test_operator_adds_a_type_in_the_admin_and_a_learner_an_achievement_of_it(operator_client):
    parent = TypeFactory(parent=None, name="其他类")
    materials = [{"label": "版权页", "hint": "有书号的一页", "is_required": "on", "position": 1}]
    data = type_form(parent) | inline("extra_fields", FIELDS) | inline("materials", materials)
    assert operator_client.post(TYPES, data).status_code == 302
    type_ = AchievementType.objects.get(code="monograph")

    learner = UserFactory()
    operator_client.force_login(learner)
    page = operator_client.get(ADD, {"type": type_.pk}).content.decode()
    for words in [
        "业绩类-专著",
        "专著名称",
        "书号",
        "著作类别",
        "教材",
        "千字数",
        "版权页",
        "有书号的一页",
        "至少需要2个文件",
    ]:
        assert words in page

    page = operator_client.post(
        ADD,
        typed(type_, extra_words="5", extra_signed_on="2021-03-02", extra_handed_on="2021-03-01")
        | {"files": [picture()]},
    ).content.decode()
    for words in ["应在10到900之间", "不能早于合同日期", "这类成果至少需要2个文件"]:
        assert words in page
    assert not Achievement.objects.exists()

    files = [picture("封面.png"), picture("版权页.png")]
    response = operator_client.post(ADD, typed(type_, extra_signed_on="2021-03-02") | {"files": files})
    assert response.status_code == 302
    achievement = Achievement.objects.get(learner=learner.learner)
    assert achievement.extra == {"book_kind": "专著", "words": "210.5", "signed_on": "2021-03-02"}
    page = operator_client.get(achievement.get_absolute_url()).content.decode()
    for words in ["著作类别", "专著", "千字数", "210.5"]:
        assert words in page


def change_fields(client, type_, rows):
    url = reverse("admin:achievements_achievementtype_change", args=[type_.pk])
    data = type_form(type_.parent, code=type_.code, min_files=1) | inline("extra_fields", rows, initial=len(rows))
    return client.post(url, data | inline("materials", []))


def held_field(**changes):
    field = TypeField.objects.create(type=TypeFactory(), key="prize", label="奖项", kind="choice", choices="一等奖")
    achievement = AchievementFactory(type=field.type, extra={"prize": "一等奖"})
    row = field_row(id=field.pk, label="奖项", key="prize", kind="choice", choices="一等奖", required="on")
    return field, achievement, row | changes


def test_operator_cannot_delete_or_rename_a_field_in_use(operator_client):
    for change in [{"DELETE": "on"}, {"key": "award"}]:
        field, _achievement, row = held_field(**change)
        page = change_fields(operator_client, field.type, [row]).content.decode()
        assert "已有成果填写了“奖项”" in page
        assert TypeField.objects.filter(pk=field.pk, key="prize").exists()


def test_operator_deletes_a_field_nobody_used(operator_client):
    field, achievement, row = held_field(DELETE="on")
    Achievement.objects.filter(pk=achievement.pk).update(extra={})
    assert change_fields(operator_client, field.type, [row]).status_code == 302
    assert not TypeField.objects.filter(pk=field.pk).exists()


def test_operator_saves_a_page_on_which_a_field_stands_that_a_colleague_has_deleted(operator_client):
    field, achievement, row = held_field()
    Achievement.objects.filter(pk=achievement.pk).update(extra={})
    TypeField.objects.filter(pk=field.pk).delete()
    page = change_fields(operator_client, field.type, [row])
    assert page.status_code == 200
    assert "errornote" in page.content.decode()


def test_database_keeps_a_field_in_use():
    field, _achievement, _row = held_field()
    with pytest.raises(IntegrityError, match="stop it instead"), transaction.atomic():
        TypeField.objects.filter(pk=field.pk).update(key="award")
    with pytest.raises(IntegrityError, match="stop it instead"), transaction.atomic():
        field.delete()


def test_a_stopped_field_is_not_asked_but_shown_where_it_was_filled(client):
    field, achievement, _row = held_field()
    TypeField.objects.filter(pk=field.pk).update(is_active=False)
    assert achievement.extra_rows == [("奖项", "一等奖")]
    assert AchievementFactory(type=field.type).extra_rows == []
    client.force_login(UserFactory())
    assert "奖项" not in client.get(ADD, {"type": field.type.pk}).content.decode()


def test_operator_is_told_of_an_unknown_date(operator_client):
    parent = TypeFactory(parent=None)
    rows = [field_row(label="止", key="ended_on", kind="date", not_before="started_on")]
    page = operator_client.post(TYPES, type_form(parent) | inline("extra_fields", rows) | inline("materials", []))
    assert "没有日期项“started_on”" in page.content.decode()


@pytest.mark.parametrize(
    "bounds",
    [
        {"kind": "number", "maximum": "5000000"},
        {"kind": "number", "maximum": "-3"},
        {"kind": "text", "maximum": "500"},
        {"kind": "text", "minimum": "2.5"},
    ],
)
def test_operator_is_told_of_bounds_that_would_not_hold(operator_client, bounds):
    rows = [field_row(label="数量", key="count", **bounds)]
    parent = TypeFactory(parent=None)
    page = operator_client.post(TYPES, type_form(parent) | inline("extra_fields", rows) | inline("materials", []))
    assert "下限" in page.context["inline_admin_formsets"][0].formset.errors[0]["maximum"][0]


def test_operator_without_javascript_has_a_row_to_fill_in(operator_client):
    page = operator_client.get(TYPES).content.decode()
    for prefix in ["extra_fields-0-label", "materials-0-label"]:
        assert f'name="{prefix}"' in page


def test_types_have_two_levels(operator_client):
    page = operator_client.post(
        TYPES, type_form(TypeFactory()) | inline("extra_fields", []) | inline("materials", [])
    ).content.decode()
    assert not AchievementType.objects.filter(code="monograph").exists()
    assert "errornote" in page


@pytest.mark.parametrize(
    ("kind", "typed", "stored"),
    [
        ("number", "12.50", "12.5"),
        ("number", "１２", "12"),
        ("number", "nan", None),
        ("number", "1e400", None),
        ("number", "12.345", None),
        ("number", "-1", None),
        ("number", "1001", None),
        ("date", "2021/12/31", "2021-12-31"),
        ("date", "31.12.2021", None),
        ("date", "2999-01-01", None),
        ("date", "0224-05-01", None),
        ("choice", "乙", "乙"),
        ("choice", "丙", None),
        ("text", "字" * 200, "字" * 200),
        ("text", "字" * 201, None),
    ],
)
def test_values_are_checked_by_kind(kind, typed, stored):
    maximum = Decimal(1000) if kind == "number" else None
    field = TypeField(key="x", label="项", kind=kind, choices="甲\n乙", decimals=2, maximum=maximum)
    values, errors = check_extra([field], {"x": typed})
    assert values == ({"x": stored} if stored else {})
    assert bool(errors) is (stored is None)


def test_a_choice_needs_choices_and_bounds_their_order():
    with pytest.raises(ValidationError, match="可选的内容"):
        TypeField(type=TypeFactory(), key="x", label="项", kind="choice").full_clean()
    with pytest.raises(ValidationError, match="下限不能大于上限"):
        TypeField(type=TypeFactory(), key="x", label="项", kind="number", minimum=5, maximum=1).full_clean()


def test_a_type_in_use_stays_at_its_level(operator_client):
    type_ = TypeFactory(parent=TypeFactory(parent=None))
    url = reverse("admin:achievements_achievementtype_change", args=[type_.pk])
    data = (
        type_form(type_.parent, code=type_.code)
        | {"parent": ""}
        | inline("extra_fields", [])
        | inline("materials", [])
    )
    achievement = AchievementFactory(type=type_)
    assert "不能改为一级分类" in operator_client.post(url, data).content.decode()
    achievement.delete()
    assert operator_client.post(url, data).status_code == 302


def test_a_required_material_asks_for_a_file(operator_client):
    materials = [{"label": "版权页", "is_required": "on", "position": 1}]
    data = type_form(TypeFactory(parent=None), min_files=0) | inline("extra_fields", [])
    page = operator_client.post(TYPES, data | inline("materials", materials)).content.decode()
    assert "“最少文件数”不能是0" in page
    assert operator_client.post(TYPES, data | inline("materials", [])).status_code == 302
