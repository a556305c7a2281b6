"""`verify_ledger` against somebody who owns the tables: triggers off, raw SQL, hashes made anew."""

import ast
import json
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from conversion import ledger_check
from conversion.models import Application, Certificate, CreditEntry, LedgerRoot, ReviewRecord
from conversion.services.appeals import appeal
from conversion.services.applications import resubmit
from conversion.services.certificates import replace_certificate
from conversion.services.records import frozen_digest, record_hash, write_record
from conversion.services.revocation import revoke as revoke_case
from conversion.services.roots import RootFileError, export_root, seal_days
from conversion.tasks import seal_ledger
from conversion.tests.scene import Scene, make_reviewer
from conversion.tests.test_ledger import revoke

TOMORROW = timedelta(days=1)


@pytest.fixture(autouse=True)
def _root_folder(settings, tmp_path):
    settings.LEDGER_ROOT_DIR = tmp_path / "roots"


@pytest.fixture
def scene(db):
    return Scene()


@pytest.fixture
def application(scene):
    """An approved case; beside it one that waits and one that was refused."""
    approved = scene.approved()
    Scene(college=scene.college).submit()
    other = Scene(college=scene.college)
    other.reject(other.submit())
    return approved


def verify(*options):
    """(exit code, lines) of the command."""
    output = StringIO()
    try:
        call_command("verify_ledger", *options, stdout=output)
    except CommandError as error:
        return error.returncode, output.getvalue().splitlines()
    return 0, output.getvalue().splitlines()


def found():
    """The names of the checks that fail."""
    code, lines = verify("--json")
    *differences, total = map(json.loads, lines)
    assert total["ok"] == (code == 0) == (differences == [])
    assert total["differences"] == len(differences)
    return {(difference["check"], difference["subject"]) for difference in differences}


DISARM = """
DO $$
DECLARE kept record;
BEGIN
    FOR kept IN
        SELECT conrelid::regclass AS name, conname FROM pg_constraint
        WHERE contype = 'f' AND confrelid::regclass::text ~ '^conversion_(application|certificate)$'
    LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', kept.name, kept.conname); END LOOP;
    FOR kept IN
        SELECT DISTINCT tgrelid::regclass AS name FROM pg_trigger
        WHERE NOT tgisinternal AND tgenabled <> 'D' AND tgrelid::regclass::text ~ '^conversion_'
    LOOP EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', kept.name); END LOOP;
END $$
"""


