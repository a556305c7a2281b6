"""The demonstration's people and their accounts."""

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group

from accounts.documents import DocumentKind, parse
from accounts.models import User
from accounts.phones import normalise_phone
from accounts.services.people import register_learner, verify_learner
from demo.accounts import INSTITUTIONS, LEARNERS, PASSWORD, STAFF
from demo.synthetic import synthetic_person

GUANGZHOU_TIANHE = "440106"


def create_staff(institutions):
    """Create reviewers, operators and the superuser; return them by username."""
    groups = {group.name: group for group in Group.objects.all()}
    password = make_password(PASSWORD)
    users = {account.username: _worker(account, institutions, password, is_staff=True) for account in STAFF}
    for account in STAFF:
        users[account.username].groups.set(groups[name] for name in account.groups)
    return users


def create_institution_accounts(institutions):
    password = make_password(PASSWORD)
    return [_worker(account, institutions, password, is_staff=False) for account in INSTITUTIONS]


def _worker(account, institutions, password, *, is_staff):
    return User.objects.create(
        username=account.username,
        password=password,
        name=synthetic_person(account.person).name,
        institution=institutions.get(account.institution),
        is_staff=is_staff,
        **account.options,
    )


def create_learners():
    """Register the learners as the site does; return their users by username."""
    users = {account.username: _register(account) for account in LEARNERS}
    for account in LEARNERS:
        if account.options.get("is_verified"):
            verify_learner(learner=users[account.username].learner, by=users[account.username])
    return users


def _register(account):
    person = synthetic_person(account.person)
    profile = {
        "sex": person.sex,
        "birth_on": person.birth_on,
        "ethnicity": "01",
        "nationality": "CN",
        "region_id": GUANGZHOU_TIANHE,
        "address": "示例路1号",
    }
    return register_learner(
        username=account.username,
        password=PASSWORD,
        name=person.name,
        email=f"{account.username}@example.com",
        phone=normalise_phone(person.phone),
        document=parse(DocumentKind.RESIDENT_ID, person.number),
        profile=profile,
    )
