"""人工核对: what an activation could not prove, two different people of the centre decide."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from accounts.models import ActivationCode, IdentityCheck, Learner, User
from accounts.services import identity
from accounts.services.identity import CheckRefusedError
from accounts.tests.factories import CentreReviewerFactory, EnrolmentFactory, ReviewerFactory, UserFactory
from accounts.tests.sms_steps import request_code, solved_captcha, texted_code
from demo.synthetic import synthetic_person
from evidence.tests.test_inspection import picture
from messaging.models import SmsMessage

RIGHTS = ["accounts.view_identitycheck", "accounts.decide_identitycheck"]
ASK, DONE = reverse("accounts:identity_check"), reverse("accounts:identity_check_done")
UNMATCHED = reverse("accounts:activate_unmatched")
PHONE = "+8619900008801"
PERSON = synthetic_person(8801)


@pytest.fixture
def enrolment(db):
    return EnrolmentFactory(learner__verified=True, phone="+8619900008899")


def make_check(enrolment, **fields):
    check = IdentityCheck(**{"name": enrolment.learner.name, "phone": PHONE} | fields)
    check.set_document_number(enrolment.learner.document_number)
    check.save()
    return check


def make_staff(**fields):
    return CentreReviewerFactory(permissions=RIGHTS, **fields)


def again(check):
    return IdentityCheck.objects.get(pk=check.pk)


def try_to_activate(client, number, name="某某", phone="19900008801", code=None):
    client.post(reverse("accounts:activate"), {"document_number": number, **solved_captcha()})
    url = reverse("accounts:activate_identity")
    request_code(client, url, {"phone": phone, "name": name})
    return client.post(url, {"phone": phone, "name": name, "code": texted_code(), "activation_code": code or ""})


def ask(client, **data):
    return client.post(ASK, {"note": "原手机号已停用"} | data)


def body_of(page):
    """What a page says, without the token every form has anew."""
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", page.content.decode())


@pytest.mark.django_db
class TestAsking:
    def test_unmatched_visitor_asks_for_a_check(self, client, enrolment):
        number = enrolment.learner.document_number
        assert try_to_activate(client, number, name="某某").url == UNMATCHED
        assert "申请人工核对" in client.get(UNMATCHED).content.decode()
        assert ask(client).url == DONE
        check = IdentityCheck.objects.get()
        assert (check.name, check.phone, check.document_number) == ("某某", PHONE, number)
        assert (check.learner, check.status, check.note) == (enrolment.learner, "pending", "原手机号已停用")

    @pytest.mark.parametrize("known", ["unknown", "rostered", "activated", "squatted"])
    def test_pages_tell_nothing_about_the_roster(self, client, db, known):
        if known in {"rostered", "activated"}:
            learner = EnrolmentFactory(learner__verified=True, learner__person=PERSON, phone="+8619900008899").learner
            if known == "activated":
                UserFactory(learner=learner)
        elif known == "squatted":
            UserFactory(learner__person=PERSON)
        sms = SmsMessage.objects.count()
        answer = try_to_activate(client, PERSON.number, name="某某")
        bodies = [body_of(client.get(url)) for url in [UNMATCHED, ASK]]
        asked = ask(client)
        bodies.append(body_of(client.get(asked.url)))
        seen = [answer.status_code, answer.url, asked.status_code, asked.url, *bodies]
        assert seen == self.seen_of_unknown_number(db)
        assert SmsMessage.objects.count() == sms + 1

    def seen_of_unknown_number(self, db):
        """The same walk in a fresh session, with a number nobody has."""
        from django.test import Client

        client, number = Client(), synthetic_person(8802).number
        answer = try_to_activate(client, number, name="某某", phone="19900008803")
        SmsMessage.objects.filter(phone="+8619900008803").delete()
        bodies = [body_of(client.get(url)) for url in [UNMATCHED, ASK]]
        asked = ask(client)
        bodies.append(body_of(client.get(asked.url)))
        return [answer.status_code, answer.url, asked.status_code, asked.url, *bodies]

    def test_asking_twice_makes_one_case(self, client, enrolment):
        for _time in range(2):
            identity.request_identity_check(
                document_number=enrolment.learner.document_number, name="某某", phone=PHONE
            )
        assert IdentityCheck.objects.count() == 1

    def test_person_whose_form_is_refused_is_told_that_the_photo_has_to_be_chosen_again(self, client, db):
        """It may be left out: unsaid, the staff would decide without it."""
        try_to_activate(client, PERSON.number)
        page = ask(client, note="字" * 501, files=SimpleUploadedFile("证件.png", picture())).content.decode()
        assert "选好的文件没有保留,请重新选择:证件.png" in page
        assert not IdentityCheck.objects.exists()

    def test_phone_asks_three_times_a_day(self, client, db):
        for index in range(3):
            identity.request_identity_check(
                document_number=synthetic_person(8810 + index).number, name="某某", phone=PHONE
            )
        try_to_activate(client, PERSON.number)
        page = ask(client, note="写好的说明").content.decode()
        assert "已达上限" in page
        assert "写好的说明" in page
        assert IdentityCheck.objects.count() == 3

    @pytest.mark.parametrize("url", [ASK])
    def test_visitor_without_a_proven_phone_can_not_ask(self, client, db, url):
        assert client.get(url).url == reverse("accounts:activate")
        assert ask(client).url == reverse("accounts:activate")
        assert "申请人工核对" not in client.get(UNMATCHED).content.decode()
        assert not IdentityCheck.objects.exists()

    def test_session_and_table_hold_no_readable_number(self, client, enrolment):
        number = enrolment.learner.document_number
        try_to_activate(client, number)
        assert number not in str(dict(client.session))
        ask(client)
        with connection.cursor() as cursor:
            cursor.execute("SELECT c::text FROM accounts_identitycheck c")
            assert number not in cursor.fetchone()[0]
        assert "identity_check" not in client.session

    def test_photo_is_kept_for_the_centre_only(self, client, enrolment, settings, tmp_path):
        settings.MEDIA_ROOT = tmp_path
        try_to_activate(client, enrolment.learner.document_number)
        png = b"\x89PNG\r\n\x1a\n" + b"0" * 64
        ask(client, files=[SimpleUploadedFile("证件.png", png, "image/png")])
        check = IdentityCheck.objects.get()
        photo = check.files.get()
        assert photo.uploaded_by is None
        client.force_login(UserFactory())
        assert client.get(reverse("achievements:evidence", args=[photo.pk])).status_code == 404
        url = reverse("admin:accounts_identitycheck_evidence", args=[check.pk, photo.pk])
        assert client.get(url).status_code == 302
        client.force_login(CentreReviewerFactory())
        assert client.get(url).status_code == 403


@pytest.mark.django_db
class TestDeciding:
    def test_two_people_approve_and_the_phone_gets_a_code_that_activates(self, client, enrolment):
        check = make_check(enrolment, name="姓名有别")
        identity.approve_check(check=check, by=make_staff())
        assert not ActivationCode.objects.exists()
        assert not SmsMessage.objects.exists()
        identity.approve_check(check=check, by=make_staff())
        assert check.status == "approved"
        text = SmsMessage.objects.get(phone=PHONE).text
        code = re.search(r"\w{4}-\w{4}-\w{5}", text)[0]
        number = enrolment.learner.document_number
        answer = try_to_activate(client, number, name="姓名有别", code=code)
        assert answer.url == reverse("accounts:activate_password")
        client.post(reverse("accounts:activate_password"), {"password": "Kapok-7", "password_again": "Kapok-7"})
        assert User.objects.get(learner=enrolment.learner).name == enrolment.learner.name
        assert SmsMessage.objects.filter(purpose="activated", phone=enrolment.phone).exists()

    def test_code_of_a_check_opens_nothing_for_a_third_name(self, client, enrolment):
        check = make_check(enrolment)
        for _stage in range(2):
            identity.approve_check(check=check, by=make_staff())
        code = re.search(r"\w{4}-\w{4}-\w{5}", SmsMessage.objects.get(phone=PHONE).text)[0]
        answer = try_to_activate(client, enrolment.learner.document_number, name="第三个人", code=code)
        assert answer.url == UNMATCHED

    def test_nobody_approves_both_stages(self, enrolment):
        check, staff = make_check(enrolment), make_staff()
        identity.approve_check(check=check, by=staff)
        with pytest.raises(CheckRefusedError, match="不同的人"):
            identity.approve_check(check=check, by=staff)
        assert again(check).status == "first_approved"
        assert not ActivationCode.objects.exists()

    @pytest.mark.parametrize(
        "changes", [{"status": "approved"}, {"status": "refused", "refusal": "", "final_by": 1}, {"final_by": 1}]
    )
    def test_database_refuses_one_person_and_refusals_without_reason(self, enrolment, changes):
        check, staff = make_check(enrolment), make_staff()
        identity.approve_check(check=check, by=staff)
        changes = {key: staff.pk if key == "final_by" else value for key, value in changes.items()}
        columns = ", ".join(f"{'final_by_id' if key == 'final_by' else key} = %s" for key in changes)
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE accounts_identitycheck SET {columns}", list(changes.values()))

    @pytest.mark.parametrize("who", ["no_right", "institution", "disabled"])
    def test_only_the_centres_staff_with_the_right_decide(self, enrolment, who):
        staff = {
            "no_right": lambda: CentreReviewerFactory(),
            "institution": lambda: ReviewerFactory(permissions=RIGHTS, institution=enrolment.institution),
            "disabled": lambda: make_staff(is_active=False),
        }[who]()
        check = make_check(enrolment)
        for decide in [identity.approve_check, lambda **who: identity.refuse_check(**who, refusal="not_proven")]:
            with pytest.raises(CheckRefusedError):
                decide(check=check, by=staff)
        assert again(check).status == "pending"

    @pytest.mark.parametrize("known", ["absent", "disabled", "off_roster"])
    def test_number_that_can_not_be_activated_can_only_be_refused(self, enrolment, known):
        check, staff = make_check(enrolment), make_staff()
        if known == "disabled":
            UserFactory(learner=enrolment.learner, is_active=False)
        else:
            enrolment.delete()
        if known == "absent":
            Learner.objects.all().delete()
        with pytest.raises(CheckRefusedError, match="只能不予通过"):
            identity.approve_check(check=check, by=staff)
        identity.refuse_check(check=check, by=staff, refusal="not_listed")
        assert check.status == "refused"

    def test_refusals_read_alike_whatever_the_reason(self, enrolment):
        texts = set()
        for refusal in IdentityCheck.Refusal.values:
            check = make_check(enrolment)
            identity.refuse_check(check=check, by=make_staff(), refusal=refusal)
            texts.add(SmsMessage.objects.filter(phone=PHONE).first().text)
        assert len(texts) == 1

    def test_decided_case_stays_decided(self, enrolment):
        check = make_check(enrolment)
        identity.refuse_check(check=check, by=make_staff(), refusal="not_proven")
        with pytest.raises(CheckRefusedError, match="已经办结"):
            identity.approve_check(check=check, by=make_staff())


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("stage", ["pending", "first_approved"])
def test_two_people_at_once_make_one_decision(enrolment, in_parallel, stage):
    check = make_check(enrolment)
    if stage == "first_approved":
        identity.approve_check(check=check, by=make_staff())
    staff, loaded = [make_staff() for _person in range(4)], [again(check) for _person in range(4)]

    def decide():
        return identity.approve_check(check=loaded.pop(), by=staff.pop())

    results = in_parallel(decide, times=4)
    assert sum(isinstance(result, CheckRefusedError) for result in results) == 3
    assert ActivationCode.objects.count() == (stage == "first_approved")
    assert SmsMessage.objects.count() == (stage == "first_approved")


@pytest.mark.django_db(transaction=True)
def test_four_at_once_all_decide_with_read_then_write(enrolment, in_parallel, meeting, monkeypatch):
    """Positive control of the one decision."""
    meet, check = meeting(4), make_check(enrolment)

    def move(self, after, **changes):
        if again(self).status != self.status:
            return False
        meet()
        return IdentityCheck.objects.filter(pk=self.pk).update(status=after, **changes)

    monkeypatch.setattr(IdentityCheck, "move", move)
    staff, loaded = [make_staff() for _person in range(4)], [again(check) for _person in range(4)]
    results = in_parallel(lambda: identity.approve_check(check=loaded.pop(), by=staff.pop()), times=4)
    assert results == [None] * 4


@pytest.mark.django_db
class TestDesk:
    def url(self, check):
        return reverse("admin:accounts_identitycheck_desk", args=[check.pk])

    def test_two_people_decide_on_the_page(self, client, enrolment):
        check = make_check(enrolment)
        for status in ["pending", "first_approved"]:
            client.force_login(make_staff())
            page = client.get(self.url(check)).content.decode()
            assert enrolment.learner.masked_document in page
            assert enrolment.learner.document_number not in page
            answer = client.post(self.url(check), {"action": "approve", "seen_status": status})
            assert answer.url == self.url(check)
        assert again(check).status == "approved"
        page = client.get(self.url(check)).content.decode()
        assert "已经办结" in page
        assert SmsMessage.objects.get().text.split("激活码 ")[1][:14] not in page

    def test_second_person_with_an_old_page_is_told_and_decides_nothing(self, client, enrolment):
        check = make_check(enrolment)
        identity.approve_check(check=check, by=make_staff())
        client.force_login(make_staff())
        page = client.post(self.url(check), {"action": "approve", "seen_status": "pending"}).content.decode()
        assert "刚刚已由别人处理" in page
        assert again(check).status == "first_approved"

    def test_refusal_needs_a_reason(self, client, enrolment):
        check = make_check(enrolment)
        client.force_login(make_staff())
        page = client.post(self.url(check), {"action": "refuse", "seen_status": "pending"}).content.decode()
        assert "不予通过时必须选择原因" in page
        assert again(check).status == "pending"

    def test_page_says_that_no_roster_has_the_number(self, client, enrolment):
        check = make_check(enrolment)
        enrolment.delete()
        Learner.objects.all().delete()
        client.force_login(make_staff())
        assert "没有实名的学习者持有这个证件号码" in client.get(self.url(check)).content.decode()

    def test_queue_shows_masked_numbers_only(self, client, enrolment):
        check = make_check(enrolment)
        client.force_login(make_staff())
        page = client.get(reverse("admin:accounts_identitycheck_changelist")).content.decode()
        assert self.url(check) in page
        assert check.document_number not in page
        detail = reverse("admin:accounts_identitycheck_change", args=[check.pk])
        assert check.document_number not in client.get(detail).content.decode()

    def test_index_counts_what_this_person_may_decide_next(self, client, enrolment):
        first, second, reader = make_staff(), make_staff(), CentreReviewerFactory(permissions=RIGHTS[:1])
        identity.approve_check(check=make_check(enrolment), by=first)
        make_check(enrolment, phone="+8619900008802")
        index, waiting = reverse("admin:index"), reverse("admin:accounts_identitycheck_changelist") + "?waiting=mine"
        for user, count in [(first, 1), (second, 2)]:
            client.force_login(user)
            page = client.get(index).content.decode()
            assert f"待我核对身份 {count} 件" in page
            assert waiting in page
            assert client.get(waiting).context["cl"].result_count == count
        client.force_login(reader)
        assert "核对身份" not in client.get(index).content.decode()

    @pytest.mark.parametrize("factory", [CentreReviewerFactory, ReviewerFactory])
    def test_staff_without_the_right_sees_no_case(self, client, enrolment, factory):
        check = make_check(enrolment)
        permissions = RIGHTS if factory is ReviewerFactory else []
        client.force_login(factory(permissions=permissions))
        assert client.get(self.url(check)).status_code == 403