def tamper(statement, parameters=()):
    """What the owner of the tables could do: no trigger fires, no foreign key is looked at."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(DISARM)
        cursor.execute(statement, parameters)
        assert cursor.rowcount > 0, "nothing was tampered with"


def raise_credits(row, table, column):
    """Write 40 credits into the frozen text of a case or certificate."""
    credits = f"jsonb_set({column}, '{{rule,credits}}', '\"40.0\"')"
    tamper(f"UPDATE conversion_{table} SET {column} = {credits} WHERE id = %s", [row.pk])


def case_of(application):
    return f"application {application.pk}"


def certificate_of(application):
    return f"certificate {application.certificate.number}"


# Nothing wrong ----------------------------------------------------------------------------------------------


def test_untouched_ledger_passes_and_counts(scene, application):
    code, lines = verify()
    assert code == 0
    assert lines == [
        "Checked 3 applications, 6 records, 1 entries, 1 certificates, 0 roots: no differences.",
    ]


def test_empty_ledger_passes(db):
    assert verify()[0] == 0


def test_replaced_and_revoked_certificates_pass(scene, application):
    replace_certificate(certificate=application.certificate, reason="姓名有误", by=scene.final_reviewer)
    assert found() == set()
    revoke_properly(scene, application)
    assert found() == set()


def revoke_properly(scene, application):
    by = make_reviewer()
    by.user_permissions.set(Permission.objects.filter(codename="revoke_application"))
    revoke_case(application=application, by=by, reason=scene.revocation_reason)


def test_case_that_won_its_appeal_passes(scene):
    application = scene.reject(scene.submit())
    appeal(application=application, by=scene.user, text="课程内容相符")
    by = make_reviewer()
    by.user_permissions.set(Permission.objects.filter(codename="appeal_review_application"))
    scene.decide(Application.objects.get(pk=application.pk), "appeal_approve", by)
    assert CreditEntry.objects.get().by == by
    assert found() == set()


def test_findings_of_a_record_are_part_of_its_hash(scene):
    application = scene.submit()
    findings = [{"label": "学时", "minimum": "75", "unit": "%", "found": "80"}]
    application.move("first_approve", first_reviewer=scene.first_reviewer)
    write_record(
        application=application, action="first_approve", from_status="submitted", by=scene.first_reviewer,
        findings=findings,
    )  # fmt: skip
    assert found() == set()
    tamper("UPDATE conversion_reviewrecord SET findings = '[]' WHERE number = 2")
    assert found() == {("hash", case_of(application))}


# Each of the four of the issue, and the clever versions of them -----------------------------------------------


def test_edited_amount_is_found(application):
    tamper("UPDATE conversion_creditentry SET credits = 40")
    learner = f"learner {application.learner_id}"
    assert found() == {("amount", case_of(application)), ("balance", learner)}


def test_amount_edited_with_the_snapshot_is_found(application):
    tamper("UPDATE conversion_creditentry SET credits = 40")
    raise_credits(application, "application", "snapshot")
    assert found() == {("content", certificate_of(application)), ("frozen", case_of(application))}


FROZEN = {
    "credits": "snapshot = jsonb_set(snapshot, '{rule,credits}', '\"40.0\"')",
    "score": "snapshot = jsonb_set(snapshot, '{sources,0,score}', '\"99\"')",
    "kind": "kind = 'performance'",
    "rule version": "rule_version_id = %(version)s",
    "target": "receiving_institution_id = %(institution)s",
    "time": "submitted_at = submitted_at - interval '1 day'",
    "applicant": "submitted_by_id = %(person)s",
    "token": "submission_token = gen_random_uuid()",
}


def other_values(scene):
    other = Scene()
    return {"version": other.version.pk, "institution": other.college.pk, "person": other.user.pk}


@pytest.mark.parametrize("change", FROZEN.values(), ids=FROZEN)
@pytest.mark.parametrize("decided", [False, True], ids=["waiting", "approved"])
def test_raw_sql_can_not_change_what_was_submitted(scene, change, decided):
    case = scene.approved() if decided else scene.submit()
    statement = f"UPDATE conversion_application SET {change} WHERE id = %(case)s"
    refused = pytest.raises(IntegrityError, match="a case keeps what was submitted")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, other_values(scene) | {"case": case.pk})


@pytest.mark.parametrize("change", [FROZEN[name] for name in FROZEN if name not in {"applicant", "token"}])
def test_case_changed_while_it_waits_is_found(scene, change):
    """Before there is an award or a certificate, only the first record of the case knows what was submitted."""
    case = scene.submit()
    assert found() == set()
    tamper(f"UPDATE conversion_application SET {change} WHERE id = %(case)s", other_values(scene) | {"case": case.pk})
    assert found() == {("frozen", case_of(case))}


def test_snapshot_changed_with_its_digest_is_found_by_the_chain(scene):
    case = scene.submit()
    raise_credits(case, "application", "snapshot")
    case.refresh_from_db()
    tamper("UPDATE conversion_reviewrecord SET frozen_digest = %s", [frozen_digest(case)])
    assert found() == {("hash", case_of(case))}


def test_submission_without_its_digest_is_found_even_when_hash_and_chain_fit(scene):
    """As one written before digests were kept, or made to look so."""
    case = scene.submit()
    record = case.records.get()
    record.frozen_digest = ""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE conversion_reviewrecord DROP CONSTRAINT submission_record_digests_what_was_frozen")
    tamper("UPDATE conversion_reviewrecord SET frozen_digest = '', hash = %s", [record_hash(record)])
    assert "holds no digest of what was submitted" in verify()[1][0]
    assert found() == {("frozen", case_of(case))}


def test_submission_is_not_recorded_without_its_digest(scene):
    case = scene.submit()
    insert = """
        INSERT INTO conversion_reviewrecord
            (application_id, number, action, from_status, to_status, by_id, unit, opinion, findings, frozen_digest,
            at, previous_hash, hash)
        SELECT application_id, 2, action, to_status, to_status, by_id, unit, opinion, findings, '', at, hash, hash
        FROM conversion_reviewrecord
    """
    refused = pytest.raises(IntegrityError, match="submission_record_digests_what_was_frozen")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(insert)
    assert case.records.count() == 1


def asked_for_material(scene):
    """A case that the final reviewer has returned, and its records so far."""
    case = scene.submit()
    scene.decide(case, "first_approve", scene.first_reviewer)
    return scene.decide(case, "return", scene.final_reviewer, reason=scene.reason)


def test_material_that_came_back_to_another_stage_is_found(scene):
    case = asked_for_material(scene)
    resubmit(application=case, by=scene.user, explanation="已补")
    assert found() == set()
    record = case.records.last()
    record.to_status = "submitted"
    tamper("UPDATE conversion_application SET status = 'submitted'")
    tamper(
        "UPDATE conversion_reviewrecord SET to_status = 'submitted', hash = %s WHERE id = %s",
        [record_hash(record), record.pk],
    )
    assert found() == {("steps", case_of(case))}


def test_withdrawal_after_a_decision_is_found(scene):
    case = asked_for_material(scene)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE conversion_application DROP CONSTRAINT withdrawn_before_the_first_decision")
    tamper("UPDATE conversion_application SET status = 'withdrawn'")
    case.refresh_from_db()
    write_record(application=case, action="withdraw", from_status="returned", by=scene.user)
    assert found() == {("steps", case_of(case))}


def test_amount_edited_everywhere_is_found(application):
    tamper("UPDATE conversion_creditentry SET credits = 40")
    raise_credits(application, "application", "snapshot")
    raise_credits(application.certificate, "certificate", "content")
    assert found() == {("signature", certificate_of(application)), ("frozen", case_of(application))}


@pytest.mark.parametrize(
    ("number", "checks"),
    [(1, {"numbers", "chain", "steps", "people"}), (2, {"numbers", "chain", "steps", "people", "content"})],
)
def test_deleted_record_is_found(application, number, checks):
    tamper("DELETE FROM conversion_reviewrecord WHERE application_id = %s AND number = %s", [application.pk, number])
    assert {check for check, _subject in found()} == checks


def test_deleted_last_record_is_found_by_the_state(application):
    tamper("DELETE FROM conversion_reviewrecord WHERE application_id = %s AND number = 3", [application.pk])
    assert ("state", case_of(application)) in found()


def test_case_taken_back_by_one_step_everywhere_is_found_by_the_daily_root(application):
    """The last record, award and certificate are gone and the case says so: only the root of the day knows."""
    seal()
    assert found() == set()
    for table in ["reviewrecord WHERE number = 3 AND application_id", "creditentry WHERE application_id"]:
        tamper(f"DELETE FROM conversion_{table} = %s", [application.pk])
    tamper("DELETE FROM conversion_certificate")
    tamper(
        "UPDATE conversion_application SET status = 'first_approved', final_reviewer_id = NULL WHERE id = %s",
        [application.pk],
    )
    today = timezone.localdate()
    assert found() == {("root", f"day {today}")}


def test_all_records_deleted_are_found(application):
    tamper("DELETE FROM conversion_reviewrecord WHERE application_id = %s", [application.pk])
    assert ("records", case_of(application)) in found()


def test_swapped_decision_is_found(application):
    tamper("UPDATE conversion_reviewrecord SET action = 'final_reject' WHERE action = 'final_approve'")
    assert {("hash", case_of(application)), ("steps", case_of(application))} <= found()


def test_swapped_decision_with_a_new_hash_is_found(scene):
    """A refusal turned into an approval, with state, award and chain made to fit as far as they can."""
    application = scene.submit()
    scene.reject(application)
    record = application.records.get(number=2)
    record.action, record.to_status, record.reason = "first_approve", "first_approved", None
    tamper(
        "UPDATE conversion_reviewrecord SET action = %s, to_status = %s, reason_id = NULL, hash = %s WHERE id = %s",
        [record.action, record.to_status, record_hash(record), record.pk],
    )
    assert found() == {("state", case_of(application)), ("reason", case_of(application))}


def test_swapped_reviewer_is_found(scene, application):
    tamper(
        "UPDATE conversion_application SET final_reviewer_id = %s WHERE id = %s",
        [make_reviewer(final=True).pk, application.pk],
    )
    assert found() == {("people", case_of(application))}


def test_public_check_does_not_vouch_for_a_changed_certificate(client, application):
    tamper("UPDATE conversion_certificate SET content = jsonb_set(content, '{rule,credits}', '\"40.0\"')")
    page = client.get(reverse("conversion:verify"), {"number": application.certificate.number}).content.decode()
    assert "数据与签名不符" in page
    assert "证书有效" not in page
    assert "40.0" not in page


def test_certificate_without_an_award_is_found(application):
    certificate = certificate_of(application)
    tamper("DELETE FROM conversion_creditentry")
    learner = f"learner {application.learner_id}"
    assert found() == {("certificate", certificate), ("award", case_of(application)), ("balance", learner)}


def test_forged_certificate_is_found(scene, application):
    waiting = Application.objects.get(status="submitted")
    tamper(
        "INSERT INTO conversion_certificate (application_id, number, token, content, key_id, signature, issued_at,"
        " revocation_reason, replacement_reason)"
        " SELECT %s, 'ZH2026-FORGED00', 'forged', content, key_id, signature, issued_at, '', ''"
        " FROM conversion_certificate",
        [waiting.pk],
    )
    assert {("certificate", "certificate ZH2026-FORGED00"), ("signature", "certificate ZH2026-FORGED00")} <= found()


# More of what could be done -----------------------------------------------------------------------------------


def test_deleted_award_and_certificate_are_found(application):
    tamper("DELETE FROM conversion_certificate")
    assert found() == {("certificate", case_of(application))}
    tamper("DELETE FROM conversion_creditentry")
    assert ("award", case_of(application)) in found()


def test_deleted_case_is_found(application):
    tamper("DELETE FROM conversion_application WHERE id = %s", [application.pk])
    assert {("case", case_of(application)), ("entry", case_of(application))} <= found()


def test_award_for_a_case_that_waits_is_found(scene, application):
    waiting = Application.objects.get(status="submitted")
    CreditEntry.objects.create(learner=waiting.learner, application=waiting, kind="award", credits=4)
    assert ("award", case_of(waiting)) in found()


def test_award_moved_to_another_learner_is_found(scene, application):
    other = Application.objects.get(status="submitted").learner_id
    tamper("UPDATE conversion_creditentry SET learner_id = %s", [other])
    assert {check for check, _subject in found()} == {"learner", "balance"}


def test_reversal_without_a_revocation_is_found(scene, application):
    revoke(scene, application)
    assert found() == {
        ("reversal", case_of(application)),
        ("revocation", certificate_of(application)),
        ("balance", f"learner {application.learner_id}"),
    }


def test_revocation_undone_is_found(scene, application):
    revoke_properly(scene, application)
    tamper("UPDATE conversion_certificate SET revoked_at = NULL, revoked_by_id = NULL, revocation_reason = ''")
    tamper("DELETE FROM conversion_creditentry WHERE kind = 'reversal'")
    checks = {check for check, _subject in found()}
    assert checks == {"revocation", "reversal", "balance"}


@pytest.mark.parametrize("column", ["token", "signature", "number"])
def test_changed_certificate_is_found(application, column):
    other = f"CASE WHEN left({column}, 1) = 'A' THEN 'B' ELSE 'A' END"
    tamper(f"UPDATE conversion_certificate SET {column} = {other} || substr({column}, 2)")
    assert {check for check, _subject in found()} == {"signature"}


def test_replacement_undone_is_found(scene, application):
    old = application.certificate
    replace_certificate(certificate=old, reason="姓名有误", by=scene.final_reviewer)
    tamper("UPDATE conversion_certificate SET replaces_id = NULL")
    assert {check for check, _subject in found()} == {"replacement"}


def test_first_of_many_differences_is_named_in_plain_words(application):
    tamper("DELETE FROM conversion_reviewrecord WHERE application_id = %s AND number = 2", [application.pk])
    code, lines = verify()
    assert code == 1
    assert f"numbers: application {application.pk}: records [2] are missing" in lines


def drop(table, constraint):
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE conversion_{table} DROP CONSTRAINT {constraint}")


def test_approved_case_given_to_another_learner_with_its_award_is_found(application):
    other = Application.objects.get(status="submitted").learner_id
    tamper("UPDATE conversion_creditentry SET learner_id = %s", [other])
    tamper("UPDATE conversion_application SET learner_id = %s WHERE id = %s", [other, application.pk])
    assert found() == {("learner", case_of(application))}


def test_case_given_to_whom_its_learner_was_made_a_tombstone_of_is_found(application):
    """A merge leaves its own row in the log; the learner's pointer alone proves nothing."""
    other = Application.objects.get(status="submitted").learner_id
    tamper("UPDATE accounts_learner SET verified_at = NULL, merged_into_id = %s WHERE id = %s",
           [other, application.learner_id])  # fmt: skip
    tamper("UPDATE conversion_creditentry SET learner_id = %s", [other])
    tamper("UPDATE conversion_application SET learner_id = %s WHERE id = %s", [other, application.pk])
    assert found() == {("learner", case_of(application))}


