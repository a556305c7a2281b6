"""学分对账单 as its learner reads and prints it."""

from io import BytesIO

import pytest
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader

from conversion.models import CreditEntry
from conversion.services.ledger import reverse_award, statement_of
from conversion.tests.scene import Scene, make_achievement, make_learner_user
from conversion.typesetting import BUNDLED_FONTS, TEMPLATES, font_codepoints

PAGE = reverse("conversion:statement")
PDF = reverse("conversion:statement_pdf")


@pytest.fixture
def scene(db):
    return Scene()


@pytest.fixture
def owner(scene):
    client = Client()
    client.force_login(scene.user)
    return client


@pytest.fixture
def entries(scene):
    """An award and its reversal; somebody else has an award too."""
    reverse_award(application=scene.approved(), by=scene.final_reviewer)
    scene.achievement = make_achievement(scene.user, scene.entry)
    Scene(college=scene.college).approved()
    return list(CreditEntry.objects.of(scene.user).with_balance())


def printed(client):
    document = PdfReader(BytesIO(client.get(PDF).content))
    return "".join(page.extract_text() for page in document.pages).replace("\n", "")


def test_learner_reads_every_entry_with_its_balance(owner, scene, entries):
    page = owner.get(PAGE).content.decode()
    assert [entry.number in page for entry in entries] == [True, True]
    assert page.index(entries[1].number) < page.index(entries[0].number), "newest first"
    for word in ["+4", "-4", scene.version.rule.code, scene.version.course.name, scene.achievement.name]:
        assert word in page


def test_learner_prints_every_entry_oldest_first(owner, scene, entries):
    text = printed(owner)
    statement = statement_of(scene.user.learner)
    assert [(line.credits, line.balance) for line in statement.entries] == [("+4", "4"), ("-4", "0")]
    assert text.index(entries[0].number) < text.index(entries[1].number)
    for word in [statement.number, scene.user.name, scene.user.learner.masked_document, scene.version.course.code]:
        assert word in text
    assert scene.user.learner.document_number not in text


def test_number_of_a_statement_changes_with_the_ledger(scene):
    application = scene.approved()
    first = statement_of(scene.user.learner).number
    assert statement_of(scene.user.learner).number == first
    reverse_award(application=application, by=scene.final_reviewer)
    assert statement_of(scene.user.learner).number != first


def test_new_learner_reads_that_there_is_nothing_yet(owner):
    assert "还没有学分流水" in owner.get(PAGE).content.decode()
    assert "没有学分流水" in printed(owner)


def test_learner_sees_nothing_of_others(client, entries):
    client.force_login(make_learner_user("李旁人"))
    page = client.get(PAGE).content.decode()
    assert not any(entry.number in page for entry in entries)
    assert not any(entry.number in printed(client) for entry in entries)


@pytest.mark.parametrize("url", [PAGE, PDF])
def test_visitor_and_staff_have_no_statement(client, scene, url):
    assert client.get(url).url.startswith(reverse("accounts:sign_in"))
    client.force_login(scene.final_reviewer)
    assert client.get(url).url == reverse("portal:home")


@pytest.mark.parametrize("rows", [1, 3])
def test_list_takes_as_many_queries_for_three_entries_as_for_one(owner, scene, rows, django_assert_num_queries):
    for _row in range(rows):
        scene.achievement = make_achievement(scene.user, scene.entry)
        scene.approved()
    with django_assert_num_queries(6):
        owner.get(PAGE)


def test_name_without_a_glyph_is_not_printed(owner, scene):
    type(scene.user.learner).objects.filter(pk=scene.user.learner_id).update(name="𠮷样例")
    assert "字库暂缺" in owner.get(PDF, follow=True).content.decode()


def test_bundled_font_covers_the_fixed_text():
    regular = font_codepoints(BUNDLED_FONTS / "NotoSerifCJKsc-Regular.otf")
    assert {ord(character) for character in (TEMPLATES / "statement.typ").read_text("utf-8")} - {ord("\n")} <= regular
