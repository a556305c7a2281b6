"""`manage.py bench`: the list, the shape of a result, and the journey with a few requests."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.template import engines
from django.urls import NoReverseMatch, Resolver404, resolve, reverse

from portal import benches
from portal.benches.throughput import ratio
from portal.context_processors import _menu
from portal.management.commands.bench import as_json, as_table

JOURNEY_RATIOS = {"my_information_vs_listview", "conversion_grid_vs_listview"}


def bench(*arguments):
    output = StringIO()
    call_command("bench", *arguments, stdout=output)
    return output.getvalue().splitlines()


def test_operator_sees_which_benches_there_are():
    lines = bench()
    assert [line.split()[0] for line in lines] == list(benches.NAMES)
    assert all(benches.load(name).HELP in line for name, line in zip(benches.NAMES, lines, strict=True))


def test_operator_reads_aligned_columns():
    table = as_table([["page", "queries", "ms"], ["收件箱", 5, 1234.5], ["inbox", 12, None]])
    assert table.splitlines() == ["page    queries  ms", "收件箱        5  1,234.50", "inbox        12"]


def test_machine_reads_one_object_on_one_line():
    result = {"ratios": {"a": 0.5}, "figures": {"b": {"名": 1}}, "rows": [["x"]]}
    line = as_json("journey", result)
    assert "\n" not in line
    assert json.loads(line) == {"bench": "journey", "ratios": {"a": 0.5}, "figures": {"b": {"名": 1}}}


def test_ratio_compares_within_a_round():
    assert ratio([50, 8, 30], [100, 10, 40]) == 0.75


def test_visitor_of_the_portal_finds_no_bench_page():
    with pytest.raises(Resolver404):
        resolve("/bench/plain/")
    with pytest.raises(NoReverseMatch):
        reverse("plain")


@pytest.mark.parametrize("name", ["top", "learner", "institution"])
def test_a_menu_is_made_once_and_marks_the_page_it_is_on(name):
    first = _menu(name, "/")
    assert _menu(name, "/") is first
    for link in first:
        assert link.url in [other.url for other in _menu(name, link.url) if other.active]


def test_a_fixed_piece_is_told_apart_by_its_variables():
    template = engines["django"].from_string(
        '{% load frame %}{% fixed "includes/icon.html" name=one %}{% fixed "includes/icon.html" name=other %}'
    )
    page = template.render({"one": "key", "other": "inbox"})
    assert page.count("#key") == page.count("#inbox") == 1


@pytest.mark.long
def test_operator_measures_a_learners_job():
    lines = bench("journey", "--json", "--journeys=1", "--rounds=1", "--requests=4", "--seconds=3")
    result = json.loads(lines[-1])
    assert set(result) == {"bench", "ratios", "figures"}
    assert set(result["ratios"]) == JOURNEY_RATIOS
    assert all(value > 0 for value in result["ratios"].values())
    pages = result["figures"]["pages"]
    assert pages["my information"]["queries"] <= 7
    assert pages["conversion grid"]["queries"] <= 10
    assert all(page["ms"] > 0 and page["queries"] > 0 for page in pages.values())
    assert any(line.startswith("certificate PDF ") for line in lines)


@pytest.mark.long
def test_operator_measures_the_rules():
    result = json.loads(bench("rules", "--json", "--rules=10000", "--rounds=1")[-1])
    assert set(result["ratios"]) == {"growth_10k_to_1m", "per_row_vs_grid_hot", "trace_vs_fetch"}
    figures = result["figures"]["10000"]
    assert max(figures["typical_grid_page_queries"], figures["hot_grid_page_queries"]) <= 10
    assert sum(count > 2000 for count in figures["hot_rules"]) == 2


@pytest.mark.long
def test_operator_measures_two_pages_in_a_large_table():
    lines = bench("pages", "--json", "--achievements=600", "--rounds=1", "--requests=4", "--seconds=3")
    result = json.loads(lines[-1])
    assert set(result["ratios"]) == {"my_information_vs_listview", "achievement_add_vs_listview"}
    assert result["figures"]["achievements"] == 600
    assert all(page["queries"] <= 7 for page in result["figures"]["pages"].values())