@pytest.mark.parametrize("column", ["refusal_reason_id", "revocation_reason_id"])
def test_reason_that_no_record_gives_is_found(scene, application, column):
    tamper(f"UPDATE conversion_application SET {column} = %s WHERE id = %s", [scene.reason.pk, application.pk])
    assert found() == {("reason", case_of(application))}


def test_swapped_reason_of_a_refusal_is_found(scene, application):
    refused = Application.objects.get(status="rejected")
    tamper("UPDATE conversion_application SET refusal_reason_id = %s WHERE id = %s", [scene.reason.pk, refused.pk])
    assert found() == {("reason", case_of(refused))}


def test_one_person_in_two_parts_is_found(scene, application):
    """Both approvals by one person, with records, hashes and case made to fit."""
    drop("application", "nobody_decides_two_stages")
    previous = ""
    for record in application.records.all():
        record.by, record.previous_hash = record.by if record.number == 1 else scene.final_reviewer, previous
        record.hash = previous = record_hash(record)
        tamper(
            "UPDATE conversion_reviewrecord SET by_id = %s, previous_hash = %s, hash = %s WHERE id = %s",
            [record.by_id, record.previous_hash, record.hash, record.pk],
        )
    tamper(
        "UPDATE conversion_application SET first_reviewer_id = %s WHERE id = %s",
        [scene.final_reviewer.pk, application.pk],
    )
    assert found() == {("people", case_of(application))}


