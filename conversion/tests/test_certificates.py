"""The certificate in other hands: its QR, signature and file, the public check, shares, printing several."""

import base64
import hashlib
import os
import re
import subprocess
import sys
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from secrets import token_urlsafe
from types import SimpleNamespace

import pypdfium2
import pytest
import time_machine
import zxingcpp
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pypdf import PdfReader

from conversion.certificate_proof import is_genuine, qr_text
from conversion.models import CertificateShare
from conversion.services.certificates import replace_certificate, revoke_certificate
from conversion.services.shares import create_share
from conversion.tests.scene import Scene, make_achievement, make_learner_user, make_version
from vault import signatures

LIST = reverse("conversion:certificates")
PRINT = reverse("conversion:certificates_print")


@pytest.fixture
def scene(db):
    return Scene()


@pytest.fixture
def certificate(scene):
    return scene.approved().certificate


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def owner(scene):
    return signed_in(scene.user)


@pytest.fixture
def stranger(db):
    return signed_in(make_learner_user("李旁人"))


def text_of(answer):
    return answer.content.decode()


def decode_qr(pdf, page=0):
    """What a scanner reads off a page printed at 150 dots per inch."""
    with pypdfium2.PdfDocument(pdf) as document:
        picture = document[page].render(scale=150 / 72).to_pil().convert("L")
    (code,) = zxingcpp.read_barcodes(picture)
    return code.text


def parts_of(text):
    """(signed message, signature) of a QR's text, as docs/certificates.md says."""
    message, _dot, signature = text.partition("/verify/")[2].rpartition(".")
    return message.encode(), base64.urlsafe_b64decode(signature + "==")


# The signature ----------------------------------------------------------------------------------------------


def test_verifier_checks_the_signature_of_a_printed_qr_with_an_outside_library(owner, client, certificate):
    text = decode_qr(owner.get(certificate.get_absolute_url()).content)
    message, signature = parts_of(text)
    key_id = message.decode().split("#")[1].split(".")[1]
    key = load_pem_public_key(client.get(reverse("conversion:public_key", args=[key_id])).content)
    key.verify(signature, message)
    assert certificate.number in message.decode()
    assert text.startswith(settings.SITE_URL + reverse("conversion:verify_token", args=[certificate.token]))


def test_one_changed_byte_fails(certificate):
    message, signature = parts_of(qr_text(certificate))
    key = signatures.public_keys()[certificate.key_id]
    for place in range(len(message)):
        with pytest.raises(InvalidSignature):
            key.verify(signature, message[:place] + bytes([message[place] ^ 1]) + message[place + 1 :])
    for place in range(len(signature)):
        with pytest.raises(InvalidSignature):
            key.verify(signature[:place] + bytes([signature[place] ^ 1]) + signature[place + 1 :], message)


def test_verifier_opens_the_address_of_the_qr_and_sees_the_state(client, certificate):
    address = qr_text(certificate).partition("#")[0]
    assert "证书有效" in text_of(client.get(address))


def test_file_inside_the_pdf_is_what_was_signed(owner, certificate):
    document = PdfReader(BytesIO(owner.get(certificate.get_absolute_url()).content))
    (content,) = document.attachments[f"{certificate.number}.json"]
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
    assert qr_text(certificate).split(".")[-2] == digest
    assert certificate.content["name"] in content.decode()


def test_changed_content_is_not_genuine(certificate):
    assert is_genuine(certificate)
    certificate.content["rule"]["credits"] = "40.0"
    assert not is_genuine(certificate)


def test_operator_rotates_the_key_and_older_certificates_stay_genuine(settings, client, certificate):
    old = signatures.public_keys()[certificate.key_id]
    settings.SIGNING_KEY = "s" * 43
    assert not is_genuine(certificate)
    settings.FORMER_SIGNING_KEYS = [signatures.to_text(signatures.raw(old))]
    assert is_genuine(certificate)
    other = Scene().approved().certificate
    assert other.key_id != certificate.key_id
    assert is_genuine(other)
    page = text_of(client.get(reverse("conversion:public_keys")))
    assert page.index(other.key_id) < page.index(certificate.key_id)


