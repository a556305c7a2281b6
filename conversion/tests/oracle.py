"""A second opinion on eligibility: slow, plain, and written without a line of the engine.

It knows a world of plain dicts (`worlds.py`), loops over everything, and answers with a verdict and the codes of what
isn't met. Nothing here may import the portal.
"""

import calendar
import datetime as dt
from fractions import Fraction
from itertools import permutations


def months_before(day, months):
    """The same day of an earlier month, or that month's last."""
    number = day.year * 12 + day.month - 1 - months
    year, month = divmod(number, 12)
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def shortfalls(world, rule, source, achievement):
    """The codes of the thresholds that an achievement of the source's entry misses."""
    missed, entry = [], world["entries"][achievement["entry"]]
    if source["min_score"] is not None and (
        achievement["score"] is None or achievement["score"] < source["min_score"]
    ):
        missed.append("score")
    wanted = source["min_framework_level"]
    if wanted is not None and (entry["framework_level"] is None or entry["framework_level"] < wanted):
        missed.append("level")
    firsts, lasts = [source["obtained_from"]], [source["obtained_to"]]
    if rule["version_selected_by"] == "obtained":
        firsts.append(rule["valid_from"])
        lasts.append(rule["valid_to"])
    if any(first is not None and achievement["obtained_on"] < first for first in firsts):
        missed.append("from")
    if any(last is not None and achievement["obtained_on"] > last for last in lasts):
        missed.append("to")
    age = source["max_age_months"]
    if age is not None and achievement["obtained_on"] < months_before(world["today"], age):
        missed.append("age")
    return missed


def fits(world, rule, part, achievement):
    return any(
        source["entry"] == achievement["entry"] and not shortfalls(world, rule, source, achievement)
        for source in part["sources"]
    )


def live_cases(world, learner):
    return [case for case in world["cases"] if case["learner"] == learner and case["live"]]


def spent_by(world, rule, achievement, learner):
    """Why an achievement itself is used up for the rule: pair, repeat, group, or None."""
    cases = live_cases(world, learner)
    if any(case["rule"] == rule["n"] and achievement["n"] in case["achievements"] for case in cases):
        return "pair"
    family = world["entries"][achievement["entry"]]["family"] if achievement["entry"] is not None else None
    for case in cases:
        if family is not None and world["rules"][case["rule"]]["course"] == rule["course"]:
            for n in case["achievements"]:
                if world["entries"][world["achievements"][n]["entry"]]["family"] == family:
                    return "repeat"
    for case in cases:
        for group in rule["groups"]:
            is_in_use = group in world["rules"][case["rule"]]["groups"] and achievement["n"] in case["achievements"]
            if world["groups"][group] == "achievement" and is_in_use:
                return "group"
    return None


def spent_for_learner(world, rule, learner):
    """The codes of what nobody can use again in the learner's name: once, course, group (each group one)."""
    cases, codes = live_cases(world, learner), []
    if rule["use_policy"] == "once" and any(case["rule"] == rule["n"] for case in cases):
        codes.append("once")
    if rule["fills_course_once"]:
        for case in cases:
            other = world["rules"][case["rule"]]
            if other["fills_course_once"] and other["course"] == rule["course"]:
                codes.append("course")
                break
    for group in rule["groups"]:
        is_in_use = any(group in world["rules"][case["rule"]]["groups"] for case in cases)
        if world["groups"][group] == "learner" and is_in_use:
            codes.append("group")
    return codes


def outranked(world, rule, part, achievement, held):
    mine = world["entries"][achievement["entry"]]
    for other in held:
        if other["entry"] is None or mine["family"] is None:
            continue
        theirs = world["entries"][other["entry"]]
        if theirs["family"] == mine["family"] and theirs["rank"] > mine["rank"] and fits(world, rule, part, other):
            return True
    return False


def can_serve_all(world, places, able):
    """Whether every place gets an achievement of its own, in a part no two of one entry.

    `able` is {part number: set of achievements}.
    """
    everybody = sorted(set().union(*able.values())) if able else []
    if len(places) > len(everybody):
        return False
    for order in permutations(everybody, len(places)):
        pairs = list(zip(places, order, strict=True))
        standing = {(part, world["achievements"][one]["entry"]) for part, one in pairs}
        if all(one in able[part] for part, one in pairs) and len(standing) == len(pairs):
            return True
    return False


def served_places(world, rule, able):
    """Places are served in order; one stays empty only if it can't be served beside those before it."""
    served = []
    for number, part in enumerate(rule["parts"]):
        for _place in range(part["choose"]):
            if can_serve_all(world, [*served, number], able):
                served.append(number)
    return served


