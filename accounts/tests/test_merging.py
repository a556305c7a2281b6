"""Merging an unverified person into the verified one; a squatter neither blocks nor sees the rightful person."""

import threading
import uuid

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Learner, LearnerMerge, User
from accounts.models.personal_data import PersonalDataAccess
from accounts.services import activation, merging
from accounts.services.activation import NotBoundError
from accounts.services.merging import MergeRefusedError, merge_learner
from accounts.services.people import verify_learner
from accounts.services.personal_data import accesses_of, reveal_document
from accounts.tasks import sweep_merges
from accounts.tests.factories import CentreReviewerFactory, EnrolmentFactory, LearnerFactory, UserFactory
from achievements.models import Achievement
from achievements.tests.factories import AchievementFactory
from conversion.models import Application, CreditEntry, ExclusiveUse, ExclusivityGroup
from conversion.services.applications import withdraw
from conversion.services.reviews import NotAllowedError
from conversion.tests.scene import Scene, make_achievement, make_version
from demo.synthetic import synthetic_person
from messaging.models import SmsMessage

PERSON = synthetic_person(9901)
PHONE, PASSWORD = "+8619900009901", "Kapok-7"
ROSTER_PHONE = "+8619900009902"

CHANGED = "两份记录的状态已变化"


@pytest.fixture
def registered(db):
    """She registered by herself: unverified, with an account and her own phone."""
    return UserFactory(learner__person=PERSON, phone=PHONE)


@pytest.fixture
def rostered(db):
    """Later a school put her on its roster."""
    return EnrolmentFactory(learner__person=PERSON, learner__verified=True, phone=ROSTER_PHONE).learner


@pytest.fixture
def staff(db):
    return CentreReviewerFactory(
        permissions=["accounts.view_learner", "accounts.merge_learner", "accounts.unmask_document"]
    )


def merge(registered, rostered, by, **options):
    return merge_learner(unverified=registered.learner, verified=rostered, by=by, **options)


def activate(phone=ROSTER_PHONE, name=PERSON.name, **fields):
    return activation.activate(document_number=PERSON.number, name=name, phone=phone, password=PASSWORD, **fields)