@pytest.mark.parametrize("changed", ["+", "A", "="])
def test_signature_has_one_spelling(changed):
    key_id, signature = signatures.sign(b"message")
    assert signatures.is_signed(b"message", key_id, signature)
    respelt = signature[:-1] + (changed if signature[-1] != changed else "Q")
    assert not signatures.is_signed(b"message", key_id, respelt)
    assert not signatures.is_signed(b"message", "00000000", signature)


def test_development_makes_one_key_for_itself(settings, tmp_path):
    settings.DEVELOPMENT_SIGNING_KEY_FILE = tmp_path / "var" / "key"
    first = signatures.current_key_id()
    assert signatures.current_key_id() == first
    assert (tmp_path / "var" / "key").stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.glob("var/*")) == [tmp_path / "var" / "key"]


def test_public_keys_are_pem_files_for_everybody(client, certificate, tmp_path):
    answer = client.get(reverse("conversion:public_key", args=[certificate.key_id]))
    (tmp_path / "key.pem").write_bytes(answer.content)
    command = ["openssl", "pkey", "-pubin", "-in", tmp_path / "key.pem", "-noout"]
    assert subprocess.run(command, check=False).returncode == 0
    assert client.get(reverse("conversion:public_key", args=["00000000"])).status_code == 404


# The public check -------------------------------------------------------------------------------------------


def both_checks(client, certificate):
    yield text_of(client.get(reverse("conversion:verify"), {"number": certificate.number}))
    yield text_of(client.get(reverse("conversion:verify_token", args=[certificate.token])))


def test_revoked_shows_at_once_with_its_reason(client, scene, certificate):
    assert all("证书有效" in page for page in both_checks(client, certificate))
    revoke_certificate(application=certificate.application, reason=scene.reason, by=scene.final_reviewer)
    for page in both_checks(client, certificate):
        assert "证书已撤销" in page
        assert "原因:材料不足" in page
        assert scene.final_reviewer.name not in page


def test_replaced_names_the_certificate_that_counts(client, scene, certificate):
    new = replace_certificate(certificate=certificate, reason="课程名称有误", by=scene.final_reviewer)
    for page in both_checks(client, certificate):
        assert "证书已更正" in page
        assert new.number in page
        assert "课程名称有误" in page
    for page in both_checks(client, new):
        assert "证书有效" in page
        assert certificate.number in page


def test_print_of_a_revoked_certificate_says_so(owner, scene, certificate):
    revoke_certificate(application=certificate.application, reason=scene.reason, by=scene.final_reviewer)
    document = PdfReader(BytesIO(owner.get(certificate.get_absolute_url()).content))
    assert "状态　已撤销" in document.pages[0].extract_text()


def test_score_that_the_course_gets_is_on_the_paper_and_on_the_check(owner, client, scene):
    sources = [(1, [{"entry": scene.entry}])]
    scene.version = make_version(scene.college, sources, score_policy="fixed", fixed_score="92.5")
    certificate = scene.approved().certificate
    printed = PdfReader(BytesIO(owner.get(certificate.get_absolute_url()).content)).pages[0].extract_text()
    assert "转换成绩 92.5" in printed.replace("\n", " ")
    for page in both_checks(client, certificate):
        assert re.search(r"<dt>转换成绩</dt>\s*<dd>92\.5</dd>", page)


# Shares -----------------------------------------------------------------------------------------------------


def share_page(certificate):
    return reverse("conversion:certificate_shares", args=[certificate.pk])


def make_share(owner, certificate, days=7, note="应聘"):
    until = (timezone.localdate() + timedelta(days=days)).isoformat()
    answer = owner.post(share_page(certificate), {"until": until, "note": note}, follow=True)
    return CertificateShare.objects.filter(certificate=certificate).first(), answer


def test_learner_shares_a_certificate_and_sees_the_link(owner, client, certificate):
    share, answer = make_share(owner, certificate)
    assert share.get_absolute_url() in text_of(answer)
    page = client.get(share.get_absolute_url())
    assert "证书有效" in text_of(page)
    assert "王小明" not in text_of(page)
    assert "应聘" not in text_of(page)


