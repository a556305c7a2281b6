"""Document numbers are shown masked; whoever looks at a whole one is written down, and the learner sees it."""

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from accounts.models import PersonalDataAccess
from accounts.services.personal_data import NotAllowedError, reveal_document
from accounts.tests.factories import (
    CentreReviewerFactory,
    EnrolmentFactory,
    InstitutionUserFactory,
    LearnerFactory,
    ReviewerFactory,
    UserFactory,
)
from conversion.tests.scene import Scene, make_reviewer

pytestmark = pytest.mark.django_db
RIGHTS = ["accounts.view_learner", "accounts.unmask_document"]
WHY = {"purpose": "identity", "note": ""}


@pytest.fixture
def learner():
    return UserFactory(learner__verified=True).learner


def sign_in(client, permissions=RIGHTS, factory=CentreReviewerFactory, **fields):
    user = factory(permissions=permissions, **fields)
    client.force_login(user)
    return user


def unmask(client, learner, **why):
    return client.post(reverse("admin:accounts_learner_unmask", args=[learner.pk]), WHY | why)


def test_staff_with_the_permission_sees_the_number_once_and_is_written_down(client, learner):
    staff = sign_in(client)
    before = client.get(reverse("admin:accounts_learner_change", args=[learner.pk])).content.decode()
    assert "显示完整证件号码" in before
    assert learner.masked_document in before
    assert learner.document_number not in before
    page = unmask(client, learner)
    assert learner.document_number in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    access = PersonalDataAccess.objects.get()
    assert (access.learner, access.by, access.purpose) == (learner, staff, "identity")
    assert (access.unit, access.address, access.what) == ("学分银行管理中心", "127.0.0.1", "document_number")


@pytest.mark.parametrize("why", [{"purpose": ""}, {"purpose": "other"}, {"purpose": "curiosity"}])
def test_staff_without_a_reason_sees_nothing(client, learner, why):
    sign_in(client)
    page = unmask(client, learner, **why).content.decode()
    assert learner.document_number not in page
    assert "review-error" in page
    assert not PersonalDataAccess.objects.exists()


def test_other_purpose_says_which(client, learner):
    sign_in(client)
    assert learner.document_number in unmask(client, learner, purpose="other", note="配合复核").content.decode()
    assert PersonalDataAccess.objects.get().note == "配合复核"


def test_number_is_not_shown_when_the_look_can_not_be_written_down(learner):
    staff = CentreReviewerFactory(permissions=RIGHTS)
    with pytest.raises(IntegrityError), transaction.atomic():
        reveal_document(learner=learner, by=staff, purpose="other", note="", address="127.0.0.1")
    assert not PersonalDataAccess.objects.exists()


def test_staff_without_the_permission_is_refused(client, learner):
    sign_in(client, ["accounts.view_learner"])
    assert (
        "显示完整证件号码"
        not in client.get(reverse("admin:accounts_learner_change", args=[learner.pk])).content.decode()
    )
    assert unmask(client, learner).status_code == 403
    assert not PersonalDataAccess.objects.exists()


def test_learner_may_not_unmask_anybody(client, learner):
    client.force_login(learner.user)
    assert unmask(client, learner).status_code == 302
    with pytest.raises(NotAllowedError):
        reveal_document(learner=learner, by=learner.user, purpose="other", note="x", address="")
    assert not PersonalDataAccess.objects.exists()


def test_reviewer_of_an_institution_finds_nobody_off_its_roster(client, learner):
    reviewer = sign_in(client, factory=ReviewerFactory)
    assert unmask(client, learner).status_code == 404
    own = EnrolmentFactory(institution=reviewer.institution, learner__verified=True).learner
    assert own.document_number in unmask(client, own).content.decode()
    assert PersonalDataAccess.objects.get().unit == reviewer.institution.name


def test_number_is_asked_for_by_post_only(client, learner):
    sign_in(client)
    assert client.get(reverse("admin:accounts_learner_unmask", args=[learner.pk])).status_code == 405
    assert not PersonalDataAccess.objects.exists()


def test_number_stands_in_no_log_message_or_url(client, learner, caplog):
    sign_in(client)
    page = unmask(client, learner)
    assert learner.document_number not in caplog.text + page.request["PATH_INFO"] + str(page.cookies)
    assert learner.document_number not in str(dict(client.session))