def test_entry_in_the_name_of_another_is_found(scene, application):
    revoke_properly(scene, application)
    for kind in ["award", "reversal"]:
        tamper("UPDATE conversion_creditentry SET by_id = %s WHERE kind = %s", [scene.first_reviewer.pk, kind])
        assert found() == {("people", case_of(application))}
        by = Application.objects.get(pk=application.pk)
        by = by.final_reviewer_id if kind == "award" else by.revoked_by_id
        tamper("UPDATE conversion_creditentry SET by_id = %s WHERE kind = %s", [by, kind])
    assert found() == set()


def test_doubled_award_and_record_are_found(application):
    columns = "learner_id, application_id, kind, credits, by_id, created_at"
    drop("creditentry", "one_award_and_one_reversal_per_application")
    tamper(f"INSERT INTO conversion_creditentry ({columns}) SELECT {columns} FROM conversion_creditentry")
    assert found() == {("balance", f"learner {application.learner_id}")}
    columns = (
        "application_id, number, action, from_status, to_status, by_id, unit, reason_id, opinion, findings,"
        " frozen_digest, at, previous_hash, hash"
    )
    drop("reviewrecord", "record_number_once_per_case")
    tamper(
        f"INSERT INTO conversion_reviewrecord ({columns}) SELECT {columns} FROM conversion_reviewrecord"
        " WHERE application_id = %s AND number = 2",
        [application.pk],
    )
    assert {("chain", case_of(application)), ("steps", case_of(application))} <= found()


