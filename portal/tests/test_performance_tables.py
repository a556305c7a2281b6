"""The demonstration's criteria tables, line by line: each has a worked example, which the engine must reproduce."""

from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import call_command

from accounts.tests.factories import InstitutionFactory
from achievements.models import Achievement, AchievementType
from achievements.rules import check_extra
from conversion.criteria import assess_performance, performance_versions
from conversion.examples import run_examples
from conversion.models import CriteriaTest
from conversion.tests.scene import make_entry, make_reviewer
from demo.content import read_json
from demo.rulebook import Rulebook, _add_performance

TABLES = [row for row in read_json("performance_rules.json") if "none" in row]
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "performance-tables.md"


@pytest.fixture
def versions(db):
    """{title: version} of the tables, written and published as `load_demo` does."""
    call_command("load_reference", verbosity=0)
    keys = {row["target"][0] for row in TABLES}
    book = Rulebook({key: InstitutionFactory(name=key) for key in keys}, {})
    for row in TABLES:
        _add_performance(book, row)
    book.write(drafted_by=make_reviewer(), published_by=make_reviewer())
    types = AchievementType.objects.filter(code__in=[row["type"] for row in TABLES])
    found = [version for type_ in types for version in performance_versions(Achievement(type=type_))]
    return {version.rule.title: version for version in found}


def achieved(version, extra):
    return Achievement(type=version.achievement_type, entry=make_entry(), name="示例业绩", extra=extra)


def test_each_line_of_the_tables_gives_its_credits(versions):
    for row in TABLES:
        version = versions[row["title"]]
        lines = [(line["example"], Decimal(line["credits"])) for line in row["rows"]]
        lines += [(extra, None) for extra in row["none"]]
        fields = list(version.achievement_type.extra_fields.all())
        for extra, credits in lines:
            assert check_extra(fields, extra) == (extra, {}), "the form of the type takes the example"
            assessment = assess_performance(version, achieved(version, extra))
            expected = ("match" if credits else "missing", credits)
            assert (assessment.verdict, assessment.credits) == expected, extra


def test_examples_are_stored_with_the_tables_and_hold(versions):
    for row in TABLES:
        results = run_examples(versions[row["title"]])
        assert len(results) == len(row["rows"]) + len(row["none"])
        assert [result.example.name for result in results if not result.passed] == []


def test_examples_stand_in_the_document(versions):
    text = DOCUMENT.read_text(encoding="utf-8")
    lines = [line for row in TABLES for line in documented(row, versions[row["title"]])]
    missing = [line for line in lines if line not in text]
    assert missing == []


def documented(row, version):
    """The table of the document for a criteria table."""
    labels = {field.key: field.label for field in version.achievement_type.extra_fields.all()}
    tested = list(dict.fromkeys(test["field"] for line in row["rows"] for test in line["tests"]))
    yield f"| {' | '.join(labels[key] for key in tested)} | 学分 | 例:填写 |"
    for line in row["rows"]:
        tests = {test["field"]: test for test in line["tests"]}
        cells = [_required(tests.get(key)) for key in tested]
        yield f"| {' | '.join(cells)} | {line['credits']} | {_typed(labels, line['example'])} |"
    for extra in row["none"]:
        yield f"- {_typed(labels, extra)}"


def _required(test):
    return (
        CriteriaTest(**{name: value for name, value in test.items() if name != "field"}).required if test else "不限"
    )


def _typed(labels, extra):
    return "、".join(f"{labels[key]} {value}" for key, value in extra.items() if key != "event")
