import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import ActivationCode, Enrolment, Institution, User
from accounts.services import institutions
from accounts.services.institutions import NotPendingError, approve_institution, refuse_institution
from accounts.tests.factories import InstitutionFactory, LearnerFactory, UserFactory
from accounts.tests.sms_steps import request_code, texted_code
from achievements.tests.factories import EvidenceFactory
from evidence.models import EvidenceFile
from evidence.services import inspect_evidence
from evidence.tests.test_inspection import picture

REGISTER = reverse("accounts:register_institution")
HOME = reverse("accounts:institution_home")
SHEET = reverse("accounts:activation_code_sheet")
LICENCE = reverse("accounts:institution_licence")


@pytest.fixture
def files_folder(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def filled_in():
    return {
        "username": "shilixueyuan",
        "password": "Kapok#2026",
        "password_again": "Kapok#2026",
        "email": "office@example.org",
        "institution_name": "示例职业学院",
        "uscc": "12440000000000043H",
        "kind": "vocational",
        "contact_name": "何老师",
        "phone": "19900000077",
        "licence": SimpleUploadedFile("licence.png", picture()),
    }


def register(client, **changes):
    request_code(client, REGISTER, {"phone": "19900000077"})
    return client.post(REGISTER, filled_in() | {"code": texted_code()} | changes)


@pytest.fixture
def pending(db):
    return InstitutionFactory(status="pending", bank_code=None)


@pytest.mark.django_db
class TestRegistration:
    def test_institution_registers_and_waits_for_the_centre(self, client, files_folder):
        assert register(client).url == HOME
        institution = Institution.objects.get()
        assert (institution.status, institution.bank_code) == ("pending", None)
        assert institution.licence.state == "checking"
        assert User.objects.get().institution == institution
        assert "正在等待学分银行管理中心审核" in client.get(HOME).content.decode()

    def test_wrong_credit_code_is_refused_beside_the_field_and_keeps_the_rest(self, client, files_folder):
        page = register(client, uscc="12440000000000043A").content.decode()
        assert "id_uscc_error" in page or "invalid-feedback" in page
        assert "示例职业学院" in page
        assert not Institution.objects.exists()

    def test_registered_credit_code_is_not_registered_again(self, client, files_folder):
        InstitutionFactory(uscc="12440000000000043H")
        assert "这个统一社会信用代码已登记" in register(client).content.decode()

    def test_licence_must_be_a_picture_or_pdf(self, client, files_folder):
        page = register(client, licence=SimpleUploadedFile("licence.exe", b"MZ")).content.decode()
        assert "licence.exe" in page
        assert not Institution.objects.exists()


@pytest.mark.django_db
class TestApproval:
    def approve(self, client, institution):
        data = {"action": "approve", "_selected_action": [institution.pk]}
        return client.post(reverse("admin:accounts_institution_changelist"), data, follow=True)

    def test_centre_approves_and_the_institution_gets_its_code_and_term(self, client, pending):
        clerk = UserFactory(learner=None, institution=pending)
        client.force_login(UserFactory(learner=None, is_staff=True, is_superuser=True))
        assert "已入册" in self.approve(client, pending).content.decode()
        pending.refresh_from_db()
        assert (pending.status, pending.bank_code) == ("approved", "gdxf00001")
        assert pending.valid_to.year == pending.valid_from.year + 5
        assert "gdxf00001" in clerk.inbox_messages.get().body

    def test_second_approval_changes_nothing(self, client, pending):
        approve_institution(institution=pending, by=None)
        client.force_login(UserFactory(learner=None, is_staff=True, is_superuser=True))
        assert "不在待审核状态" in self.approve(client, pending).content.decode()

    def test_centre_can_not_approve_past_the_code_the_term_and_the_message(self, client, pending):
        clerk = UserFactory(learner=None, institution=pending)
        client.force_login(UserFactory(learner=None, is_staff=True, is_superuser=True))
        url = reverse("admin:accounts_institution_change", args=[pending.pk])
        form = client.get(url).context["adminform"].form
        assert [value for value, _label in form.fields["status"].choices] == ["pending"]
        facts = {"name": pending.name, "kind": pending.kind, "uscc": pending.uscc or "", "bank_code": "abcd00001"}
        answer = client.post(url, facts | {"status": "approved"})
        assert list(answer.context["adminform"].form.errors) == ["status"]
        pending.refresh_from_db()
        assert pending.status == "pending"
        assert not clerk.inbox_messages.exists()

    @pytest.mark.parametrize(
        ("before", "after"), [("approved", "closed"), ("closed", "approved"), ("refused", "pending")]
    )
    def test_centre_removes_an_institution_and_takes_it_back(self, client, before, after):
        institution = InstitutionFactory(status=before)
        client.force_login(UserFactory(learner=None, is_staff=True, is_superuser=True))
        facts = {"name": institution.name, "kind": institution.kind, "bank_code": institution.bank_code or ""}
        url = reverse("admin:accounts_institution_change", args=[institution.pk])
        assert client.post(url, facts | {"status": after}).status_code == 302
        institution.refresh_from_db()
        assert institution.status == after

    def test_next_institution_gets_the_next_code(self, pending):
        approve_institution(institution=pending, by=None)
        other = InstitutionFactory(status="pending", bank_code=None)
        assert approve_institution(institution=other, by=None).bank_code == "gdxf00002"


@pytest.fixture
def clerk(client, files_folder):
    """The account of an institution that has registered and waits; its licence passed."""
    register(client)
    institution = Institution.objects.get()
    inspect_evidence(pk=institution.licence_id)
    return institution.users.get()


def make_staff(*codenames, **options):
    staff = UserFactory(learner=None, is_staff=True, **options)
    staff.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    return staff


@pytest.mark.django_db
class TestLicence:
    def pages(self, institution):
        """The institution in the admin, its licence and the thumbnail."""
        args = [institution.pk, institution.licence_id]
        return (
            reverse("admin:accounts_institution_change", args=args[:1]),
            reverse("admin:accounts_institution_licence", args=args),
            reverse("admin:accounts_institution_licence_thumbnail", args=args),
        )

    @pytest.mark.ignore_template_errors
    def test_centre_looks_at_the_licence_before_it_decides(self, client, clerk):
        EvidenceFactory(name="别人的证书.png")
        client.force_login(make_staff("view_institution", "change_institution"))
        change, *files = self.pages(clerk.institution)
        page = client.get(change).content.decode()
        assert "别人的证书" not in page
        for url in files:
            assert url in page
            response = client.get(url)
            assert response.status_code == 200
            assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
            assert b"".join(response.streaming_content)

    @pytest.mark.ignore_template_errors
    def test_who_only_looks_institutions_up_sees_no_licence(self, client, clerk):
        change, *files = self.pages(clerk.institution)
        for reviewer in [
            make_staff("view_institution"),
            make_staff("view_institution", "change_institution", institution=InstitutionFactory()),
        ]:
            client.force_login(reviewer)
            assert files[0] not in client.get(change).content.decode()
            assert {client.get(url).status_code for url in files} == {403}
        client.force_login(UserFactory())
        assert {client.get(url).status_code for url in files} == {302}

    @pytest.mark.ignore_template_errors
    def test_another_file_under_the_address_of_a_licence_is_not_found(self, client, clerk):
        client.force_login(make_staff("change_institution"))
        other = EvidenceFactory(sha256=clerk.institution.licence.sha256)
        inspect_evidence(pk=other.pk)
        args = [clerk.institution.pk, other.pk]
        assert client.get(reverse("admin:accounts_institution_licence", args=args)).status_code == 404

    def test_institution_reads_why_its_licence_was_refused_and_sends_another(self, client, clerk):
        first = clerk.institution.licence
        EvidenceFile.objects.update(state="refused", clean_sha256="", refusal="文件已损坏")
        page = client.get(HOME).content.decode()
        assert "文件已损坏" in page
        assert LICENCE in page
        wrong = client.post(LICENCE, {"licence": SimpleUploadedFile("licence.exe", b"MZ")})
        assert "只接受 jpg、png、gif、pdf" in wrong.content.decode()
        client.post(LICENCE, {"licence": SimpleUploadedFile("营业执照.png", picture())})
        assert "营业执照.png" in client.get(HOME).content.decode()
        assert not EvidenceFile.objects.filter(pk=first.pk).exists()

    def test_message_about_a_refused_licence_leads_to_where_another_is_sent(self, client, clerk):
        client.post(LICENCE, {"licence": SimpleUploadedFile("执照.png", picture()[:60])})
        inspect_evidence(pk=EvidenceFile.objects.latest("pk").pk)
        message = clerk.inbox_messages.get()
        assert "执照.png" in message.body
        assert message.link == LICENCE
        assert client.get(message.link).status_code == 200

    def test_licence_stays_once_the_centre_has_decided(self, client, clerk):
        approve_institution(institution=clerk.institution, by=None)
        assert LICENCE not in client.get(HOME).content.decode()
        answer = client.post(LICENCE, {"licence": SimpleUploadedFile("b.png", picture())}, follow=True)
        assert "证照不能再更换" in answer.content.decode()
        assert EvidenceFile.objects.get() == Institution.objects.get().licence


@pytest.mark.django_db(transaction=True)
def test_parallel_approvals_give_different_codes(in_parallel):
    waiting = iter([InstitutionFactory(status="pending", bank_code=None) for _number in range(5)])
    results = in_parallel(lambda: approve_institution(institution=next(waiting), by=None), times=5)
    assert not [result for result in results if isinstance(result, Exception)]
    codes = set(Institution.objects.values_list("bank_code", flat=True))
    assert codes == {f"gdxf{number:05d}" for number in range(1, 6)}


@pytest.mark.django_db(transaction=True)
def test_parallel_approvals_of_one_institution_approve_once(in_parallel):
    pending = InstitutionFactory(status="pending", bank_code=None)
    results = in_parallel(lambda: approve_institution(institution=pending, by=None), times=4)
    assert sum(isinstance(result, NotPendingError) for result in results) == 3


@pytest.mark.django_db(transaction=True)
def test_parallel_approvals_without_the_lock_collide_on_one_code(in_parallel, meeting, monkeypatch):
    """Positive control of the different codes: all read the last code before anybody writes the next."""
    meet, next_bank_code = meeting(3), institutions._next_bank_code

    def next_and_meet():
        code = next_bank_code()
        meet()
        return code

    monkeypatch.setattr(institutions, "_next_bank_code", next_and_meet)
    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **options: self)
    waiting = iter([InstitutionFactory(status="pending", bank_code=None) for _number in range(3)])
    results = in_parallel(lambda: approve_institution(institution=next(waiting), by=None), times=3)
    assert sum(isinstance(result, IntegrityError) for result in results) == 2


