"""Tables as everybody and as learners read them."""

import pytest
from django.urls import reverse

from conversion.models import CriteriaTest
from conversion.tests.performance.awards import make_award
from conversion.tests.scene import make_learner_user


@pytest.mark.django_db
class TestPages:
    def test_anybody_reads_the_table_of_a_rule(self, client, competition, django_assert_max_num_queries):
        with django_assert_max_num_queries(14):
            page = client.get(competition.get_absolute_url()).content.decode()
        compact = "".join(page.split())
        cells = [
            "须先认定的“业绩类-竞赛奖励”成果",
            ">≤3<",
            ">不限<",
            ">3.0<",
            "学分按上表",
            "所属赛事相同的几项成果只计最高",
        ]
        assert [cell for cell in cells if cell not in compact] == []
        assert "您符合这一档" not in page

    @pytest.mark.parametrize(
        ("bounds", "words"),
        [((None, 3), "≤3"), ((4, None), "≥4"), ((4, 8), "4–8"), ((2, 2), "2"), (("0", "1.5"), "0–1.5")],
    )
    def test_bounds_read_as_people_write_them(self, bounds, words):
        low, high = bounds
        assert CriteriaTest(min_number=low, max_number=high).required == words

    def test_learner_sees_which_row_counts_and_what_is_higher(self, client, scene, competition):
        lower = make_award(scene, competition, "省赛获奖", prize="二等奖", rank="5")
        url = reverse("conversion:performance_apply", args=[lower.pk])
        client.force_login(scene.user)
        page = client.get(url).content.decode()
        assert page.count("您符合这一档") == 1
        assert "“2024年示例技能大赛”中学分最高的成果" in page
        make_award(scene, competition, "国赛获奖", competition_level="国家级")
        assert "您的“国赛获奖”可得 3.0 学分,请用它申请" in client.get(url).content.decode()

    def test_learner_below_the_table_reads_that_he_does_not_meet_it(self, client, scene, competition):
        """「还缺成果」 would send him for more achievements; a table asks about this one."""
        award = make_award(scene, competition, competition_level="校级")
        client.force_login(scene.user)
        page = client.get(reverse("conversion:performance_apply", args=[award.pk])).content.decode()
        assert "不符合条件" in page
        assert "还缺成果" not in page

    def test_learner_who_can_choose_no_table_is_not_asked_to_submit(self, client, scene, competition, award):
        low = make_award(scene, competition, competition_level="校级")
        client.force_login(scene.user)
        page = client.get(reverse("conversion:performance_apply", args=[low.pk])).content.decode()
        assert "现在没有可以选择的业绩标准" in page
        assert "提交</button>" not in page
        page = client.get(reverse("conversion:performance_apply", args=[award.pk])).content.decode()
        assert "现在没有可以选择的业绩标准" not in page
        assert "提交</button>" in page

    def test_strangers_and_visitors_do_not_see_whether_it_counts(self, client, scene, competition, award):
        url = reverse("conversion:performance_apply", args=[award.pk])
        assert client.get(url).status_code == 302
        client.force_login(make_learner_user())
        assert client.get(url).status_code == 404

    def test_learner_whose_form_is_refused_keeps_the_table_he_chose(self, client, scene, competition, award):
        client.force_login(scene.user)
        url = reverse("conversion:performance_apply", args=[award.pk])
        page = " ".join(client.post(url, {"version": competition.pk, "token": "x"}).content.decode().split())
        assert f'id="version-{competition.pk}" checked' in page