@pytest.mark.django_db
class TestMerging:
    def test_account_achievements_and_applications_move(self, rostered, staff):
        scene = Scene(user=UserFactory(learner__person=PERSON))
        application, old = scene.submit(), scene.user.learner
        merge(scene.user, rostered, staff, note="核对了身份证原件")
        scene.user.refresh_from_db()
        assert scene.user.learner == rostered
        assert Achievement.objects.get().learner == rostered
        application.refresh_from_db()
        assert application.learner == rostered
        old.refresh_from_db()
        assert (old.merged_into, old.verified_at) == (rostered, None)
        row = LearnerMerge.objects.get()
        assert (row.unverified, row.verified, row.by, row.outcome) == (old, rostered, staff, "merged")

    def test_duplicate_certificate_stays_with_the_tombstone(self, registered, rostered, staff):
        kept = AchievementFactory(learner=rostered, certificate_number="X1")
        double = AchievementFactory(learner=registered.learner, type=kept.type, certificate_number="X1")
        other = AchievementFactory(learner=registered.learner)
        unnumbered = AchievementFactory(learner=registered.learner, certificate_number="", type=kept.type)
        merge(registered, rostered, staff)
        assert set(Achievement.objects.filter(learner=rostered)) == {kept, other, unnumbered}
        double.refresh_from_db()
        assert double.learner == registered.learner

    def test_duplicate_in_use_refuses_and_changes_nothing(self, rostered, staff):
        scene = Scene(user=UserFactory(learner__person=PERSON))
        scene.submit()
        used = scene.achievement
        AchievementFactory(
            learner=rostered, type=used.type, certificate_number=used.certificate_number, body_name=used.body_name
        )
        with pytest.raises(MergeRefusedError) as refusal:
            merge(scene.user, rostered, staff)
        assert used.name in str(refusal.value.message)
        scene.user.refresh_from_db()
        assert scene.user.learner != rostered
        assert Application.objects.get().learner == scene.user.learner
        assert not LearnerMerge.objects.exists()

    def test_ledger_rows_are_never_moved(self, rostered, staff):
        scene = Scene(user=UserFactory(learner__person=synthetic_person(9903)))
        scene.approved()
        entry = CreditEntry.objects.get()
        Learner.objects.filter(pk=entry.learner_id).update(verified_at=None, document_digest=rostered.document_digest)
        with pytest.raises(MergeRefusedError, match="学分流水"):
            merge(scene.user, rostered, staff)
        entry.refresh_from_db()
        assert entry.learner == scene.user.learner

    def test_who_looked_at_the_old_record_is_still_seen(self, registered, rostered, staff):
        reveal_document(learner=registered.learner, by=staff, purpose="enquiry", address="127.0.0.1")
        merge(registered, rostered, staff)
        assert [access.purpose for access in accesses_of(rostered)] == ["enquiry"]
        assert PersonalDataAccess.objects.get().learner == registered.learner

    @pytest.mark.parametrize("change", ["other_number", "both_verified", "none_verified", "merged_before"])
    def test_only_one_verified_and_one_unverified_record_of_a_number_merge(self, registered, rostered, staff, change):
        if change == "other_number":
            registered.learner = LearnerFactory()
        elif change == "both_verified":
            registered.learner = LearnerFactory(verified=True)
        elif change == "none_verified":
            rostered = LearnerFactory(person=PERSON)
        else:
            merge(registered, rostered, staff)
            registered = User(learner=Learner.objects.exclude(merged_into=None).get())
        count = LearnerMerge.objects.count()
        with pytest.raises(MergeRefusedError):
            merge(registered, rostered, staff)
        assert LearnerMerge.objects.count() == count

    def test_second_account_is_closed_only_when_staff_say_so(self, registered, rostered, staff):
        own = UserFactory(learner=rostered)
        with pytest.raises(MergeRefusedError):
            merge(registered, rostered, staff)
        merge(registered, rostered, staff, decided=True)
        registered.refresh_from_db()
        own.refresh_from_db()
        assert (registered.is_active, registered.phone) == (False, "")
        assert (own.is_active, own.learner) == (True, rostered)

    def test_address_fills_an_empty_one_and_overwrites_none(self, registered, rostered, staff):
        Learner.objects.filter(pk=registered.learner_id).update(address="示例路1号")
        merge(registered, rostered, staff)
        rostered.refresh_from_db()
        assert rostered.address == "示例路1号"

    def test_merged_record_is_never_verified(self, registered, rostered, staff):
        merge(registered, rostered, staff)
        old = Learner.objects.filter(pk=registered.learner_id)
        with pytest.raises(IntegrityError), transaction.atomic():
            old.update(verified_at="2026-01-01T00:00Z")

    @pytest.mark.parametrize(
        "statement", ["UPDATE accounts_learnermerge SET note = 'x'", "DELETE FROM accounts_learnermerge"]
    )
    def test_merge_log_is_append_only(self, registered, rostered, staff, statement):
        merge(registered, rostered, staff)
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
        assert LearnerMerge.objects.get().note == ""


@pytest.mark.django_db(transaction=True)
def test_two_who_merge_at_once_merge_once(registered, rostered, staff, in_parallel):
    AchievementFactory(learner=registered.learner)
    results = in_parallel(lambda: merge(registered, rostered, staff), times=4)
    assert sum(CHANGED in str(result) for result in results) == 3
    assert LearnerMerge.objects.count() == 1
    assert User.objects.get(pk=registered.pk).learner == rostered
    assert Achievement.objects.get().learner == rostered