def caps_missed(world, rule, learner):
    """One "cap" for each cap that the rule's credits would exceed."""
    course = world["courses"][rule["course"]]
    programme = world["programmes"][course["programme"]]
    missed = []
    for cap in world["caps"]:
        if cap["institution"] != programme["institution"] or cap["programme"] not in (None, course["programme"]):
            continue
        if cap["category"] not in (None, rule["category"]) or cap["nature"] not in ("", course["nature"]):
            continue
        if world["today"] < cap["valid_from"] or (cap["valid_to"] and world["today"] > cap["valid_to"]):
            continue
        total, count = Fraction(rule["credits"]), 1
        for case in live_cases(world, learner):
            other = world["rules"][case["rule"]]
            target = world["courses"][other["course"]]
            if target["programme"] != course["programme"]:
                continue
            if cap["category"] in (None, other["category"]) and cap["nature"] in ("", target["nature"]):
                total, count = total + Fraction(other["credits"]), count + 1
        if cap["kind"] == "count" and count > cap["value"]:
            missed.append("cap")
        if cap["kind"] == "credits" and total > Fraction(cap["value"]):
            missed.append("cap")
        whole = programme["total_credits"]
        if cap["kind"] == "share" and (whole is None or total > Fraction(cap["value"]) * whole / 100):
            missed.append("cap")
    return missed


def score_from(rule, achievements):
    """What is entered for the course, as text, when these achievements are used."""
    scores = [achievement["score"] for achievement in achievements]
    if rule["score_policy"] == "fixed":
        return rule["fixed_score"]
    if rule["score_policy"] == "pass" or None in scores:
        return "合格"
    if rule["score_policy"] == "carry":
        return "、".join(str(score) for score in scores)
    hundredths = int(Fraction(sum(scores) * 100, len(scores)) + Fraction(1, 2))
    whole, rest = divmod(hundredths, 100)
    return f"{whole}.{rest:02d}".rstrip("0").rstrip(".") if rest else str(whole)


def judge(world, rule, chosen, held, learner):
    """(verdict, sorted codes of what isn't met) of a rule for chosen achievements; `learner` None has used nothing."""
    codes = spent_for_learner(world, rule, learner)
    is_used = bool(codes)
    able, open_to, closed_to = {}, set(), set()
    for number, part in enumerate(rule["parts"]):
        able[number] = set()
        for achievement in chosen:
            if fits(world, rule, part, achievement):
                if spent_by(world, rule, achievement, learner):
                    closed_to.add(achievement["n"])
                    continue
                open_to.add(achievement["n"])
                if not outranked(world, rule, part, achievement, held):
                    able[number].add(achievement["n"])
    served = served_places(world, rule, able)
    is_complete = True
    for number, part in enumerate(rule["parts"]):
        if served.count(number) == part["choose"]:
            continue
        is_complete = False
        codes.append("sources")
        for achievement in chosen:
            codes += reasons(world, rule, part, achievement, held, learner)
    capped = caps_missed(world, rule, learner)
    if is_used or (not is_complete and closed_to and not open_to):
        verdict = "used"
    elif not is_complete:
        verdict = "missing"
    else:
        verdict = "capped" if capped else "match"
    return verdict, sorted(codes + capped)


def reasons(world, rule, part, achievement, held, learner):
    """Why an achievement doesn't help a part that lacks something."""
    codes = []
    for source in part["sources"]:
        if source["entry"] == achievement["entry"]:
            codes += shortfalls(world, rule, source, achievement)
    if fits(world, rule, part, achievement):
        spent = spent_by(world, rule, achievement, learner)
        if spent:
            codes.append(spent)
        elif outranked(world, rule, part, achievement, held):
            codes.append("family")
    return codes


def in_force(world, rule):
    if rule["status"] != "published":
        return False
    if rule["version_selected_by"] == "obtained":
        return True
    return rule["valid_from"] <= world["today"] and (rule["valid_to"] is None or world["today"] <= rule["valid_to"])


def offered(world, chosen, learner):
    """The numbers of the rules that a list for the chosen achievements shows."""
    return {
        rule["n"]
        for rule in world["rules"]
        if in_force(world, rule)
        and not spent_for_learner(world, rule, learner)
        and any(
            fits(world, rule, part, achievement) and not spent_by(world, rule, achievement, learner)
            for part in rule["parts"]
            for achievement in chosen
        )
    }