def test_public_words_of_a_revocation_changed_are_found(scene, application):
    revoke_properly(scene, application)
    for change in ["revocation_reason = '另有原因'", f"revoked_by_id = {scene.first_reviewer.pk}"]:
        savepoint = transaction.savepoint()
        tamper(f"UPDATE conversion_certificate SET {change}")
        assert found() == {("revocation", certificate_of(application))}
        transaction.savepoint_rollback(savepoint)
    assert found() == set()


def test_replaced_certificate_that_was_revoked_too_is_found(scene, application):
    old = application.certificate
    replace_certificate(certificate=old, reason="姓名有误", by=scene.final_reviewer)
    tamper(
        "UPDATE conversion_certificate SET revoked_at = now(), revoked_by_id = %s, revocation_reason = 'x'"
        " WHERE id = %s",
        [scene.final_reviewer.pk, old.pk],
    )
    assert found() == {("revocation", f"certificate {old.number}")}


def test_signature_in_another_spelling_is_found(application):
    """Base64 has idle bits: the portal takes one spelling only, and so does the check."""
    tamper(
        "UPDATE conversion_certificate SET signature = left(signature, 85)"
        " || CASE WHEN right(signature, 1) IN ('A', 'Q', 'g', 'w') THEN chr(ascii(right(signature, 1)) + 1) END"
    )
    assert {check for check, _subject in found()} == {"signature"}


