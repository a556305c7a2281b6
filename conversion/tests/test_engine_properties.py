"""The engine against an oracle that shares no code with it, in random worlds: the same verdict, the same reasons, the
same score; what is submitted stays right until it is approved."""

import datetime as dt
import uuid
from collections import Counter
from fractions import Fraction
from itertools import combinations
from random import Random
from types import SimpleNamespace

import pytest
import time_machine
from django.utils import timezone

from achievements.models import Achievement
from conversion import rules, slots
from conversion.models import RuleVersion
from conversion.models.application import Action
from conversion.rules import assessment, conditions
from conversion.services.applications import AlreadyAppliedError, NotEligibleError, submit_conversion, withdraw
from conversion.services.reviews import decide
from conversion.tests import oracle
from conversion.tests.scene import make_reviewer
from conversion.tests.worlds import Rows, random_world

LEARNER = "the learner"
ATTEMPTS = 8  # submissions tried between two comparisons
CODES = {
    "sources", "score", "level", "from", "to", "age", "family", "pair", "repeat", "group", "once", "course", "cap",
}  # fmt: skip
# Days on which "so many months ago" is no day of that month, or the last one; without one: today.
DAYS = [None, (2028, 2, 29), (2027, 3, 31), (2027, 8, 31), (2027, 2, 28), (2028, 8, 29)]
SUBSETS = [subset for size in (1, 2, 3) for subset in combinations(range(5), size)]


@pytest.mark.django_db
def test_engine_and_oracle_agree():
    seen = compare_world(seed=5)
    assert sum(seen[verdict] for verdict in rules.Verdict) == 2 * len(SUBSETS) * 12
    assert all(seen[verdict] for verdict in rules.Verdict), seen


def test_places_are_filled_as_well_as_they_can_be():
    """Beside the worlds, where a rule seldom has so many parts that want the same achievements."""
    dice = Random(11)
    for _case in range(2000):
        world = {"achievements": [{"n": n, "entry": dice.randrange(4)} for n in range(6)]}
        able = {part: {n for n in range(6) if dice.random() < 0.6} for part in range(dice.choice([2, 3, 4]))}
        rule = {"parts": [{"choose": dice.choice([1, 1, 2])} for _part in able]}
        groups = [SimpleNamespace(choose=part["choose"]) for part in rule["parts"]]
        parts = [assessment._Part(groups[number], [], fitting=sorted(able[number])) for number in able]
        assessment._fill(parts, [achievement["entry"] for achievement in world["achievements"]])
        served = oracle.served_places(world, rule, able)
        assert [len(part.places) for part in parts] == [served.count(number) for number in able]
        for number, part in enumerate(parts):
            entries = {world["achievements"][n]["entry"] for n in part.places}
            assert set(part.places) <= able[number]
            assert len(entries) == len(part.places)


@pytest.mark.long
@pytest.mark.django_db
def test_engine_and_oracle_agree_in_ten_thousand_cases_of_every_kind():
    seen = compare_worlds(range(100, 118))
    assert sum(seen[verdict] for verdict in rules.Verdict) >= 10_000
    assert all(seen[verdict] > 50 for verdict in rules.Verdict), seen
    assert all(seen[code] > 50 for code in CODES), seen
    assert seen["approved"] > 10, seen


@pytest.mark.long
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("module", "name", "broken"),
    [
        (assessment, "_higher", lambda *arguments: None),
        (assessment, "own_condition", lambda *arguments: None),
        (assessment, "learner_conditions", lambda *arguments: []),
        (assessment, "cap_conditions", lambda *arguments: []),
        (conditions, "_earliest", lambda source, on: on - dt.timedelta(days=source.max_age_months * 30)),
        (conditions, "obtained_window", lambda version, source: (source.obtained_from, source.obtained_to)),
        (assessment, "resulting_score", lambda version, achievements: version.fixed_score),
    ],
)
def test_oracle_notices_a_broken_engine(monkeypatch, module, name, broken):
    """Positive control."""
    monkeypatch.setattr(module, name, broken)
    with pytest.raises(AssertionError):
        compare_worlds(range(4, 12))


def compare_worlds(seeds):
    return sum((compare_world_on(DAYS[seed % len(DAYS)], seed) for seed in seeds), Counter())


def compare_world_on(day, seed):
    noon = dt.datetime(*day, 12, tzinfo=timezone.get_current_timezone()) if day else timezone.now()
    with time_machine.travel(noon):
        return compare_world(seed)


def compare_world(seed):
    """Compare every rule for every subset, before and after submissions; return how often what came: the verdicts, the
    codes of what isn't met, and cases that were approved."""
    world, dice = random_world(seed), Random(seed)
    rows, seen = Rows(world), Counter()
    versions = RuleVersion.objects.filter(pk__in=rows.number_of)
    rows.loaded = list(versions.with_target().with_sources().order_by("pk"))
    compare_visitor(world, rows)
    seen += compare_all(world, rows)
    for _attempt in range(ATTEMPTS):
        try_to_submit(world, rows, dice)
        withdraw_some(world, rows, dice)
        approve_some(world, rows, dice)
    compare_cases(world)
    seen["approved"] = sum(case["approved"] for case in world["cases"])
    return seen + compare_all(world, rows)


