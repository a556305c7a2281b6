"""The examples of a version, answered by the engine that answers everybody."""

from dataclasses import dataclass

from django.utils import timezone

from achievements.models import Achievement
from conversion.models import RuleExample, RuleVersion
from conversion.rules.assessment import Assessment, assess
from conversion.rules.situation import Situation, caps_of


@dataclass
class ExampleResult:
    """What the engine says to an example."""

    example: RuleExample
    assessment: Assessment

    @property
    def passed(self):
        return self.assessment.is_match == self.example.should_match


def run_examples(version):
    """An `ExampleResult` for each example, as for somebody who has used nothing: today, or on the first valid day."""
    on = max(timezone.localdate(), version.valid_from)
    version = RuleVersion.objects.with_target().with_sources().get(pk=version.pk)
    examples = version.examples.prefetch_related("items__entry__type")
    caps = caps_of([version], on)
    return [_result(version, example, on, caps) for example in examples]


def _result(version, example, on, caps):
    achievements = [_imagined(item) for item in example.items.all()]
    situation = Situation(on, held=tuple(achievements), caps=caps)
    return ExampleResult(example, assess(version, achievements, situation))


def _imagined(item):
    entry = item.entry
    return Achievement(entry=entry, type=entry.type, name=entry.name, score=item.score, obtained_on=item.obtained_on)
