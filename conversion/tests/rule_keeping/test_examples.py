"""Examples are stored with a version and run before it is published."""

import pytest
from django.db import IntegrityError, transaction

from conversion.examples import run_examples
from conversion.models import (
    RuleExample,
    RuleExampleItem,
)
from conversion.services.publishing import (
    PublishingError,
    publish_version,
)
from conversion.tests.keeping import add_example, page

pytestmark = pytest.mark.django_db


class TestExamples:
    def test_are_answered_by_the_engine(self, draft, entry):
        add_example(draft, entry, score=60, name="够分")
        add_example(draft, entry, score=59, should_match=False, name="不够分")
        assert [result.passed for result in run_examples(draft)] == [True, True]

    def test_a_failing_one_stops_the_publication(self, draft, entry, publisher):
        add_example(draft, entry, score=59, name="59分可以转换")
        with pytest.raises(PublishingError, match="59分可以转换") as refusal:
            publish_version(version=draft, by=publisher)
        (result,) = refusal.value.failing
        assert [c.code for c in result.assessment.conditions if not c.met] == ["sources", "score"]

    def test_its_trace_is_shown_when_it_stops_the_publication(self, client, draft, entry, publisher):
        add_example(draft, entry, score=59, name="59分可以转换")
        client.force_login(publisher)
        response = client.post(page(draft, "move"), {"action": "published"}, follow=True)
        assert response.redirect_chain[-1][0] == page(draft, "examples")
        text = response.content.decode()
        assert "有例子与预期不符,不能发布:59分可以转换" in text
        assert "要求 60,实际 59" in text

    def test_are_frozen_with_their_version(self, draft, entry, publisher):
        example = add_example(draft, entry, score=60)
        publish_version(version=draft, by=publisher)
        with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
            RuleExample.objects.filter(pk=example.pk).update(should_match=False)
        with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
            RuleExampleItem.objects.filter(example=example).delete()