@pytest.mark.django_db(transaction=True)
def test_two_who_merge_at_once_collide_without_the_lock(
    registered, rostered, staff, in_parallel, meeting, monkeypatch
):
    """Positive control: rows that are read, not locked; nobody is told that the records have changed meanwhile.

    What is left is a constraint of the database, or a refusal that names the wrong reason.
    """
    meet = meeting(2)

    def read_only(unverified, verified):
        rows = Learner.objects.get(pk=unverified.pk), Learner.objects.get(pk=verified.pk)
        meet()
        return rows

    monkeypatch.setattr(merging, "_locked", read_only)
    results = in_parallel(lambda: merge(registered, rostered, staff), times=2)
    assert sum(isinstance(result, IntegrityError | MergeRefusedError) for result in results) == 1
    assert not any(CHANGED in str(result) for result in results)


@pytest.mark.django_db(transaction=True)
def test_merge_that_meets_an_activation_under_way_is_refused(registered, rostered, staff, in_parallel):
    """It waits for the activation's account, and the activation's commit doesn't wait for it: no deadlock."""
    activated = threading.Event()

    def activate_and_wait():
        with transaction.atomic():
            activate()
            activated.set()
            wait_for_a_lock()

    def merge_meanwhile():
        assert activated.wait(10)
        merge(registered, rostered, staff)

    turns = [activate_and_wait, merge_meanwhile]
    results = in_parallel(lambda: turns.pop()(), times=2)
    assert sorted(map(type, results), key=str) == sorted([MergeRefusedError, type(None)], key=str)
    assert User.objects.get(learner=rostered) != registered