def test_share_that_ended_or_expired_looks_like_one_that_never_was(owner, client, certificate):
    unknown = client.get(reverse("conversion:shared_certificate", args=["A" * 22]))
    ended, _answer = make_share(owner, certificate)
    owner.post(reverse("conversion:share_end", args=[ended.pk]))
    expired, _answer = make_share(owner, certificate, days=0)
    with time_machine.travel(timezone.now() + timedelta(days=1)):
        pages = [client.get(share.get_absolute_url()) for share in (ended, expired)]
    assert {page.status_code for page in pages} == {unknown.status_code} == {404}
    assert {text_of(page) for page in pages} == {text_of(unknown)}
    assert "分享链接无效" in text_of(unknown)


def test_share_of_today_works_today(owner, client, certificate):
    share, _answer = make_share(owner, certificate, days=0)
    assert client.get(share.get_absolute_url()).status_code == 200


@pytest.mark.parametrize(("days", "words"), [(-1, "今天或以后"), (366, "最晚可以设到")])
def test_share_needs_a_day_within_a_year(owner, certificate, days, words):
    share, answer = make_share(owner, certificate, days=days, note="留着")
    assert share is None
    assert words in text_of(answer)
    assert "留着" in text_of(answer)


def test_learner_has_a_limited_number_of_open_shares(owner, certificate, settings):
    settings.SHARES_PER_CERTIFICATE = 1
    first, _answer = make_share(owner, certificate)
    _share, answer = make_share(owner, certificate)
    assert "已达上限" in text_of(answer)
    owner.post(reverse("conversion:share_end", args=[first.pk]))
    second, _answer = make_share(owner, certificate)
    assert second != first


def shares_at_once(in_parallel, settings):
    """How many open shares are there after four tries at once, of which one may succeed."""
    settings.SHARES_PER_CERTIFICATE = 1
    certificate = Scene().approved().certificate
    in_parallel(lambda: create_share(certificate=certificate, until=timezone.localdate()), times=4)
    return CertificateShare.objects.open().count()


@pytest.mark.django_db(transaction=True)
def test_limit_of_shares_holds_for_several_at_once(in_parallel, settings):
    assert shares_at_once(in_parallel, settings) == 1


@pytest.mark.django_db(transaction=True)
def test_shares_at_once_without_the_lock_pass_the_limit(in_parallel, settings, meeting, monkeypatch):
    """Positive control: all have counted before one writes."""
    meet = meeting(4)
    monkeypatch.setattr("django.db.models.query.QuerySet.select_for_update", lambda rows, **_how: rows)

    def token_after_all_have_come(size):
        meet()
        return token_urlsafe(size)

    secrets = SimpleNamespace(token_urlsafe=token_after_all_have_come)
    monkeypatch.setattr("conversion.services.shares.secrets", secrets)
    assert shares_at_once(in_parallel, settings) == 4


def test_stranger_and_visitor_reach_no_share_of_others(owner, stranger, client, certificate):
    share, _answer = make_share(owner, certificate)
    end = reverse("conversion:share_end", args=[share.pk])
    assert stranger.get(share_page(certificate)).status_code == 404
    assert stranger.post(share_page(certificate), {"until": "2099-01-01"}).status_code == 404
    assert stranger.post(end).status_code == 404
    assert client.get(share_page(certificate)).status_code == client.post(end).status_code == 302
    assert owner.get(end).status_code == 405
    share.refresh_from_db()
    assert share.is_open


def test_share_shows_a_revocation(owner, client, scene, certificate):
    share, _answer = make_share(owner, certificate)
    revoke_certificate(application=certificate.application, reason="材料不实", by=scene.final_reviewer)
    answer = client.get(share.get_absolute_url())
    assert "证书已撤销" in text_of(answer)
    assert "no-store" in answer["Cache-Control"]  # nobody's cache goes on saying 有效


def test_revoked_certificate_says_so_in_large_letters_on_its_paper(owner, scene, certificate):
    printed = PdfReader(BytesIO(owner.get(certificate.get_absolute_url()).content)).pages[0].extract_text()
    assert "不再有效" not in printed
    revoke_certificate(application=certificate.application, reason="材料不实", by=scene.final_reviewer)
    printed = PdfReader(BytesIO(owner.get(certificate.get_absolute_url()).content)).pages[0].extract_text()
    assert "本证明已撤销，不再有效" in printed