def refuse_four_times(in_parallel):
    """Four colleagues refuse one institution at once; return how many were told that they did."""
    institution = InstitutionFactory(status="pending", bank_code=None)
    pages = [Institution.objects.get(pk=institution.pk) for _colleague in range(4)]
    results = in_parallel(lambda: refuse_institution(institution=pages.pop(), by=None), times=4)
    return sum(not isinstance(result, NotPendingError) for result in results)


@pytest.mark.django_db(transaction=True)
def test_parallel_decisions_about_one_institution_decide_once(in_parallel):
    assert refuse_four_times(in_parallel) == 1


@pytest.mark.django_db(transaction=True)
def test_parallel_decisions_with_read_then_write_decide_more_often(in_parallel, meeting, monkeypatch):
    """Positive control of the one decision."""
    meet = meeting(4)

    def decide(self, status, **changes):
        if Institution.objects.get(pk=self.pk).status != Institution.Status.PENDING:
            return False
        meet()
        return Institution.objects.filter(pk=self.pk).update(status=status, **changes)

    monkeypatch.setattr(Institution, "decide", decide)
    assert refuse_four_times(in_parallel) == 4


@pytest.fixture
def enrolment(db):
    return Enrolment.objects.create(learner=LearnerFactory(), institution=InstitutionFactory(), student_number="1")