@pytest.mark.parametrize("junk", ["null", "[]", '"x"', "{}", '{"name": 1, "issued_on": null, "stages": [0]}'])
def test_content_that_is_none_is_named_and_the_check_goes_on(client, application, junk):
    tamper("UPDATE conversion_certificate SET content = %s::jsonb", [junk])
    tamper("UPDATE conversion_creditentry SET credits = 40")
    assert {"signature", "content", "amount"} <= {check for check, _subject in found()}
    page = client.get(reverse("conversion:verify"), {"number": application.certificate.number}).content.decode()
    assert "数据与签名不符" in page


@pytest.mark.parametrize("credits", ["sNaN", "Infinity", "9" * 200_000, "x"])
def test_frozen_credits_that_are_no_amount_are_named_and_the_check_goes_on(application, credits):
    snapshot = "jsonb_set(snapshot, '{rule,credits}', to_jsonb(%s::text))"
    tamper(f"UPDATE conversion_application SET snapshot = {snapshot} WHERE id = %s", [credits, application.pk])
    assert {"frozen", "amount", "balance", "content"} <= {check for check, _subject in found()}


@pytest.mark.parametrize("junk", ["null", "[]"])
def test_snapshot_that_is_none_is_named_and_the_check_goes_on(application, junk):
    tamper("UPDATE conversion_application SET snapshot = %s::jsonb WHERE id = %s", [junk, application.pk])
    assert {"frozen", "amount"} <= {check for check, _subject in found()}


def test_number_of_stages_that_does_not_exist_is_named_and_the_check_goes_on(application):
    drop("application", "one_to_three_stages")
    drop("application", "approval_passes_every_stage")
    tamper("UPDATE conversion_application SET stage_count = 7 WHERE id = %s", [application.pk])
    assert {("frozen", case_of(application)), ("steps", case_of(application))} == found()