def test_share_checks_count_among_the_checks_of_an_address(owner, client, certificate, settings):
    settings.VERIFICATIONS_PER_ADDRESS = [(1, 600)]
    share, _answer = make_share(owner, certificate)
    client.get(share.get_absolute_url())
    answer = client.get(share.get_absolute_url())
    assert (answer.status_code, "查询次数过多" in text_of(answer)) == (429, True)


# Printing several -------------------------------------------------------------------------------------------


@pytest.fixture
def second(scene, certificate):
    scene.achievement = make_achievement(scene.user, scene.entry)
    return scene.approved().certificate


def test_learner_prints_several_certificates_as_one_file(owner, certificate, second):
    answer = owner.get(PRINT, {"certificate": [certificate.pk, second.pk]})
    assert answer["Content-Type"] == "application/pdf"
    assert [decode_qr(answer.content, page) for page in (0, 1)] == [qr_text(second), qr_text(certificate)]
    pages = [page.extract_text() for page in PdfReader(BytesIO(answer.content)).pages]
    assert all("第 1 页，共 1 页" in page for page in pages)
    assert len(pages) == 2


def test_stranger_prints_nothing_of_others(stranger, client, certificate):
    answer = stranger.get(PRINT, {"certificate": certificate.pk})
    assert answer.url == LIST
    assert client.get(PRINT, {"certificate": certificate.pk}).url.startswith(reverse("accounts:sign_in"))


@pytest.mark.parametrize("chosen", [[], ["x"], ["9" * 30]])
def test_learner_who_chose_nothing_is_told_so(owner, certificate, chosen):
    answer = owner.get(PRINT, {"certificate": chosen}, follow=True)
    assert "请选择要打印的证明" in text_of(answer)


def test_learner_who_chose_too_many_is_told_so(owner, certificate, second, settings):
    settings.CERTIFICATES_PER_PRINT = 1
    answer = owner.get(PRINT, {"certificate": [certificate.pk, second.pk]}, follow=True)
    assert "一次最多 1 份" in text_of(answer)


def test_missing_glyph_refuses_to_print(scene, owner):
    type(scene.user.learner).objects.filter(pk=scene.user.learner_id).update(name="𠮷样例")
    scene.user.refresh_from_db()
    certificate = scene.approved().certificate
    for url in [certificate.get_absolute_url(), f"{PRINT}?certificate={certificate.pk}"]:
        assert "字库暂缺" in text_of(owner.get(url, follow=True))


# The commands of docs/certificates.md -------------------------------------------------------------------------


@pytest.fixture
def folder(owner, client, certificate, tmp_path):
    """What a verifier has: the PDF and the public key."""
    (tmp_path / "certificate.pdf").write_bytes(owner.get(certificate.get_absolute_url()).content)
    key = client.get(reverse("conversion:public_key", args=[certificate.key_id]))
    (tmp_path / f"{certificate.key_id}.pem").write_bytes(key.content)
    return tmp_path


def documented_commands():
    text = (settings.BASE_DIR / "docs" / "certificates.md").read_text(encoding="utf-8")
    return re.findall(r"```sh\n(.*?)```", text, re.DOTALL)


def run_in(folder, command):
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-e", "-c", command], cwd=folder, env={"PATH": path}, capture_output=True, text=True, check=False
    )


def test_anyone_checks_a_certificate_with_the_documented_commands(folder):
    said = ""
    for command in documented_commands():
        done = run_in(folder, command)
        assert done.returncode == 0, done.stderr
        said += done.stdout
    assert said.splitlines() == [
        "Signature Verified Successfully",
        "signature: genuine",
        "content: as issued",
        "name: as issued",
    ]


def test_documented_commands_refuse_a_changed_number_and_a_changed_content(folder):
    read, openssl, python, compare = documented_commands()
    assert run_in(folder, read).returncode == 0
    assert run_in(folder, openssl).returncode == 0
    content = folder / "content.json"
    content.write_bytes(content.read_bytes().replace(b'"4.0"', b'"9.0"'))
    assert "content" not in run_in(folder, compare).stdout
    qr = folder / "qr.txt"
    qr.write_text(qr.read_text().replace(".ZH2026-", ".ZH2025-"))
    assert run_in(folder, openssl).returncode != 0
    assert "InvalidSignature" in run_in(folder, python).stderr
