"""A small world for tests of services: a learner with an achievement, a rule it satisfies, and reviewers."""

import uuid
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import count

from django.contrib.auth.models import Permission
from django.utils import timezone

from accounts.documents import Document, DocumentKind
from accounts.models import Institution, Learner, User
from achievements.models import Achievement, AchievementType, CatalogueEntry
from conversion.models import (
    Cohorts,
    ConversionRule,
    Course,
    Programme,
    ReasonCode,
    RuleGroup,
    RuleSource,
    RuleVersion,
)
from conversion.models.application import Action
from conversion.services.applications import submit_conversion
from conversion.services.reviews import decide

numbers = count(1)


def make_institution(**fields):
    number = next(numbers)
    defaults = {
        "name": f"示例学院{number}",
        "bank_code": f"test{number:05d}",
        "kind": "vocational",
        "status": "approved",
    }
    return Institution.objects.create(**defaults | fields)


def make_learner_user(name="王小明", **fields):
    number = next(numbers)
    learner = Learner(name=name)
    learner.set_document(Document(DocumentKind.PASSPORT, f"E{number:08d}"))
    learner.save()
    return User.objects.create(username=f"learner{number}", name=name, learner=learner, password="!", **fields)


def verify(*users):
    """Count learners as proven, as a roster or an earlier approval would."""
    for user in users:
        user.learner.verified_at = timezone.now()
        user.learner.save()


RIGHTS = {"first": "first_review", "second": "second_review", "final": "final_review", "appeal": "appeal_review"}


def make_reviewer(institution=None, *, first=False, final=False, rights=(), **fields):
    """Staff of an institution, or of the centre; `rights` also names second, appeal and revoke."""
    number = next(numbers)
    user = User.objects.create(
        username=f"reviewer{number}",
        name=f"审核员{number}",
        institution=institution,
        is_staff=True,
        password="!",
        **fields,
    )
    rights = {*rights, *["first"] * first, *["final"] * final, "view"}
    names = [f"{RIGHTS.get(right, right)}_application" for right in rights]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    return user


def make_entry(name="云计算平台运维与开发中级工程师", **fields):
    type_, _made = AchievementType.objects.get_or_create(code="training", defaults={"name": "培训类"})
    fields.setdefault("institution", make_institution())
    return CatalogueEntry.objects.create(project_name="1+X证书", status="approved", name=name, type=type_, **fields)


def make_achievement(user, entry, **fields):
    defaults = {
        "learner": user.learner,
        "type": entry.type,
        "entry": entry,
        "name": entry.name,
        "body_name": entry.institution.name,
        "certificate_number": f"N{next(numbers)}",
        "obtained_on": date(2021, 12, 14),
    }
    return Achievement.objects.create(**defaults | fields)


def make_programme(institution, cohorts="2018", name="护理"):
    cohorts = Cohorts.read(cohorts)
    return Programme.objects.create(institution=institution, name=name, cohort=cohorts.first, cohort_to=cohorts.last)


def make_version(institution, groups, *, publish=True, programme=None, **fields):
    """A rule version of no policy that limits its use; `groups` is [(choose, [{"entry": …, thresholds…}…])…]."""
    number = next(numbers)
    programme = programme or make_programme(institution, name=f"计算机网络技术{number}")
    course = Course.objects.create(programme=programme, code=f"C{number}", name="云平台运维与开发技术", credits=4)
    rule = ConversionRule.objects.create(
        code=f"R{number:06d}", title=f"1+X证书转{institution}{number}", institution=institution
    )
    defaults = {"number": 1, "outcome": "waived", "credits": Decimal("4.0"), "valid_from": date(2020, 1, 1)}
    defaults |= {"use_policy": "repeatable", "fills_course_once": False}
    exclusivity_groups = fields.pop("exclusivity_groups", [])
    version = RuleVersion.objects.create(rule=rule, **{"course": course} | defaults | fields)
    version.exclusivity_groups.set(exclusivity_groups)
    for position, (choose, sources) in enumerate(groups, 1):
        group = RuleGroup.objects.create(version=version, position=position, choose=choose)
        for source in sources:
            RuleSource.objects.create(group=group, **source)
    if publish:
        publish_version(version)
    return version


def publish_version(version):
    publisher = User.objects.create(username=f"publisher{next(numbers)}", name="发布人", is_staff=True, password="!")
    RuleVersion.objects.filter(pk=version.pk).update(
        status=RuleVersion.Status.PUBLISHED, published_by=publisher, published_at=timezone.now()
    )
    version.refresh_from_db()


@dataclass
class Scene:
    """One learner, one achievement, one published 1:1 rule, a reviewer of the college and one of the centre."""

    college: Institution = field(default_factory=make_institution)
    user: User = field(default_factory=make_learner_user)
    programme: Programme | None = None

    def __post_init__(self):
        self.entry = make_entry()
        self.achievement = make_achievement(self.user, self.entry)
        self.version = make_version(self.college, [(1, [{"entry": self.entry}])], programme=self.programme)
        self.first_reviewer = make_reviewer(self.college, first=True)
        self.final_reviewer = make_reviewer(final=True)
        self.reason, _made = ReasonCode.objects.get_or_create(code="evidence", defaults={"text": "材料不足"})
        self.special_reason, _made = ReasonCode.objects.get_or_create(
            code="special", defaults={"text": "课程要求特殊", "for_met_rule": True}
        )
        self.revocation_reason, _made = ReasonCode.objects.get_or_create(
            code="forged", defaults={"text": "证书系伪造", "for_revocation": True, "for_refusal": False}
        )

    def submit(self, **changes):
        arguments = {
            "by": self.user,
            "version": self.version,
            "achievements": [self.achievement],
            "token": uuid.uuid4(),
        }
        return submit_conversion(**arguments | changes)

    def decide(self, application, action, by, **fields):
        return decide(application=application, action=Action(action), by=by, **fields)

    def reject(self, application, action="first_reject", by=None, **fields):
        """Refuse a case that meets its rule, as that has to be done."""
        fields = {"reason": self.special_reason, "opinion": "与课程要求不符"} | fields
        return self.decide(application, action, by or self.first_reviewer, **fields)

    def approved(self):
        application = self.submit()
        self.decide(application, "first_approve", self.first_reviewer)
        return self.decide(application, "final_approve", self.final_reviewer)
