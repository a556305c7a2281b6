"""The rights of the web role (docs/deployment.md) suffice for all that the portal does, and edit no ledger."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.conf import settings
from django.db import ProgrammingError, connection, transaction
from django.utils import timezone

from accounts.models import Learner
from accounts.services.merging import MergeRefusedError, merge_learner, move_stragglers
from conversion.ledger_check import differences
from conversion.models import Application, CreditEntry
from conversion.services.applications import resubmit
from conversion.services.certificates import replace_certificate
from conversion.services.revocation import revoke
from conversion.services.roots import seal_days
from conversion.services.shares import create_share
from conversion.tests.scene import Scene, make_learner_user, make_reviewer


@pytest.fixture(autouse=True)
def _web_role(db):
    """The tests' role owns the tables and can't make another: it gives up what the documented lines take."""
    text = (settings.BASE_DIR / "docs" / "deployment.md").read_text(encoding="utf-8")
    revoked = re.findall(r"^ +(REVOKE [A-Z, ]+ ON conversion_.*) FROM creditbank_web;$", text, re.MULTILINE)
    assert len(revoked) == 2
    with connection.cursor() as cursor:
        for line in revoked:
            cursor.execute(f"{line} FROM CURRENT_USER")


def copy_of(learner, **fields):
    """Another record with the document number of a learner."""
    names = ["name", "document_kind", "document_number", "document_digest"]
    return Learner.objects.create(**{name: getattr(learner, name) for name in names} | fields)


def test_case_takes_its_whole_course(settings, tmp_path):
    settings.LEDGER_ROOT_DIR = tmp_path
    scene = Scene()
    case = scene.submit(token=uuid4())
    scene.decide(case, "return", scene.first_reviewer, reason=scene.reason)
    resubmit(application=case, by=scene.user, explanation="已补")
    scene.decide(case, "first_approve", scene.first_reviewer)
    scene.decide(case, "final_approve", scene.final_reviewer)
    certificate = replace_certificate(certificate=case.certificate, reason="姓名有误", by=scene.final_reviewer)
    create_share(certificate=certificate, until=timezone.localdate())
    revoke(application=case, by=make_reviewer(rights=["revoke"]), reason=scene.revocation_reason)
    with time_machine.travel(timezone.localtime().replace(hour=12) + timedelta(days=1)):
        assert len(seal_days()) == 1
    assert list(differences({})) == []


def test_final_approval_merges_into_the_verified_person():
    scene = Scene()
    rostered = copy_of(scene.user.learner, verified_at=timezone.now())
    scene.approved()
    assert CreditEntry.objects.get().learner == Application.objects.get().learner == rostered
    move_stragglers()
    assert list(differences({})) == []


def test_who_has_credit_is_not_merged_away():
    scene = Scene()
    scene.approved()
    Learner.objects.filter(pk=scene.user.learner_id).update(verified_at=None)
    rostered = copy_of(scene.user.learner, verified_at=timezone.now())
    with pytest.raises(MergeRefusedError, match="“学分流水”不能移到另一份记录"):
        merge_learner(unverified=scene.user.learner, verified=rostered, by=make_reviewer(), decided=True)
    assert CreditEntry.objects.get().learner == scene.user.learner


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE conversion_creditentry SET credits = 40",
        "DELETE FROM conversion_creditentry",
        "UPDATE conversion_reviewrecord SET opinion = ''",
        "DELETE FROM conversion_reviewrecord",
        "DELETE FROM conversion_certificate",
        "DELETE FROM conversion_ledgerroot",
    ],
)
def test_raw_sql_edits_no_ledger(statement):
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        connection.cursor().execute(statement)


def test_case_given_to_another_learner_is_found():
    """What the web role can do by raw SQL: the award would then be the other one's."""
    scene = Scene()
    case = scene.submit()
    Application.objects.filter(pk=case.pk).update(learner=make_learner_user().learner)
    found = {(difference.check, difference.subject) for difference in differences({})}
    assert found == {("learner", f"application {case.pk}")}
