"""What an approval writes, a revocation takes back and a correction replaces; raw SQL obeys too."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from conversion.certificate_proof import is_genuine
from conversion.models import Application, Certificate, CreditEntry
from conversion.services import revocation
from conversion.services.certificates import ReplacementError, replace_certificate, revoke_certificate
from conversion.services.ledger import reverse_award
from conversion.tests.scene import Scene, make_reviewer


@pytest.fixture
def scene():
    return Scene()


@pytest.fixture
def application(scene):
    return scene.approved()


def revoke(scene, application):
    """The two halves of a revocation that belong to ledger and certificate."""
    reverse_award(application=application, by=scene.final_reviewer)
    return revoke_certificate(application=application, reason=scene.reason, by=scene.final_reviewer)


@pytest.mark.django_db
class TestEntries:
    def test_award_names_the_final_reviewer(self, scene, application):
        award = CreditEntry.objects.get()
        assert (award.kind, award.credits, award.by) == ("award", Decimal("4.0"), scene.final_reviewer)

    def test_reversal_takes_back_exactly_the_award(self, scene, application):
        reversal = reverse_award(application=application, by=scene.final_reviewer)
        assert (reversal.kind, reversal.credits, reversal.by) == ("reversal", Decimal("-4.0"), scene.final_reviewer)
        assert CreditEntry.objects.balance() == 0

    def test_second_reversal_gives_the_first_one(self, scene, application):
        first = reverse_award(application=application, by=scene.final_reviewer)
        assert reverse_award(application=application, by=scene.first_reviewer) == first
        assert CreditEntry.objects.count() == 2

    def test_case_without_an_award_has_nothing_to_reverse(self, scene):
        assert reverse_award(application=scene.submit(), by=scene.final_reviewer) is None
        assert not CreditEntry.objects.exists()

    @pytest.mark.parametrize("credits", [-1, 0, -5])
    def test_raw_sql_can_not_reverse_another_amount(self, scene, application, credits):
        with pytest.raises(IntegrityError, match="exactly one award"), transaction.atomic():
            CreditEntry.objects.create(
                learner=application.learner, application=application, kind="reversal", credits=credits, by=scene.user
            )

    def test_raw_sql_can_not_reverse_without_a_name(self, scene, application):
        with pytest.raises(IntegrityError, match="reversal_names_its_author"), transaction.atomic():
            reverse_award(application=application, by=None)

    def test_running_balance_is_each_learners_own(self, scene, application):
        other = Scene(college=scene.college)
        other.approved()
        revoke(scene, application)
        rows = CreditEntry.objects.of(scene.user).with_balance()
        assert [(row.credits, row.balance) for row in rows] == [(4, 4), (-4, 0)]


@pytest.mark.django_db
class TestRevokedCertificate:
    def test_revocation_tells_when_who_and_why(self, scene, application):
        certificate = revoke(scene, application)
        assert not certificate.is_valid
        assert certificate.revoked_at
        assert (certificate.revoked_by, certificate.revocation_reason) == (scene.final_reviewer, "材料不足")

    def test_second_revocation_changes_nothing(self, scene, application):
        first = revoke(scene, application)
        assert revoke_certificate(application=application, reason="别的", by=scene.first_reviewer) is None
        first.refresh_from_db()
        assert first.revocation_reason == "材料不足"

    def test_case_without_a_certificate_has_none_to_revoke(self, scene):
        assert revoke_certificate(application=scene.submit(), reason="无", by=scene.final_reviewer) is None


@pytest.mark.django_db
class TestCorrection:
    def test_corrected_certificate_names_the_old_one_and_is_signed(self, scene, application):
        old = application.certificate
        type(scene.user.learner).objects.filter(pk=application.learner_id).update(name="王晓明")
        new = replace_certificate(certificate=old, reason="姓名有误", by=scene.final_reviewer)
        old.refresh_from_db()
        assert (new.content["name"], new.content["replaces"], new.replaces) == ("王晓明", old.number, old)
        assert (old.content["name"], old.replacement, old.replacement_reason) == ("王小明", new, "姓名有误")
        assert (old.is_valid, new.is_valid) == (False, True)
        assert is_genuine(old)
        assert is_genuine(new)
        assert application.certificate == new

    def test_revoked_or_replaced_certificate_is_not_corrected(self, scene, application):
        old = application.certificate
        replace_certificate(certificate=old, reason="姓名有误", by=scene.final_reviewer)
        with pytest.raises(ReplacementError):
            replace_certificate(certificate=old, reason="再来", by=scene.final_reviewer)
        current = revoke(scene, application)
        with pytest.raises(ReplacementError):
            replace_certificate(certificate=current, reason="再来", by=scene.final_reviewer)
        assert Certificate.objects.count() == 2

    def test_correction_that_breaks_off_leaves_the_old_one_valid(self, scene, application, monkeypatch):
        old = application.certificate
        monkeypatch.setattr("conversion.services.certificates._tell_of_correction", break_off)
        with pytest.raises(RuntimeError):
            replace_certificate(certificate=old, reason="姓名有误", by=scene.final_reviewer)
        assert Certificate.objects.get().is_valid


def break_off(*_some):
    raise RuntimeError


@pytest.mark.django_db
class TestFrozenCertificate:
    @pytest.mark.parametrize(
        "change",
        ["content = '{}'", "number = 'ZH2026-00000000'", "token = 'x'", "signature = ''", "issued_at = now()"],
    )
    def test_raw_sql_can_not_change_what_was_issued(self, application, change):
        refuse(f"UPDATE conversion_certificate SET {change}", "never changes")

    def test_raw_sql_can_not_undo_or_restate_a_revocation(self, scene, application):
        revoke(scene, application)
        refuse("UPDATE conversion_certificate SET revocation_reason = 'x'", "never changes")
        refuse(
            "UPDATE conversion_certificate SET revoked_at = NULL, revoked_by_id = NULL, revocation_reason = ''",
            "never changes",
        )

    def test_raw_sql_can_not_revoke_without_a_reason(self, application):
        refuse("UPDATE conversion_certificate SET revoked_at = now()", "revocation_tells_when_who_and_why")

    def test_raw_sql_can_not_delete_a_certificate(self, application):
        refuse("DELETE FROM conversion_certificate", "never deleted")

    def test_case_has_one_current_certificate(self, application):
        with pytest.raises(IntegrityError, match="one_current_certificate_per_application"), transaction.atomic():
            Certificate.objects.create(application=application, number="ZH2026-00000000", token="x", content={})


def refuse(statement, match):
    with pytest.raises(IntegrityError, match=match), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_reversals_at_once_write_one_entry(self, in_parallel):
        scene = Scene()
        application = scene.approved()
        results = in_parallel(lambda: reverse_award(application=application, by=scene.final_reviewer), times=4)
        assert len({entry.pk for entry in results}) == 1
        assert CreditEntry.objects.count() == 2

    def test_corrections_at_once_issue_one_certificate(self, in_parallel):
        scene = Scene()
        old = scene.approved().certificate
        results = in_parallel(
            lambda: replace_certificate(certificate=old, reason="姓名有误", by=scene.final_reviewer), times=4
        )
        assert len([result for result in results if isinstance(result, ReplacementError)]) == 3
        assert Certificate.objects.count() == 2

    def test_correction_and_revocation_at_once_leave_no_valid_certificate(self, in_parallel):
        scene = Scene()
        application = scene.approved()
        old, steps = application.certificate, iter([revoke_case, correct] * 2)
        in_parallel(lambda: next(steps)(scene, application, old), times=4)
        assert [certificate.is_valid for certificate in Certificate.objects.all()].count(True) == 0


def revoke_case(scene, application, _old):
    case = Application.objects.get(pk=application.pk)
    revocation.revoke(application=case, by=make_reviewer(rights=["revoke"]), reason=scene.revocation_reason)


def correct(scene, _application, old):
    replace_certificate(certificate=old, reason="姓名有误", by=scene.final_reviewer)
