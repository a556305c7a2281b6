"""Types, catalogue entries, achievements and evidence for tests."""

import datetime as dt

import factory

from accounts.tests.factories import InstitutionFactory, LearnerFactory, UserFactory
from achievements.models import Achievement, AchievementType, CatalogueEntry
from evidence.models import EvidenceFile


class TypeFactory(factory.django.DjangoModelFactory):
    """A level-2 type; `parent=None` makes a level-1 one."""

    class Meta:
        model = AchievementType

    parent = factory.SubFactory("achievements.tests.factories.TypeFactory", parent=None)
    code = factory.Sequence("type-{}".format)
    name = factory.Sequence("示例分类{}".format)
    name_label = "培训名称"


class EntryFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = CatalogueEntry

    project_name = "1+X证书"
    name = factory.Sequence("示例名录成果{}".format)
    is_active = True
    institution = factory.SubFactory(InstitutionFactory)
    type = factory.SubFactory(TypeFactory)
    status = CatalogueEntry.Status.APPROVED
    stop_reason = factory.LazyAttribute(lambda entry: "" if entry.is_active else "已有新版")


class AchievementFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Achievement

    learner = factory.SubFactory(LearnerFactory)
    type = factory.SubFactory(TypeFactory)
    name = factory.Sequence("示例成果{}".format)
    body_name = "示例培训中心"
    certificate_number = factory.Sequence("SL-{:05d}".format)
    obtained_on = factory.Sequence(lambda n: dt.date(2021, 1, 1) + dt.timedelta(days=n % 365))


class EvidenceFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = EvidenceFile

    uploaded_by = factory.SubFactory(UserFactory)
    name = "证书.png"
    kind = "png"
    size = 1024
    sha256 = factory.Sequence("{:064x}".format)