# Daily roots ------------------------------------------------------------------------------------------------


def seal(days=1):
    """Come back after midnight and seal what is due."""
    with time_machine.travel(timezone.localtime().replace(hour=12) + timedelta(days=days)):
        return seal_days()


def test_root_is_stored_signed_and_exported(application, settings):
    (root,) = seal()
    assert (root.on, root.records, root.entries, root.certificates) == (timezone.localdate(), 6, 1, 1)
    exported = json.loads((settings.LEDGER_ROOT_DIR / f"ledger-root-{root.on}.json").read_text())
    assert exported["root"] == root.root
    assert exported["signature"] == root.signature
    assert found() == set()


def test_a_day_is_sealed_once_and_days_without_work_too(application):
    assert len(seal(days=3)) == 3
    assert seal(days=3) == []
    with time_machine.travel(timezone.localtime().replace(hour=12) + timedelta(days=4)):
        seal_ledger()
    roots = list(LedgerRoot.objects.order_by("on"))
    assert [root.previous_root for root in roots] == ["", *(root.root for root in roots[:-1])]
    assert [root.records for root in roots] == [6, 0, 0, 0]
    assert found() == set()


def test_day_is_sealed_when_what_began_on_it_has_ended(application):
    """A transaction that began before midnight may commit after it; tasks and requests live under a minute."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0) + TOMORROW
    for minutes, sealed in [(9, 0), (11, 1)]:
        with time_machine.travel(midnight + timedelta(minutes=minutes)):
            assert len(seal_days()) == sealed


@pytest.mark.django_db(transaction=True)
def test_days_sealed_at_once_are_sealed_once(in_parallel):
    with time_machine.travel(timezone.localtime().replace(hour=12) - 2 * TOMORROW):
        Scene().submit()
    answers = in_parallel(seal_days, times=4)
    assert sum(map(len, answers)) == LedgerRoot.objects.count() == 2


def test_running_day_is_not_sealed(application):
    assert seal(days=0) == []
    with pytest.raises(CommandError, match="isn't over"):
        call_command("export_ledger_root", date=timezone.localdate())


def test_command_exports_a_day_again(application, settings):
    (root,) = seal()
    path = settings.LEDGER_ROOT_DIR / f"ledger-root-{root.on}.json"
    path.unlink()
    assert found() == {("file", path.name)}
    output = StringIO()
    with time_machine.travel(timezone.localtime().replace(hour=12) + TOMORROW):
        call_command("export_ledger_root", date=root.on, stdout=output)
    assert output.getvalue() == f"{path}\n"
    assert found() == set()


def exported():
    """What the command prints on the day after the cases."""
    output = StringIO()
    with time_machine.travel(timezone.localtime().replace(hour=12) + TOMORROW):
        call_command("export_ledger_root", stdout=output)
    return output.getvalue()


def test_command_says_when_no_root_is_due(db, settings):
    assert exported() == "No root is due: there is no record of a finished day yet.\n"
    Scene().submit()
    today = timezone.localdate()
    assert exported() == f"{settings.LEDGER_ROOT_DIR}/ledger-root-{today}.json\n"
    assert exported() == f"No root is due: all days up to {today} are sealed.\n"


def test_a_file_that_could_not_be_written_is_written_with_the_next_sealing(application, settings):
    first, second = seal(days=2)
    path = settings.LEDGER_ROOT_DIR / f"ledger-root-{first.on}.json"
    text = path.read_text()
    path.unlink()
    assert found() == {("file", path.name)}
    with time_machine.travel(timezone.localtime().replace(hour=12) + 3 * TOMORROW):
        (third,) = seal_days()
    assert third.previous_root == second.root
    assert path.read_text() == text
    assert found() == set()


def test_a_day_is_sealed_while_the_folder_is_away(application, settings):
    """Nothing of the day can be changed unseen from then on; its file is written when the folder is back."""
    (first,) = seal()
    folder = settings.LEDGER_ROOT_DIR
    settings.LEDGER_ROOT_DIR = folder / f"ledger-root-{first.on}.json" / "away"
    for _run in range(2):
        with pytest.raises(NotADirectoryError):
            seal(days=2)
    assert LedgerRoot.objects.count() == 2
    settings.LEDGER_ROOT_DIR = folder
    seal(days=2)
    assert found() == set()


def test_exported_file_is_never_overwritten(application, settings):
    (root,) = seal()
    path = settings.LEDGER_ROOT_DIR / f"ledger-root-{root.on}.json"
    path.chmod(0o644)
    path.write_text('{"root": "other"}')
    with pytest.raises(RootFileError):
        export_root(root)
    assert found() == {("file", path.name)}
    assert path.read_text() == '{"root": "other"}'


def test_added_entry_of_a_sealed_day_is_found(scene, application):
    seal()
    other = Scene(college=scene.college)
    other.submit()
    assert found() == {("root", f"day {timezone.localdate()}")}


def test_deleted_root_is_found_by_its_file_and_by_the_next(application, settings):
    first, _second, _third = seal(days=3)
    tamper("DELETE FROM conversion_ledgerroot WHERE id = %s", [first.pk])
    checks = found()
    assert ("file", f"ledger-root-{first.on}.json") in checks
    assert ("root", f"day {first.on + TOMORROW}") in checks
    assert ("root", f"day {first.on}") in checks


def test_edited_root_is_found(application):
    seal()
    tamper("UPDATE conversion_ledgerroot SET root = md5('x') || md5('y')")
    assert {check for check, _subject in found()} == {"root", "file"}


def test_days_that_should_have_a_root_are_noted(db):
    """No difference: but whoever deletes the newest roots with their files must not stay unseen."""
    errors = StringIO()
    with time_machine.travel(timezone.localtime().replace(hour=12) - timedelta(days=3)):
        Scene().submit()
    day = timezone.localdate() - timedelta(days=3)
    call_command("verify_ledger", stdout=StringIO(), stderr=errors)
    assert errors.getvalue().startswith(f"Note: {day} without a daily root.")
    seal_days()
    errors = StringIO()
    call_command("verify_ledger", stdout=StringIO(), stderr=errors)
    assert errors.getvalue() == ""


def test_raw_sql_can_not_edit_a_root(application):
    seal()
    with pytest.raises(Exception, match="append-only"), transaction.atomic():
        LedgerRoot.objects.update(records=0)


# How it is built --------------------------------------------------------------------------------------------


def test_checks_share_no_code_with_the_services():
    allowed = {"conversion.ledger_check", "conversion.ledger_check.streams", "vault.signatures"}
    ours = ("conversion", "accounts", "achievements", "evidence", "messaging", "portal", "vault")
    for path in Path(ledger_check.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module.startswith(ours):
                assert node.module in allowed, path


@pytest.mark.django_db(transaction=True)
def test_ledger_is_read_at_one_moment_while_reviewers_go_on():
    """What is decided between two streams must not look like a difference."""
    scene = Scene()
    application = scene.submit()
    scene.decide(application, "first_approve", scene.first_reviewer)
    with ledger_check.snapshot():
        counts = {}
        seen = list(ledger_check.CHECKS["cases"](counts))
        in_another_connection(lambda: scene.decide(application, "final_approve", scene.final_reviewer))
        for name in ("entries", "certificates"):
            seen += ledger_check.CHECKS[name](counts)
    assert seen == []
    assert counts["entries"] == counts["certificates"] == 0
    assert (CreditEntry.objects.count(), Certificate.objects.count(), ReviewRecord.objects.count()) == (1, 1, 3)


def in_another_connection(call):
    from threading import Thread

    def run():
        try:
            call()
        finally:
            connection.close()

    thread = Thread(target=run)
    thread.start()
    thread.join()
