"""Made-up people and institutions; every person has a valid document number, phone and e-mail of their own."""

import factory
from django.contrib.auth.models import Permission
from django.utils import timezone

from accounts.documents import DocumentKind
from accounts.models import Enrolment, Institution, Learner, User
from accounts.models.learner import document_digest
from accounts.phones import normalise_phone
from demo.synthetic import synthetic_person

PASSWORD = "Litchi-42"


class InstitutionFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Institution

    name = factory.Sequence("示例职业技术学院{}".format)
    bank_code = factory.Sequence("demo{:05d}".format)
    kind = Institution.Kind.VOCATIONAL
    status = Institution.Status.APPROVED


class LearnerFactory(factory.django.DjangoModelFactory):
    """An unverified person; `verified=True` proves the document number."""

    class Meta:
        model = Learner

    class Params:
        person = factory.Sequence(synthetic_person)
        verified = factory.Trait(verified_at=factory.LazyFunction(timezone.now))

    name = factory.SelfAttribute("person.name")
    document_kind = DocumentKind.RESIDENT_ID
    document_number = factory.SelfAttribute("person.number")
    document_digest = factory.LazyAttribute(lambda learner: document_digest(learner.document_number))
    sex = factory.SelfAttribute("person.sex")
    birth_on = factory.SelfAttribute("person.birth_on")
    nationality = "CN"
    ethnicity = "01"


class EnrolmentFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Enrolment

    learner = factory.SubFactory(LearnerFactory)
    institution = factory.SubFactory(InstitutionFactory)
    student_number = factory.Sequence("{:08d}".format)


class UserFactory(factory.django.DjangoModelFactory):
    """A learner's account with `PASSWORD`; `learner__verified=True` for a proven person."""

    class Meta:
        model = User

    username = factory.Sequence("demo_{:04d}".format)
    name = factory.LazyAttribute(lambda user: user.learner.name if user.learner else "示例账号")
    email = factory.LazyAttribute("{0.username}@example.com".format)
    phone = factory.Sequence(lambda n: normalise_phone(synthetic_person(n).phone))
    password = factory.django.Password(PASSWORD)
    learner = factory.SubFactory(LearnerFactory)


class InstitutionUserFactory(UserFactory):
    """An institution's own account."""

    learner = None
    institution = factory.SubFactory(InstitutionFactory)


class ReviewerFactory(InstitutionUserFactory):
    """Staff of an institution; `permissions=["conversion.first_review_application"]` grants rights."""

    class Meta:
        skip_postgeneration_save = True

    is_staff = True

    @factory.post_generation
    def permissions(self, create, names, **kwargs):
        for name in names or []:
            app, codename = name.split(".")
            self.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))


class CentreReviewerFactory(ReviewerFactory):
    """Staff of 管理中心."""

    institution = None
