"""People and their accounts: registration, passwords, verification."""

import logging

from django.contrib.auth import update_session_auth_hash
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.documents import same_name
from accounts.models import Learner, User
from accounts.services.merging import MergeRefusedError, may_merge_unasked, merge_learner, tell_phones_on_record
from accounts.services.sessions import end_other_sessions, end_sessions
from messaging.services import SmsBudgetError, queue_sms

logger = logging.getLogger(__name__)


def roster_learner(*, document_number, name, phone):
    """The rostered person nobody is bound to yet whom number, name and phone on record all name, or None."""
    learner = Learner.objects.verified().with_document(document_number).filter(user=None).first()
    if learner is None or not same_name(learner.name, name):
        return None
    return learner if learner.enrolments.filter(phone=phone).exists() else None


@transaction.atomic
def register_learner(*, username, password, name, email, phone, document, profile):
    """Create a learner's account; `profile` holds the remaining `Learner` columns.

    A person whom a roster already knows by number, name and phone is bound to it; anybody else starts
    unverified (promises: Identity). Raises `IntegrityError` when username, e-mail or phone were taken meanwhile.
    """
    learner = roster_learner(document_number=document.number, name=name, phone=phone)
    if learner is None:
        learner = Learner(name=name, **profile)
        learner.set_document(document)
        learner.save()
    return User.objects.create_user(username, password, name=learner.name, email=email, phone=phone, learner=learner)


def verify_learner(*, learner, by):
    """Count a person as proven; return the proven record, which is another one when it took this one over.

    Returns None when a verified person holds the number and staff have to say whether the two are one (待合并).
    """
    if learner.verified_at:
        return learner
    try:
        with transaction.atomic():
            Learner.objects.filter(pk=learner.pk).update(verified_at=timezone.now())
    except IntegrityError:
        return _merged_into_twin(learner, by)
    learner.refresh_from_db()
    return learner


def _merged_into_twin(learner, by):
    twin = learner.verified_twin
    if twin is None or not may_merge_unasked(unverified=learner, verified=twin):
        return None
    try:
        merge_learner(unverified=learner, verified=twin, by=by)
    except MergeRefusedError:
        return None
    tell_phones_on_record(twin)
    return twin


def change_password(*, request, user, password):
    """Set a new password; every other session of the account ends, the asking one goes on."""
    user.set_password(password)
    user.save(update_fields=["password"])
    update_session_auth_hash(request, user)
    end_other_sessions(request=request, user=user)


@transaction.atomic
def update_profile(*, user, email, region_id, address):
    """Save what a learner changes by himself."""
    User.objects.filter(pk=user.pk).update(email=email)
    Learner.objects.filter(pk=user.learner_id).update(region_id=region_id, address=address)


@transaction.atomic
def change_phone(*, request, user, phone):
    """Take over a proven phone and tell the old one; every other session of the account ends.

    Raises `IntegrityError` when another account has taken the phone meanwhile.
    """
    old = user.phone
    user.phone = phone
    user.save(update_fields=["phone"])
    update_session_auth_hash(request, user)
    end_other_sessions(request=request, user=user)
    if old:
        try:
            queue_sms(phone=old, purpose="phone_changed")
        except SmsBudgetError:
            logger.warning("no SMS left to tell the old phone of user %s", user.pk)


def reset_password(*, phone, password):
    """Set the password of the account that holds a proven phone; return the user, or None when there is none."""
    user = User.objects.filter(phone=phone, is_active=True).exclude(phone="").first()
    if user:
        user.set_password(password)
        user.save(update_fields=["password"])
        end_sessions(user=user)
    return user
