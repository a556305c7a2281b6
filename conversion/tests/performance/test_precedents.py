"""Precedents of a performance case: the same course and the same kind of prize."""

import pytest

from conversion.precedents import precedents_of
from conversion.tests.performance.awards import apply_for, make_award
from conversion.tests.scene import Scene

pytestmark = pytest.mark.django_db


def case_of(competition, scene=None, **words):
    scene = scene or Scene(college=competition.rule.institution)
    return apply_for(scene, competition, make_award(scene, competition, **words))


def test_reviewer_reads_how_the_same_prize_was_decided(scene, competition):
    same = case_of(competition, rank="3")
    for other in [
        case_of(competition, prize="二等奖"),
        case_of(competition, competition_level="国家级"),
    ]:
        scene.reject(other)
    scene.decide(same, "first_approve", scene.first_reviewer)
    scene.decide(same, "final_approve", scene.final_reviewer)
    found = precedents_of(case_of(competition, scene))
    assert (found.approved, found.refused, found.cases) == (1, 0, [same])
