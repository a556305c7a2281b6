"""Criteria tables as their keepers make them: lines in the admin, and what the draft's page warns of."""

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from achievements.models import AchievementType
from conversion.models import CriteriaRow
from conversion.rules.tables import table_of, table_warnings
from conversion.tests.keeping import add_row, formset, make_table_draft
from conversion.tests.scene import Scene, make_reviewer

RIGHTS = ["view_ruleversion", "change_ruleversion", "add_criteriarow", "change_criteriarow", "view_criteriarow"]
RIGHTS += ["add_criteriatest", "change_criteriatest", "delete_criteriatest", "view_criteriatest"]


@pytest.fixture
def draft(db):
    return make_table_draft()


@pytest.fixture
def keeper(client, draft):
    user = make_reviewer(draft.rule.institution)
    user.user_permissions.set(Permission.objects.filter(codename__in=RIGHTS))
    client.force_login(user)
    return client


def posted(draft, lines, **row):
    """What the page of a new row sends: every field of the type, `lines` filled in."""
    fields = draft.achievement_type.extra_fields.all()
    empty = {"value": "", "min_number": "", "max_number": ""}
    rows = [{"field": field.pk} | empty | lines.get(field.key, {}) for field in fields]
    return {"version": draft.pk, "position": 1, "credits": "3"} | row | formset("tests", rows)


class TestLines:
    ADD = "admin:conversion_criteriarow_add"

    def test_page_lists_each_field_of_the_type_once(self, keeper, draft):
        page = keeper.get(reverse(self.ADD), {"version": draft.pk})
        forms = page.context["inline_admin_formsets"][0].formset.forms
        labels = [form.fields["field"].widget.choices[0][1] for form in forms]
        assert labels == ["所属赛事", "级别", "奖项", "名次"]
        assert [choice for choice, _label in forms[1].fields["value"].widget.choices][:3] == ["", "国际级", "国家级"]

    def test_keeper_fills_in_what_matters_and_comes_back_to_the_version(self, keeper, draft):
        lines = {"competition_level": {"value": "省级"}, "rank": {"max_number": "3"}}
        response = keeper.post(reverse(self.ADD), posted(draft, lines))
        assert response.url == reverse("admin:conversion_ruleversion_change", args=[draft.pk])
        assert str(draft.criteria.get()) == "级别 省级、名次 ≤3"
        page = keeper.get(response.url).content.decode()
        assert "修改这一档" in page
        assert "注意:" not in page

    @pytest.mark.parametrize(
        ("lines", "told"),
        [
            ({}, "请至少填写一项条件"),
            ({"competition_level": {"value": "宇宙级"}}, "没有这个选项,可用:国际级、国家级"),
            ({"competition_level": {"min_number": "2"}}, "“级别”不是数字项"),
            ({"rank": {"value": "第三"}}, "“名次”填不出这个内容"),
            ({"rank": {"max_number": "0"}}, "没有成果能符合"),
            ({"rank": {"min_number": "5", "max_number": "3"}}, "“不小于”不能大于“不大于”"),
        ],
    )
    def test_what_no_achievement_can_meet_is_told_beside_the_field(self, keeper, draft, lines, told):
        page = keeper.post(reverse(self.ADD), posted(draft, lines)).content.decode()
        assert told in page
        assert not draft.criteria.exists()

    def test_line_is_changed_and_a_test_taken_out(self, keeper, draft):
        row = add_row(draft, 3, competition_level="省级", rank=(None, 3))
        level, rank = row.tests.order_by("pk")
        ids = {field.key: {"row": row.pk, "field": field.pk} for field in draft.achievement_type.extra_fields.all()}
        rows = [
            ids["competition_level"] | {"id": level.pk, "value": "国家级"},
            ids["rank"] | {"id": rank.pk, "max_number": "3", "DELETE": "on"},
            ids["event"],
            ids["prize"] | {"value": "一等奖"},
        ]
        url = reverse("admin:conversion_criteriarow_change", args=[row.pk])
        assert len(keeper.get(url).context["inline_admin_formsets"][0].formset.forms) == 4
        response = keeper.post(url, {"position": 1, "credits": "4"} | formset("tests", rows, initial=2))
        assert response.status_code == 302
        assert str(CriteriaRow.objects.get(pk=row.pk)) == "级别 国家级、奖项 一等奖"

    def test_stranger_finds_neither_the_line_nor_the_version(self, client, draft):
        row = add_row(draft, 3, competition_level="省级")
        other = make_reviewer(Scene().college)
        other.user_permissions.set(Permission.objects.filter(codename__in=RIGHTS))
        client.force_login(other)
        url = reverse("admin:conversion_criteriarow_change", args=[row.pk])
        assert client.post(url, {"position": 1, "credits": "9"}).status_code == 302
        client.post(reverse(self.ADD), posted(draft, {"rank": {"max_number": "3"}}, position=2))
        assert list(draft.criteria.values_list("credits", flat=True)) == [3]


class TestWarnings:
    def test_lines_apart_need_no_warning(self, draft):
        add_row(draft, 3, competition_level="国家级", rank=(None, 3))
        add_row(draft, 2, competition_level="国家级", rank=(4, 8))
        add_row(draft, 1, competition_level="省级")
        assert table_warnings(draft) == []

    def test_special_case_above_the_general_one_needs_no_warning(self, draft):
        add_row(draft, 1, competition_level="省级")
        add_row(draft, 3, competition_level="省级", prize="一等奖")
        assert table_warnings(draft) == []

    def test_line_that_never_counts(self, draft):
        add_row(draft, 3, competition_level="省级", rank=(None, 8))
        add_row(draft, 2, competition_level="省级", rank=(1, 3), prize="一等奖")
        add_row(draft, 3, competition_level="省级", rank=(None, 8))
        assert table_warnings(draft) == [
            "第2档用不到:符合它的成果都符合第1档(3.0 学分)。",
            "第3档用不到:符合它的成果都符合第1档(3.0 学分)。",
        ]

    def test_lines_that_overlap(self, draft):
        add_row(draft, 3, competition_level="省级", prize="一等奖")
        add_row(draft, 2, competition_level="省级", rank=(None, 10))
        assert table_warnings(draft) == ["有的成果同时符合第1档和第2档,按较高的 3.0 学分计。"]

    def test_line_without_a_test(self, draft):
        add_row(draft, 1)
        add_row(draft, 2, competition_level="省级")
        assert table_warnings(draft) == ["第1档没有条件:这个类型的任何成果都符合。"]

    def test_lines_that_no_achievement_can_meet(self, draft):
        add_row(draft, 1, competition_level="市级")
        add_row(draft, 2, competition_level="省级")
        draft.achievement_type.extra_fields.filter(key="competition_level").update(choices="国家级\n省级")
        assert table_warnings(draft) == ["第1档:级别填不出“市级”,没有成果能符合。"]
        draft.achievement_type = AchievementType.objects.get(code="performance-research")
        draft.save()
        draft.refresh_from_db()
        assert "第2档:级别不是所选业绩类型的附加项,没有成果能符合。" in table_warnings(draft)

    def test_table_has_a_column_for_each_field_that_is_tested(self, draft):
        add_row(draft, 3, rank=(None, 3), competition_level="国家级")
        add_row(draft, 2, prize="一等奖")
        table = table_of(draft)
        assert table.labels == ["级别", "奖项", "名次"]
        assert [[required for _label, required in line.cells] for line in table.lines] == [
            ["国家级", "", "≤3"],
            ["", "一等奖", ""],
        ]
