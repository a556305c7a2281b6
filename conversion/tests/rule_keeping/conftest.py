"""A rule of a college on its way: who drafts it, who publishes it, its draft and its published version."""

from decimal import Decimal

import pytest

from conversion.services.publishing import publish_version
from conversion.tests.keeping import make_keeper
from conversion.tests.scene import make_entry, make_institution, make_version


@pytest.fixture
def college():
    return make_institution()


@pytest.fixture
def drafter(college):
    return make_keeper(college)


@pytest.fixture
def publisher(college):
    return make_keeper(college)


@pytest.fixture
def entry():
    return make_entry()


@pytest.fixture
def draft(college, drafter, entry):
    sources = [{"entry": entry, "min_score": Decimal(60)}]
    return make_version(college, [(1, sources)], publish=False, drafted_by=drafter)


@pytest.fixture
def published(draft, publisher):
    return publish_version(version=draft, by=publisher)