def compare_all(world, rows):
    seen = Counter()
    for subset in SUBSETS:
        chosen, plain = pick(rows.achievements, subset), pick(world["achievements"], subset)
        verdicts = {}
        for n, explained in enumerate(rules.assess_all(rows.loaded, chosen)):
            expected = oracle.judge(world, world["rules"][n], plain, world["achievements"], LEARNER)
            assert answer(explained) == expected, (subset, n, world["seed"])
            verdicts[n] = expected[0]
            seen.update(expected[1])
            if expected[0] == "match":
                compare_match(world, rows, n, subset, explained)
        seen.update(verdicts.values())
        compare_list(world, rows, chosen, plain, verdicts)
    return seen


def compare_match(world, rows, n, subset, explained):
    """What a match would use is enough, no more than it takes, and gives the score that the oracle says."""
    rule, used = world["rules"][n], [k for k in subset if rows.achievements[k] in explained.used]
    assert len(used) == len(explained.used) == sum(part["choose"] for part in rule["parts"])
    plain = pick(world["achievements"], used)
    verdict, _codes = oracle.judge(world, rule, plain, world["achievements"], LEARNER)
    assert (verdict, explained.score) == ("match", oracle.score_from(rule, plain)), (subset, n, world["seed"])


def compare_cases(world):
    """Whatever was submitted, withdrawn or approved meanwhile: the reviewer's panel says that live cases fit."""
    for case in world["cases"]:
        if case["live"]:
            case["row"].refresh_from_db()
            assert answer(rules.assess_frozen(case["row"])) == ("match", []), (case["rule"], world["seed"])
            used = pick(world["achievements"], case["achievements"])
            frozen = case["row"].snapshot["rule"]
            rule = world["rules"][case["rule"]]
            assert frozen["score"] == oracle.score_from(rule, used)
            assert Fraction(frozen["credits"]) == Fraction(rule["credits"])


def compare_list(world, rows, chosen, plain, verdicts):
    """The dialog lists what the oracle offers, as many as the grid counts, and nothing that is used."""
    listed = {rows.number_of[pk] for pk in slots.open_versions(chosen).values_list("pk", flat=True)}
    assert listed == oracle.offered(world, plain, LEARNER), (plain, world["seed"])
    assert "used" not in {verdicts[n] for n in listed}
    if len(chosen) == 1:
        assert slots.counts_of(chosen)[0].convertible == len(listed)


def compare_visitor(world, rows):
    """A visitor who asks about the same certificates without an account gets what the oracle and the learner get."""
    plain = [achievement for achievement in world["achievements"] if achievement["entry"] is not None]
    hypothetical = [
        Achievement(
            entry=rows.entries[a["entry"]], name=f"假设{a['n']}", score=a["score"], obtained_on=a["obtained_on"]
        )
        for a in plain
    ]
    chosen = [rows.achievements[achievement["n"]] for achievement in plain]
    signed_in = [answer(explained) for explained in rules.assess_all(rows.loaded, chosen)]
    asked = [answer(explained) for explained in rules.assess_all(rows.loaded, hypothetical)]
    assert asked == signed_in == [oracle.judge(world, rule, plain, plain, None) for rule in world["rules"]]
    same = {version.pk for version in slots.open_versions(hypothetical)}
    assert same == {version.pk for version in slots.open_versions(chosen)}
    counts = [count.convertible for count in slots.counts_of(hypothetical)]
    assert counts == [count.convertible for count in slots.counts_of(chosen)]


def try_to_submit(world, rows, dice):
    """Submission accepts exactly what the list shows as match."""
    attempts = [(dice.randrange(len(rows.versions)), dice.choice(SUBSETS)) for _n in range(3)]
    hopeful = [attempt for attempt in attempts if is_promising(world, *attempt)]
    n, subset = (hopeful or attempts)[0]
    is_accepted = is_promising(world, n, subset)
    case = submitted(rows, n, subset)
    assert (case is not None) == is_accepted, (n, subset, world["seed"])
    if case:
        used = [source.achievement_id for source in case.sources.all()]
        places = [k for k, achievement in enumerate(rows.achievements) if achievement.pk in used]
        assert set(places) <= set(subset)
        facts = {"live": True, "approved": False, "row": case}
        world["cases"].append({"learner": LEARNER, "rule": n, "achievements": places} | facts)


def is_promising(world, n, subset):
    rule, plain = world["rules"][n], pick(world["achievements"], subset)
    verdict, _codes = oracle.judge(world, rule, plain, world["achievements"], LEARNER)
    return verdict == "match" and oracle.in_force(world, rule)


def submitted(rows, n, subset):
    version = RuleVersion.objects.with_target().with_sources().get(pk=rows.versions[n].pk)
    chosen = pick(rows.achievements, subset)
    try:
        return submit_conversion(by=rows.user, version=version, achievements=chosen, token=uuid.uuid4())
    except (NotEligibleError, AlreadyAppliedError):
        return None


def withdraw_some(world, rows, dice):
    for case in world["cases"]:
        if case["live"] and not case["approved"] and dice.random() < 0.1:
            withdraw(application=case["row"], by=rows.user)
            case["live"] = False


def approve_some(world, rows, dice):
    """The approval asks the engine too: it takes every case that was submitted."""
    for case in world["cases"]:
        if case["live"] and not case["approved"] and dice.random() < 0.3:
            college = case["row"].receiving_institution
            decide(application=case["row"], action=Action.FIRST_APPROVE, by=make_reviewer(college, first=True))
            decide(application=case["row"], action=Action.FINAL_APPROVE, by=make_reviewer(final=True))
            case["approved"] = True


def answer(explained):
    return str(explained.verdict), sorted(c.code for c in explained.conditions if not c.met)


def pick(items, subset):
    return [items[n] for n in subset]