def wait_for_a_lock():
    """Return once somebody waits for a lock in this database."""
    with connection.cursor() as cursor:
        for _try in range(200):
            cursor.execute("SELECT pg_sleep(0.05), count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[1]:
                return


@pytest.mark.django_db(transaction=True)
def test_achievement_committed_after_the_merge_is_swept_up(registered, rostered, staff, in_parallel):
    added, merged = threading.Event(), threading.Event()

    def add():
        with transaction.atomic():
            AchievementFactory(learner=registered.learner)
            added.set()
            assert merged.wait(10)

    def merge_meanwhile():
        assert added.wait(10)
        merge(registered, rostered, staff)
        merged.set()

    turns = [add, merge_meanwhile]
    assert in_parallel(lambda: turns.pop()(), times=2) == [None, None]
    for _time in range(2):
        sweep_merges()
        assert Achievement.objects.get().learner == rostered


@pytest.mark.django_db(transaction=True)
def test_merge_and_activation_at_once_bind_one_account(registered, rostered, staff, in_parallel):
    turns = [lambda: merge(registered, rostered, staff), activate]
    results = in_parallel(lambda: turns.pop()(), times=2)
    assert sum(isinstance(result, (MergeRefusedError, NotBoundError)) for result in results) == 1
    assert User.objects.filter(learner=rostered).count() == 1


@pytest.mark.django_db
class TestActivation:
    @pytest.fixture
    def same_phone(self, rostered):
        rostered.enrolments.update(phone=PHONE)
        return rostered

    def test_own_account_of_the_proven_phone_is_taken_over(self, client, registered, same_phone):
        achievement = AchievementFactory(learner=registered.learner)
        elsewhere = Client()
        elsewhere.force_login(registered)
        user = activate(PHONE)
        assert (user, user.learner, user.phone) == (registered, same_phone, PHONE)
        assert User.objects.filter(learner=same_phone).count() == User.objects.count() == 1
        achievement.refresh_from_db()
        assert achievement.learner == same_phone
        assert elsewhere.get(reverse("accounts:profile")).status_code == 302
        data = {"identity": "person", "identifier": PERSON.number, "password": PASSWORD}
        assert client.post(reverse("accounts:sign_in"), data).url == reverse("portal:my_information")
        assert LearnerMerge.objects.get().by == registered
        assert SmsMessage.objects.filter(purpose="activated", phone=PHONE).exists()

    def test_account_of_another_name_is_left_alone(self, registered, same_phone):
        Learner.objects.filter(pk=registered.learner_id).update(name="别的人")
        user = activate(PHONE)
        assert (user.learner, user.phone) == (same_phone, "")
        assert user != registered
        registered.refresh_from_db()
        assert registered.learner != same_phone
        assert registered.check_password("Litchi-42")
        assert not LearnerMerge.objects.exists()

    def test_account_of_another_number_is_left_alone(self, same_phone):
        other = UserFactory(phone=PHONE, learner__name=PERSON.name)
        user = activate(PHONE)
        assert (user.phone, user != other) == ("", True)
        assert not LearnerMerge.objects.exists()

    def test_account_with_a_used_duplicate_keeps_its_achievements_and_password(self, same_phone):
        scene = Scene(user=UserFactory(learner__person=PERSON, phone=PHONE))
        scene.submit()
        used = scene.achievement
        AchievementFactory(
            learner=same_phone, type=used.type, certificate_number=used.certificate_number, body_name=used.body_name
        )
        user = activate(PHONE)
        assert (user.learner, user != scene.user) == (same_phone, True)
        scene.user.refresh_from_db()
        assert scene.user.check_password("Litchi-42")
        assert same_phone.verified_twin is None
        assert list(Learner.objects.to_merge()) == [scene.user.learner]

    def test_disabled_account_is_not_taken_over(self, registered, same_phone):
        User.objects.update(is_active=False)
        assert activate(PHONE) != registered


@pytest.mark.django_db
class TestVerification:
    """The first final approval proves a person; somebody else may hold the number by then."""

    @pytest.fixture
    def scene(self):
        return Scene(user=UserFactory(learner__person=PERSON))

    def approve(self, scene):
        application = scene.submit()
        scene.decide(application, "first_approve", scene.first_reviewer)
        return scene.decide(application, "final_approve", scene.final_reviewer)

    def test_approval_merges_into_the_rostered_person_and_credits_her(self, scene, rostered):
        application = self.approve(scene)
        assert (application.learner, CreditEntry.objects.get().learner) == (rostered, rostered)
        scene.user.refresh_from_db()
        assert scene.user.learner == rostered
        assert LearnerMerge.objects.get().by == scene.final_reviewer
        assert SmsMessage.objects.get(purpose="merged").phone == ROSTER_PHONE

    @pytest.mark.parametrize("reason", ["bound", "other_name"])
    def test_approval_waits_for_the_centre_when_the_person_is_in_doubt(self, scene, rostered, reason):
        if reason == "bound":
            UserFactory(learner=rostered)
        else:
            Learner.objects.filter(pk=rostered.pk).update(name="别的人")
        with pytest.raises(NotAllowedError) as refusal:
            self.approve(scene)
        assert "待合并" in str(refusal.value.message)
        application = Application.objects.get()
        assert (application.status, application.learner) == ("first_approved", scene.user.learner)
        assert application.records.count() == 2
        assert not CreditEntry.objects.exists()
        assert list(Learner.objects.to_merge()) == [scene.user.learner]

    def test_person_nobody_else_holds_the_number_of_is_verified(self, scene):
        assert verify_learner(learner=scene.user.learner, by=scene.final_reviewer) == scene.user.learner
        assert Learner.objects.get().verified_at


@pytest.mark.django_db
class TestSquatter:
    """Somebody else registered her number first, under her name even, with a phone of his own."""

    @pytest.fixture
    def squatter(self):
        return UserFactory(learner__person=PERSON, phone=PHONE)

    @pytest.mark.parametrize("when", ["before_the_roster", "after_the_roster"])
    def test_rightful_person_activates_and_signs_in_by_number(self, client, squatter, rostered, when):
        if when == "before_the_roster":
            Learner.objects.filter(pk=rostered.pk).update(created_at=squatter.date_joined)
        user = activate()
        assert (user.learner, user.phone, user != squatter) == (rostered, ROSTER_PHONE, True)
        data = {"identity": "person", "identifier": PERSON.number, "password": PASSWORD}
        assert client.post(reverse("accounts:sign_in"), data).url == reverse("portal:my_information")
        assert client.session["_auth_user_id"] == str(user.pk)
        squatter.refresh_from_db()
        assert squatter.learner != rostered

    def test_squatter_does_not_sign_in_by_number(self, client, squatter, rostered):
        data = {"identity": "person", "identifier": PERSON.number, "password": "Litchi-42"}
        assert client.post(reverse("accounts:sign_in"), data).status_code == 200
        assert "_auth_user_id" not in client.session
        data["identifier"] = squatter.username
        assert client.post(reverse("accounts:sign_in"), data).status_code == 302

    def test_squatter_can_not_activate_with_his_own_phone(self, squatter, rostered):
        with pytest.raises(NotBoundError):
            activate(PHONE)
        assert not LearnerMerge.objects.exists()

    def test_squatter_sees_nothing_of_hers(self, client, squatter, rostered, staff):
        hers = AchievementFactory(learner=rostered, name="她的成果")
        reveal_document(learner=rostered, by=staff, purpose="other", note="她的记录", address="")
        client.force_login(squatter)
        for url in ["portal:my_information", "accounts:profile", "accounts:data_access", "conversion:grid"]:
            page = client.get(reverse(url)).content.decode()
            assert hers.name not in page
            assert "她的记录" not in page
        assert client.get(reverse("achievements:detail", args=[hers.pk])).status_code == 404

    def test_squatter_never_gets_her_record_once_she_is_bound(self, squatter, rostered):
        activate()
        assert verify_learner(learner=squatter.learner, by=CentreReviewerFactory()) is None
        squatter.refresh_from_db()
        assert squatter.learner != rostered


def copied(application, **changes):
    columns = {field.attname: getattr(application, field.attname) for field in application._meta.concrete_fields}
    return Application.objects.create(**columns | {"id": None, "submission_token": uuid.uuid4()} | changes)


def version_of_twin(scene):
    used = scene.achievement
    return {"certificate_number": used.certificate_number, "body_name": used.body_name}


def limited(limit):
    """What makes a rule version's use exclusive: columns of it, or a group."""
    if limit == "rule":
        return {"use_policy": "once"}
    if limit == "course":
        return {"fills_course_once": True}
    scope = "achievement" if limit == "group of the achievement" else "learner"
    return {"exclusivity_groups": [ExclusivityGroup.objects.create(code="x", name="互斥", scope=scope)]}


def approve_twice(scene):
    application = scene.submit()
    scene.decide(application, "first_approve", scene.first_reviewer)
    scene.decide(application, "final_approve", scene.final_reviewer)


@pytest.mark.django_db
class TestDesk:
    WAITING = reverse("admin:accounts_learner_changelist") + "?merge=waiting"

    @pytest.fixture
    def desk(self, registered):
        return reverse("admin:accounts_learner_merge", args=[registered.learner_id])

    def waiting(self, client):
        return (
            reverse("admin:accounts_learner_change", args=[Learner.objects.filter(verified_at=None).get().pk])[:-1]
            in client.get(self.WAITING).content.decode()
        )

    def test_staff_merge_from_the_list(self, client, registered, rostered, staff, desk):
        client.force_login(staff)
        assert self.waiting(client)
        learner_page = reverse("admin:accounts_learner_change", args=[registered.learner_id])
        assert desk in client.get(learner_page).content.decode()
        page = client.get(desk).content.decode()
        assert "没有账号" in page
        assert PERSON.number not in page
        assert client.post(desk, {"decision": "merge", "note": "核对了原件"}).status_code == 302
        registered.refresh_from_db()
        assert registered.learner == rostered
        assert not self.waiting(client)
        assert SmsMessage.objects.get(purpose="merged").phone == ROSTER_PHONE
        assert client.get(learner_page).status_code == 200

    def test_staff_keep_two_people_apart_and_are_not_asked_again(self, client, registered, rostered, staff, desk):
        client.force_login(staff)
        client.post(desk, {"decision": "keep_apart", "note": "证件号码系冒用"})
        assert LearnerMerge.objects.get().outcome == "kept_apart"
        registered.refresh_from_db()
        assert registered.learner != rostered
        assert not self.waiting(client)

    @pytest.mark.parametrize("data", [{"decision": "merge"}, {"note": "x"}])
    def test_staff_say_what_and_why(self, client, registered, rostered, staff, desk, data):
        client.force_login(staff)
        assert "review-error" in client.post(desk, data).content.decode()
        assert not LearnerMerge.objects.exists()

    @pytest.fixture
    def used_twice(self, rostered):
        """Her own record has a certificate in an application; the school put the same one on her verified record."""
        scene = Scene(user=UserFactory(learner__person=PERSON))
        used = scene.achievement
        used.files.create(name="证书.png", kind="png", size=9, sha256="0" * 64)
        application = scene.submit()
        twin = AchievementFactory(
            learner=rostered, type=used.type, certificate_number=used.certificate_number, body_name=used.body_name
        )
        return scene, application, twin

    def merge_page(self, scene):
        return reverse("admin:accounts_learner_merge", args=[scene.user.learner_id])

    def test_staff_see_what_a_used_duplicate_stands_in_and_merge_it(self, client, used_twice, rostered, staff):
        scene, application, twin = used_twice
        client.force_login(staff)
        page = client.get(self.merge_page(scene)).content.decode()
        assert reverse("admin:conversion_application_change", args=[application.pk]) in page
        assert "改为使用已核验一方" in page
        assert Learner.objects.get(pk=scene.user.learner_id).merged_into is None
        snapshot = application.snapshot
        client.post(self.merge_page(scene), {"decision": "merge", "note": "核对了原件"})
        application.refresh_from_db()
        assert (application.learner, application.sources.get().achievement) == (rostered, twin)
        assert application.snapshot == snapshot
        twin.refresh_from_db()
        assert twin.entry == scene.achievement.entry is not None
        assert list(twin.files.all()) == list(scene.achievement.files.all()) != []
        scene.decide(application, "first_approve", scene.first_reviewer)
        scene.decide(application, "final_approve", scene.final_reviewer)
        assert CreditEntry.objects.get().learner == rostered

    def test_merged_duplicate_is_not_converted_a_second_time(self, used_twice, rostered, staff):
        scene, application, twin = used_twice
        merge_learner(unverified=scene.user.learner, verified=rostered, by=staff, decided=True)
        source = application.sources.get()
        again = copied(application)
        with pytest.raises(IntegrityError, match="one_live_application"), transaction.atomic():
            again.sources.create(achievement=twin, kind=source.kind, rule=source.rule)

    def test_live_cases_of_one_rule_on_both_sides_are_shown_and_refused_until_one_is_withdrawn(
        self, client, used_twice, rostered, staff
    ):
        scene, application, twin = used_twice
        other, source = copied(application, learner_id=rostered.pk), application.sources.get()
        Achievement.objects.filter(pk=twin.pk).update(entry=scene.achievement.entry)
        other.sources.create(achievement=twin, kind=source.kind, rule=source.rule)
        client.force_login(staff)
        assert "同一规则的申请" in client.get(self.merge_page(scene)).content.decode()
        page = client.post(self.merge_page(scene), {"decision": "merge", "note": "核对了原件"}).content.decode()
        assert "同一规则的申请" in page
        assert Application.objects.get(pk=application.pk).learner == scene.user.learner
        withdraw(application=application, by=scene.user)
        assert client.post(self.merge_page(scene), {"decision": "merge", "note": "核对了原件"}).status_code == 302
        assert set(Application.objects.values_list("learner", flat=True)) == {rostered.pk}

    def second_case(self, rostered, **version):
        """Her registered account and her verified record each have a live case where only one may be."""
        hers = Scene(user=UserFactory(learner__person=PERSON))
        verified = Scene(college=hers.college, user=UserFactory(learner=rostered))
        once = make_version(hers.college, [(1, [{"entry": hers.entry}])], **version)
        mine = hers.submit(version=once)
        twin = make_achievement(verified.user, hers.entry, **version_of_twin(hers))
        if not version.get("exclusivity_groups"):
            return hers, mine, verified.submit(version=once, achievements=[twin])
        other = make_version(hers.college, [(1, [{"entry": hers.entry}])], **version)
        return hers, mine, verified.submit(version=other, achievements=[twin])

    @pytest.mark.parametrize("limit", ["rule", "course", "group", "group of the achievement"])
    def test_a_place_held_on_both_sides_is_shown_and_refused_until_one_case_is_withdrawn(
        self, client, rostered, staff, limit
    ):
        hers, mine, other = self.second_case(rostered, **limited(limit))
        before = sorted(ExclusiveUse.objects.values_list("application", "learner", "key"))
        client.force_login(staff)
        page = client.get(self.merge_page(hers)).content.decode()
        assert limit == "group of the achievement" or f"{mine}《{mine.title}》" in page
        page = client.post(self.merge_page(hers), {"decision": "merge", "note": "核对了原件"}).content.decode()
        assert "请先让其中一件撤回" in page
        assert {mine.title, other.title} <= set(page.replace("《", "\n").replace("》", "\n").split("\n"))
        assert sorted(ExclusiveUse.objects.values_list("application", "learner", "key")) == before
        assert Learner.objects.get(pk=hers.user.learner_id).merged_into is None
        withdraw(application=mine, by=hers.user)
        assert client.post(self.merge_page(hers), {"decision": "merge", "note": "核对了原件"}).status_code == 302
        assert set(ExclusiveUse.objects.values_list("learner", flat=True)) == {rostered.pk}

    @pytest.mark.parametrize("limit", ["rule", "course", "group", "group of the achievement"])
    def test_a_place_taken_before_the_merge_stays_taken_after_it(self, rostered, staff, limit):
        hers, mine, other = self.second_case(rostered, **limited(limit))
        withdraw(application=mine, by=hers.user)
        merge_learner(unverified=hers.user.learner, verified=rostered, by=staff, decided=True)
        again = copied(mine, learner_id=rostered.pk, status="submitted")
        key = ExclusiveUse.objects.get(application=other).key
        with pytest.raises(IntegrityError, match="one_live_application_per_exclusive_use"), transaction.atomic():
            again.exclusive_uses.create(learner=rostered, key=key)

    def test_database_refuses_a_second_place_whoever_moves_the_case(self, rostered):
        _hers, mine, other = self.second_case(rostered, **limited("rule"))
        with pytest.raises(IntegrityError, match="one_live_application_per_exclusive_use"), transaction.atomic():
            Application.objects.filter(pk=mine.pk).update(learner=rostered)
        withdraw(application=other, by=other.submitted_by)
        Application.objects.filter(pk=mine.pk).update(learner=rostered)
        assert mine.exclusive_uses.get().learner == rostered

    def test_credit_in_the_ledger_never_moves(self, client, registered, rostered, staff, desk):
        """Such an entry can't come about by approval; where one stands, the page says so and nothing changes."""
        scene = Scene(user=registered)
        Learner.objects.filter(pk=rostered.pk).update(verified_at=None)
        approve_twice(scene)
        Learner.objects.filter(pk=registered.learner_id).update(verified_at=None)
        Learner.objects.filter(pk=rostered.pk).update(verified_at=timezone.now())
        client.force_login(staff)
        page = client.post(desk, {"decision": "merge", "note": "核对了原件"}).content.decode()
        assert "“学分流水”不能移到另一份记录" in page
        assert CreditEntry.objects.get().learner == registered.learner
        assert not LearnerMerge.objects.exists()

    def test_staff_without_the_right_and_an_institutions_staff_do_not_merge(self, client, rostered, desk):
        rights = ["accounts.view_learner", "accounts.merge_learner"]
        institution = rostered.enrolments.get().institution
        for user in [
            CentreReviewerFactory(permissions=rights[:1]),
            CentreReviewerFactory(permissions=rights, institution=institution),
        ]:
            client.force_login(user)
            assert client.post(desk, {"decision": "merge", "note": "x"}).status_code == 403
        assert not LearnerMerge.objects.exists()