@pytest.fixture
def clerk_client(client, enrolment):
    client.force_login(UserFactory(learner=None, institution=enrolment.institution))
    return client


class TestHome:
    def test_institution_sees_its_learners_masked(self, clerk_client, enrolment):
        page = clerk_client.get(HOME).content.decode()
        assert enrolment.learner.name in page
        assert enrolment.learner.masked_document in page
        assert enrolment.learner.document_number not in page

    def test_institution_sees_no_learner_of_another(self, clerk_client):
        other = Enrolment.objects.create(learner=LearnerFactory(name="别校生"), institution=InstitutionFactory())
        assert "别校生" not in clerk_client.get(HOME).content.decode()
        clerk_client.post(SHEET, {"enrolment": [other.pk]})
        assert not ActivationCode.objects.exists()

    def test_institution_issues_an_activation_code_shown_once(self, clerk_client, enrolment):
        page = clerk_client.post(SHEET, {"only": enrolment.pk})
        assert enrolment.learner.name in page.content.decode()
        assert ActivationCode.objects.get().enrolment == enrolment
        assert "重新签发激活码" in clerk_client.get(HOME).content.decode()

    def test_activated_learner_gets_no_code(self, clerk_client, enrolment):
        UserFactory(learner=enrolment.learner)
        answer = clerk_client.post(SHEET, {"enrolment": [enrolment.pk]}, follow=True)
        assert "请先选择尚未激活的学习者" in answer.content.decode()
        assert not ActivationCode.objects.exists()

    def test_institution_prints_a_sheet_for_several_learners(self, clerk_client, enrolment):
        other = Enrolment.objects.create(learner=LearnerFactory(), institution=enrolment.institution)
        page = clerk_client.post(SHEET, {"enrolment": [enrolment.pk, other.pk, "x", "9" * 30]}).content.decode()
        assert enrolment.learner.name in page
        assert other.learner.name in page
        assert ActivationCode.objects.count() == 2

    def test_pending_institution_issues_nothing(self, clerk_client, enrolment):
        Institution.objects.update(status="pending")
        assert clerk_client.post(SHEET, {"enrolment": [enrolment.pk]}).status_code == 403

    def test_learner_and_visitor_do_not_get_in(self, client, enrolment):
        assert client.get(HOME).url.startswith(reverse("accounts:sign_in"))
        client.force_login(UserFactory())
        assert client.get(HOME).status_code == 403

    def test_home_runs_as_many_queries_for_thirty_learners_as_for_three(self, clerk_client, enrolment):
        def queries():
            with CaptureQueriesContext(connection) as captured:
                clerk_client.get(HOME)
            return len(captured)

        few = queries()
        for number in range(18):
            Enrolment.objects.create(
                learner=LearnerFactory(), institution=enrolment.institution, student_number=f"S{number}"
            )
        assert queries() == few
