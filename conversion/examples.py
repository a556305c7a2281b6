"""The examples of a version, answered by the engine that answers everybody. Reads only."""

from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import gettext as _

from achievements.models import Achievement, CatalogueEntry
from conversion.criteria import assess_performance
from conversion.models import ConversionRule, RuleExample, RuleVersion
from conversion.rules import Assessment, Situation, assess
from conversion.rules.situation import caps_of

NOWHERE = 0  # the id of a catalogue entry that stands for any: what an example of a table holds counts as recognised


@dataclass
class ExampleResult:
    """What the engine says to an example."""

    example: RuleExample
    assessment: Assessment

    @property
    def passed(self):
        if self.assessment.is_match != self.example.should_match:
            return False
        return self.example.credits is None or self.example.credits == self.credits

    @property
    def credits(self):
        """What a matching line of a performance table gives; None elsewhere."""
        return self.assessment.credits if self.assessment.is_match else None

    @property
    def answer(self):
        """The engine's answer in words."""
        if self.credits is None:
            return self.assessment.verdict_label
        return _("%(verdict)s,得 %(credits)s 学分") % {
            "verdict": self.assessment.verdict_label,
            "credits": self.credits,
        }


def run_examples(version):
    """An `ExampleResult` for each example, as for somebody who has used nothing: today, or on the first valid day."""
    on = max(timezone.localdate(), version.valid_from)
    version = _loaded(version)
    caps = caps_of([version], on)
    examples = version.examples.prefetch_related("items__entry__type", "values__field")
    is_performance = version.rule.kind == ConversionRule.Kind.PERFORMANCE
    answer = _answer_of_table if is_performance else _answer_of_groups
    return [ExampleResult(example, answer(version, example, on, caps)) for example in examples]


def _loaded(version):
    versions = RuleVersion.objects.with_target().with_sources().select_related("achievement_type")
    return versions.prefetch_related("criteria__tests__field").get(pk=version.pk)


def _answer_of_groups(version, example, on, caps):
    achievements = [_imagined(item) for item in example.items.all()]
    return assess(version, achievements, Situation(on, held=tuple(achievements), caps=caps))


def _imagined(item):
    entry = item.entry
    return Achievement(entry=entry, type=entry.type, name=entry.name, score=item.score, obtained_on=item.obtained_on)


def _answer_of_table(version, example, on, caps):
    achievement = Achievement(
        entry=CatalogueEntry(pk=NOWHERE, name=example.name),
        type=version.achievement_type,
        name=example.name,
        obtained_on=example.obtained_on or on,
        extra={value.field.key: value.value for value in example.values.all()},
    )
    return assess_performance(version, achievement, Situation(on, held=(achievement,), caps=caps))
