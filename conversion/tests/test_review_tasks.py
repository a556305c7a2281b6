import pytest
from django.urls import reverse

from conversion.services.appeals import appeal
from conversion.tests.scene import Scene, make_reviewer


@pytest.mark.django_db
def test_reviewer_sees_at_once_how_many_cases_wait(client):
    scene = Scene()
    application = scene.submit()
    client.force_login(scene.first_reviewer)
    assert "待我审核 1 件" in client.get(reverse("admin:index")).content.decode()
    scene.decide(application, "first_approve", scene.first_reviewer)
    assert "目前没有待我审核的申请" in client.get(reverse("admin:index")).content.decode()
    client.force_login(scene.final_reviewer)
    assert "待我审核 1 件" in client.get(reverse("admin:index")).content.decode()


@pytest.mark.django_db
def test_staff_without_review_rights_sees_no_tasks(client):
    client.force_login(make_reviewer())
    assert "待我审核" not in client.get(reverse("admin:index")).content.decode()


@pytest.mark.django_db
def test_who_judges_appeals_is_told_of_them(client):
    scene = Scene()
    application = scene.submit()
    scene.reject(application)
    client.force_login(make_reviewer(rights=["appeal"]))
    assert "目前没有待我审核的申请" in client.get(reverse("admin:index")).content.decode()
    appeal(application=application, by=scene.user, text="材料齐全")
    assert "待我审核 1 件" in client.get(reverse("admin:index")).content.decode()