@pytest.mark.parametrize(
    "statement", ["UPDATE accounts_personaldataaccess SET note = 'x'", "DELETE FROM accounts_personaldataaccess"]
)
def test_access_log_is_append_only(learner, statement):
    staff = CentreReviewerFactory(permissions=RIGHTS)
    reveal_document(learner=learner, by=staff, purpose="review", address="127.0.0.1")
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert PersonalDataAccess.objects.count() == 1


def test_learner_sees_when_which_unit_and_why_but_not_who(client, learner):
    staff = CentreReviewerFactory(permissions=RIGHTS, name="某工作人员")
    reveal_document(learner=learner, by=staff, purpose="other", note="配合复核", address="203.0.113.7")
    stranger = LearnerFactory()
    reveal_document(learner=stranger, by=staff, purpose="other", note="别人的", address="")
    client.force_login(learner.user)
    assert reverse("accounts:data_access") in client.get(reverse("accounts:profile")).content.decode()
    page = client.get(reverse("accounts:data_access"))
    text = page.content.decode()
    for words in ["学分银行管理中心", "完整证件号码", "配合复核", "总共 1 条记录"]:
        assert words in text
    for words in ["某工作人员", staff.username, "203.0.113.7", "别人的", learner.document_number]:
        assert words not in text
    assert "no-store" in page["Cache-Control"]


def test_learner_nobody_looked_at_reads_so(client, learner):
    client.force_login(learner.user)
    assert "没有找到匹配的记录" in client.get(reverse("accounts:data_access")).content.decode()


def test_visitor_and_staff_have_no_access_page(client):
    assert client.get(reverse("accounts:data_access")).status_code == 302
    sign_in(client)
    assert client.get(reverse("accounts:data_access")).status_code == 302


class TestReview:
    """On the review page the number stands beside the evidence."""

    @pytest.fixture
    def case(self):
        return Scene().submit()

    def unmask(self, client, case, reviewer, **why):
        client.force_login(reviewer)
        url = reverse("admin:conversion_application_document", args=[case.pk])
        return client.post(url, {"purpose": "review"} | why)

    def reviewer(self, institution, *names):
        reviewer = make_reviewer(institution, first=True)
        reviewer.user_permissions.add(*Permission.objects.filter(codename__in=names))
        return reviewer

    def test_reviewer_sees_the_applicants_number_and_goes_on_deciding(self, client, case):
        reviewer = self.reviewer(case.receiving_institution, "unmask_document")
        page = self.unmask(client, case, reviewer)
        assert case.learner.document_number in page.content.decode()
        assert "提交审核结论" in page.content.decode()
        assert "no-store" in page["Cache-Control"]
        assert PersonalDataAccess.objects.get().unit == reviewer.institution.name
        desk = client.get(reverse("admin:conversion_application_review", args=[case.pk])).content.decode()
        assert case.learner.document_number not in desk

    def test_reviewer_without_permission_case_or_reason_sees_nothing(self, client, case):
        college = case.receiving_institution
        assert self.unmask(client, case, self.reviewer(college)).status_code == 403
        stranger = self.reviewer(EnrolmentFactory().institution, "unmask_document")
        assert self.unmask(client, case, stranger).status_code == 404
        page = self.unmask(client, case, self.reviewer(college, "unmask_document"), purpose="other")
        assert "请写明查看目的" in page.content.decode()
        assert case.learner.document_number not in page.content.decode()
        assert not PersonalDataAccess.objects.exists()


class TestInstitution:
    @pytest.fixture
    def clerk(self, client):
        clerk = InstitutionUserFactory()
        client.force_login(clerk)
        return clerk

    def url(self, enrolment):
        return reverse("accounts:learner_document", args=[enrolment.pk])

    def test_institution_sees_the_number_of_its_own_learner_after_a_reason(self, client, clerk):
        enrolment = EnrolmentFactory(institution=clerk.institution, learner__verified=True)
        number = enrolment.learner.document_number
        assert self.url(enrolment) in client.get(reverse("accounts:institution_home")).content.decode()
        assert number not in client.get(self.url(enrolment)).content.decode()
        assert number not in client.post(self.url(enrolment), {"purpose": "other"}).content.decode()
        page = client.post(self.url(enrolment), {"purpose": "roster"})
        assert number in page.content.decode()
        assert "no-store" in page["Cache-Control"]
        assert PersonalDataAccess.objects.get().unit == clerk.institution.name

    def test_institution_does_not_find_the_learner_of_another(self, client, clerk):
        assert client.post(self.url(EnrolmentFactory()), {"purpose": "roster"}).status_code == 404
        assert not PersonalDataAccess.objects.exists()
