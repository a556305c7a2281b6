"""Small random worlds of rules and achievements: as plain data for the oracle, and as rows for the engine."""

import datetime as dt
from decimal import Decimal
from itertools import count
from random import Random

from django.utils import timezone

from accounts.models import User
from achievements.models import LevelFamily
from conversion.models import (
    ConversionCap,
    ConversionRule,
    Course,
    ExclusivityGroup,
    PolicyCategory,
    Programme,
    RuleGroup,
    RuleSource,
    RuleVersion,
)
from conversion.tests.oracle import months_before
from conversion.tests.scene import make_achievement, make_entry, make_institution, make_learner_user

numbers = count(1)
NATURES = ["required", "elective", "requirement"]
AGES = [6, 12, 30]  # months


def random_world(seed):
    """Everything that bears on a verdict, as dicts and lists; rows are named by their place in the list."""
    dice = Random(seed)
    today = timezone.localdate()
    days = _days(dice, today)
    world = {
        "seed": seed,
        "today": today,
        "entries": [_entry(dice, n) for n in range(6)],
        "achievements": [],
        "groups": ["learner", "achievement"],
        "programmes": [{"institution": n // 2, "total_credits": dice.choice([None, 20, 40])} for n in range(3)],
        "courses": [{"programme": dice.randrange(3), "nature": dice.choice(NATURES)} for _n in range(5)],
        "cases": [],
    }
    world["achievements"] = [_achievement(dice, days, n) for n in range(5)]
    world["rules"] = [_rule(dice, today, days, n) for n in range(12)]
    world["caps"] = [_cap(dice, today, world) for _n in range(dice.randrange(1, 5))]
    return world


def _entry(dice, n):
    # Ranks are those of the place, so that no two of a family are alike.
    family = dice.choice([None, 0, 0, 1])
    rank = n if family is not None else None
    return {"framework_level": dice.choice([None, 2, 4, 6]), "family": family, "rank": rank}


def _days(dice, today):
    """The few days on which anything happens, so that bounds are met exactly: any, and those on which an age ends."""
    ends = [months_before(today, months) + dt.timedelta(days=around) for months in AGES for around in (-1, 0, 1)]
    return [*ends, *(today - dt.timedelta(days=dice.randrange(365 * 4)) for _n in range(9))]


def _maybe(dice, chance, make):
    return make() if dice.random() < chance else None


def _achievement(dice, days, n):
    return {
        "n": n,
        "entry": _maybe(dice, 0.95, lambda: dice.randrange(6)),
        "score": dice.choice([None, 50, 60, 75, 90]),
        "obtained_on": dice.choice(days),
    }


def _source(dice, days, entry):
    return {
        "entry": entry,
        "min_score": _maybe(dice, 0.15, lambda: dice.choice([60, 75])),
        "min_framework_level": _maybe(dice, 0.1, lambda: dice.choice([2, 4, 5])),
        "obtained_from": _maybe(dice, 0.1, lambda: dice.choice(days)),
        "obtained_to": _maybe(dice, 0.1, lambda: dice.choice(days)),
        "max_age_months": _maybe(dice, 0.15, lambda: dice.choice(AGES)),
    }


def _rule(dice, today, days, n):
    parts = []
    for _part in range(dice.choice([1, 1, 1, 1, 2, 3])):
        entries = dice.sample(range(6), dice.choice([2, 3, 4]))
        sources = [_source(dice, days, entry) for entry in entries]
        parts.append({"choose": min(dice.choice([1, 1, 1, 2]), len(sources)), "sources": sources})
    valid_from = dice.choice([today, today - dt.timedelta(days=2000), dice.choice(days)])
    rule = {
        "n": n,
        "status": dice.choice(["published"] * 10 + ["suspended", "retired"]),
        "version_selected_by": dice.choice(["submission"] * 3 + ["obtained"]),
        "valid_from": valid_from if dice.random() < 0.9 else today + dt.timedelta(days=1),
        "valid_to": _maybe(dice, 0.2, lambda: dice.choice([today, *days])),
        "use_policy": dice.choice(["once", "repeatable"]),
        "fills_course_once": dice.random() < 0.5,
        "groups": sorted({group for group in (0, 1) if dice.random() < 0.2}),
        "course": dice.randrange(5),
        "category": dice.choice([None, 0, 1]),
        "credits": dice.choice(["0", "1.5", "3", "4"]),
        "score_policy": dice.choice(["carry", "mean", "fixed", "pass"]),
        "fixed_score": "优秀",
        "parts": parts,
    }
    if rule["valid_to"] and rule["valid_to"] < rule["valid_from"]:
        rule["valid_to"] = None
    return rule


def _cap(dice, today, world):
    programme = _maybe(dice, 0.5, lambda: dice.randrange(3))
    institution = dice.randrange(2) if programme is None else world["programmes"][programme]["institution"]
    kind, value = dice.choice([("share", "10"), ("share", "5"), ("credits", "2"), ("credits", "4"), ("count", "1")])
    return {
        "institution": institution,
        "programme": programme,
        "category": dice.choice([None, None, 0]),
        "nature": dice.choice(["", "", "required"]),
        "kind": kind,
        "value": Decimal(value),
        "valid_from": today - dt.timedelta(days=dice.choice([1, 100])),
        "valid_to": _maybe(dice, 0.2, lambda: today - dt.timedelta(days=dice.choice([0, 1]))),
    }


class Rows:
    """The rows of a world, each under its place: `achievements[n]`, `versions[n]`."""

    def __init__(self, world):
        self.user = make_learner_user()
        families = [LevelFamily.objects.create(name=f"系列{next(numbers)}") for _n in range(2)]
        self.groups = [
            ExclusivityGroup.objects.create(code=f"group{next(numbers)}", name=scope, scope=scope)
            for scope in world["groups"]
        ]
        self.categories = [
            PolicyCategory.objects.create(code=f"category{next(numbers)}", name="类") for _n in range(2)
        ]
        self.institutions = [make_institution() for _n in range(2)]
        self.entries = [
            make_entry(
                f"成果{n}",
                framework_level=entry["framework_level"],
                family=None if entry["family"] is None else families[entry["family"]],
                family_rank=entry["rank"],
                institution=self.institutions[0],
            )
            for n, entry in enumerate(world["entries"])
        ]
        self.achievements = [self._achievement(achievement) for achievement in world["achievements"]]
        self._targets(world)
        self.versions = [self._version(rule) for rule in world["rules"]]
        self._publish(world)
        self._caps(world)
        self.number_of = {version.pk: n for n, version in enumerate(self.versions)}

    def _achievement(self, achievement):
        entry = None if achievement["entry"] is None else self.entries[achievement["entry"]]
        made = make_achievement(
            self.user, entry or self.entries[0], score=achievement["score"], obtained_on=achievement["obtained_on"]
        )
        if entry is None:
            type(made).objects.filter(pk=made.pk).update(entry=None)
        return type(made).objects.select_related("entry", "type").get(pk=made.pk)

    def _targets(self, world):
        self.programmes = [
            Programme.objects.create(
                institution=self.institutions[programme["institution"]],
                name=f"专业{n}",
                cohort=2020,
                cohort_to=2020,
                total_credits=programme["total_credits"],
            )
            for n, programme in enumerate(world["programmes"])
        ]
        self.courses = [
            Course.objects.create(
                programme=self.programmes[course["programme"]], code=f"C{n}", name=f"课程{n}", credits=3,
                nature=course["nature"],
            )
            for n, course in enumerate(world["courses"])
        ]  # fmt: skip

    def _version(self, rule):
        course = self.courses[rule["course"]]
        kept = ["version_selected_by", "valid_from", "valid_to", "use_policy", "fills_course_once"]
        kept += ["score_policy", "fixed_score"]
        version = RuleVersion.objects.create(
            rule=ConversionRule.objects.create(
                code=f"W{next(numbers)}", title=f"规则{rule['n']}", institution=course.programme.institution
            ),
            number=1,
            course=course,
            outcome="waived",
            credits=Decimal(rule["credits"]),
            policy_category=None if rule["category"] is None else self.categories[rule["category"]],
            **{name: rule[name] for name in kept},
        )
        version.exclusivity_groups.set(self.groups[group] for group in rule["groups"])
        for position, part in enumerate(rule["parts"], 1):
            group = RuleGroup.objects.create(version=version, position=position, choose=part["choose"])
            RuleSource.objects.bulk_create(
                RuleSource(group=group, **source | {"entry": self.entries[source["entry"]]})
                for source in part["sources"]
            )
        return version

    def _publish(self, world):
        publisher = User.objects.create(username=f"world{next(numbers)}", name="发布人", password="!")
        rows = RuleVersion.objects.filter(pk__in=[version.pk for version in self.versions])
        rows.update(status="published", published_by=publisher, published_at=timezone.now())
        for version, rule in zip(self.versions, world["rules"], strict=True):
            if rule["status"] != "published":
                rows.filter(pk=version.pk).update(status=rule["status"])

    def _caps(self, world):
        ConversionCap.objects.bulk_create(
            ConversionCap(
                institution=self.institutions[cap["institution"]],
                programme=None if cap["programme"] is None else self.programmes[cap["programme"]],
                policy_category=None if cap["category"] is None else self.categories[cap["category"]],
                course_nature=cap["nature"],
                **{name: cap[name] for name in ["kind", "value", "valid_from", "valid_to"]},
            )
            for cap in world["caps"]
        )
