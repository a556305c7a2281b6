"""Certificates in the admin and by command: printed in numbers, corrected."""

from io import BytesIO, StringIO

import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader

from conversion.models import Certificate
from conversion.services.certificates import revoke_certificate
from conversion.tests.scene import Scene, make_achievement, make_institution, make_reviewer

LIST = reverse("admin:conversion_certificate_changelist")


@pytest.fixture
def scene(db):
    return Scene()


@pytest.fixture
def certificates(scene):
    first = scene.approved().certificate
    scene.achievement = make_achievement(scene.user, scene.entry)
    return [first, scene.approved().certificate]


def staff(institution=None, *, codenames=("view_certificate", "replace_certificate")):
    user = make_reviewer(institution)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    client.user = user
    return client


def print_selected(client, certificates):
    chosen = {"action": "print_selected", "_selected_action": [row.pk for row in certificates]}
    return client.post(LIST, chosen, follow=True)


def replace_url(certificate):
    return reverse("admin:conversion_certificate_replace", args=[certificate.pk])


def text_of(pdf):
    return [page.extract_text() for page in PdfReader(BytesIO(pdf)).pages]


def test_centre_prints_the_selected_certificates(certificates):
    pages = text_of(print_selected(staff(), certificates).content)
    assert [certificate.number in page for certificate, page in zip(certificates, pages, strict=True)] == [True, True]


RARE = "王\U00030edd"  # biáng, in no bundled font


def test_centre_and_learner_are_told_which_certificate_has_a_character_that_cannot_be_printed(scene, certificates):
    type(scene.user.learner).objects.filter(pk=scene.user.learner_id).update(name=RARE)
    scene.user.learner.refresh_from_db()
    scene.achievement = make_achievement(scene.user, scene.entry)
    rare = scene.approved().certificate
    numbers = [certificate.number for certificate in certificates]
    answer = print_selected(staff(), [*certificates, rare])
    (message,) = map(str, answer.context["messages"])
    assert f"{rare.number}(U+30EDD)" in message
    assert not any(number in message for number in numbers)
    owner = Client()
    owner.force_login(scene.user)
    chosen = {"certificate": [row.pk for row in [*certificates, rare]]}
    answer = owner.get(reverse("conversion:certificates_print"), chosen, follow=True)
    (message,) = map(str, answer.context["messages"])
    assert f"证明 {rare.number} 中有字库暂缺的字" in message


def test_centre_is_told_when_it_selects_too_many(certificates, settings):
    settings.CERTIFICATES_PER_PRINT = 1
    assert "一次最多打印 1 份" in print_selected(staff(), certificates).content.decode()


def test_institution_sees_and_prints_its_own_only(scene, certificates):
    assert certificates[0].number in staff(scene.college).get(LIST).content.decode()
    other = staff(make_institution())
    assert certificates[0].number not in other.get(LIST).content.decode()
    assert "application/pdf" not in print_selected(other, certificates)["Content-Type"]


def test_centre_corrects_a_certificate(scene, certificates):
    client, old = staff(), certificates[0]
    type(scene.user.learner).objects.filter(pk=scene.user.learner_id).update(name="王晓明")
    assert (
        replace_url(old) in client.get(reverse("admin:conversion_certificate_change", args=[old.pk])).content.decode()
    )
    assert "王晓明" in client.get(replace_url(old)).content.decode()
    page = client.post(replace_url(old), {"reason": "姓名有误"}, follow=True).content.decode()
    new = Certificate.objects.get(replaces=old)
    assert new.number in page
    assert new.content["name"] == "王晓明"
    told = scene.user.inbox_messages.first()
    assert told.subject == "转换证明已更正"
    assert f"{old.number} 已更正,请改用 {new.number}" in told.body
    old.refresh_from_db()
    assert (old.replaced_by, old.replacement_reason) == (client.user, "姓名有误")


def test_correction_needs_a_reason_and_happens_once(certificates):
    client = staff()
    assert "这个字段" in client.post(replace_url(certificates[0]), {"reason": " "}).content.decode()
    client.post(replace_url(certificates[0]), {"reason": "姓名有误"})
    again = client.post(replace_url(certificates[0]), {"reason": "再来一次"}).content.decode()
    assert "只有有效的证明可以更正" in again
    assert "再来一次" in again
    opened = client.get(replace_url(certificates[0]), follow=True).content.decode()
    assert "这份证明已更正,不能再更正。" in opened
    assert Certificate.objects.count() == 3


@pytest.mark.parametrize("who", ["viewer", "institution", "learner", "visitor"])
def test_nobody_else_corrects_a_certificate(scene, certificates, who):
    client = {
        "viewer": lambda: staff(codenames=["view_certificate"]),
        "institution": lambda: staff(scene.college),
        "learner": lambda: signed_in(scene.user),
        "visitor": Client,
    }[who]()
    assert client.post(replace_url(certificates[0]), {"reason": "x"}).status_code in {302, 403}
    assert Certificate.objects.count() == 2


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


def test_operator_prints_all_valid_certificates_by_command(scene, certificates, tmp_path):
    scene.achievement = make_achievement(scene.user, scene.entry)
    revoked = scene.approved()
    revoke_certificate(application=revoked, reason="材料不实", by=scene.final_reviewer)
    output = StringIO()
    call_command("print_certificates", tmp_path, per_file=1, institution=scene.college.bank_code, stdout=output)
    files = sorted(tmp_path.iterdir())
    assert output.getvalue().split() == [str(path) for path in files]
    assert [
        certificate.number in text_of(path.read_bytes())[0]
        for certificate, path in zip(certificates, files, strict=True)
    ] == [True, True]
    with pytest.raises(FileExistsError):
        call_command("print_certificates", tmp_path, stdout=output)


def test_command_prints_nothing_of_another_institution(certificates, tmp_path):
    call_command("print_certificates", tmp_path, institution="nobody", stdout=StringIO())
    assert list(tmp_path.iterdir()) == []


def test_command_names_and_leaves_out_what_no_font_can_show(scene, certificates, tmp_path):
    other = Scene(college=scene.college)
    type(other.user.learner).objects.filter(pk=other.user.learner_id).update(name="𠮷样例")
    other.user.refresh_from_db()
    lacking, errors = other.approved().certificate, StringIO()
    with pytest.raises(CommandError, match="1 certificates could not be printed"):
        call_command("print_certificates", tmp_path, stdout=StringIO(), stderr=errors)
    assert errors.getvalue() == f"{lacking.number} is left out: no font at hand has U+20BB7.\n"
    (path,) = tmp_path.iterdir()
    assert len(text_of(path.read_bytes())) == 2
