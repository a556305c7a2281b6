"""The demonstration's conversion rules: some hundreds in series, and the special ones of special_rules.json."""

import datetime as dt
from decimal import Decimal
from itertools import count, islice, product

from django.utils import timezone

from achievements.models import AchievementType, TypeField
from conversion.models import (
    Cohorts,
    ConversionCap,
    ConversionRule,
    Course,
    CriteriaRow,
    CriteriaTest,
    ExclusivityGroup,
    PolicyCategory,
    Programme,
    ReviewCriterion,
    RuleExample,
    RuleExampleValue,
    RuleGroup,
    RuleSource,
    RuleVersion,
)
from demo.content import read_json, read_rows

VALID_FROM = dt.date(2018, 9, 1)
TOTAL_CREDITS = Decimal(140)
BASIS = "学习成果转换规则(示例数据)"
SOURCE_FIELDS = ["min_score", "min_framework_level", "obtained_from", "obtained_to", "max_age_months"]
COURSE_FIELDS = ["code", "name", "credits", "nature"]


class Rulebook:
    """Collects rules in memory, then writes them as drafts and publishes them, as the database demands."""

    def __init__(self, institutions, entries):
        self.institutions, self.entries = institutions, entries
        self.programmes, self.courses = {}, {}
        self.rules, self.versions, self.statuses = [], [], []
        self.groups, self.sources, self.criteria, self.tests, self.measured = [], [], [], [], []
        self.examples, self.values = [], []
        self.numbers = count(1)
        self.categories, self.exclusivity, self.exclusive = {}, {}, []

    def programme(self, institution_key, name, cohort):
        key = (institution_key, name, cohort)
        if key not in self.programmes:
            cohorts, institution = Cohorts.read(cohort), self.institutions[institution_key]
            fields = {"cohort": cohorts.first, "cohort_to": cohorts.last, "total_credits": TOTAL_CREDITS}
            self.programmes[key] = Programme(institution=institution, name=name, **fields)
        return self.programmes[key]

    def course(self, institution_key, programme, cohort, **fields):
        key = (institution_key, programme, cohort, fields["code"])
        if key not in self.courses:
            self.courses[key] = Course(programme=self.programme(institution_key, programme, cohort), **fields)
        return self.courses[key]

    def add(self, *, title, course, kind="conversion", status="published", **fields):
        """Add a rule and return its one version, to which `add_groups` or `add_criteria` belong."""
        code = f"GZ{next(self.numbers):06d}"
        rule = ConversionRule(code=code, title=title, kind=kind, institution=course.programme.institution)
        defaults = {"number": 1, "credits": course.credits, "policy_basis": BASIS, "valid_from": VALID_FROM}
        version = RuleVersion(rule=rule, course=course, **defaults | fields)
        self.rules.append(rule)
        self.versions.append(version)
        self.statuses.append(status)
        return version

    def add_groups(self, version, groups):
        """Add what a version asks for: [(how many, [(entry key, thresholds)…])…]."""
        for position, (choose, sources) in enumerate(groups, 1):
            group = RuleGroup(version=version, position=position, choose=choose)
            self.groups.append(group)
            self.sources += [RuleSource(group=group, entry=self.entries[key], **limits) for key, limits in sources]

    def add_criteria(self, version, rows):
        """Add a performance table: [(credits, [{field: TypeField, value or bounds}…])…]."""
        for position, (credits, tests) in enumerate(rows, 1):
            row = CriteriaRow(version=version, position=position, credits=credits)
            self.criteria.append(row)
            self.tests += [CriteriaTest(row=row, **test) for test in tests]

    def add_examples(self, version, examples):
        """Add what a performance table has to answer: [(name, credits or None for no match, {field: value})…]."""
        for name, credits, values in examples:
            example = RuleExample(version=version, name=name, should_match=credits is not None, credits=credits)
            self.examples.append(example)
            self.values += [RuleExampleValue(example=example, field=field, value=v) for field, v in values.items()]

    def add_policies(self, policies):
        """Categories, exclusivity groups and caps that rules refer to; written at once."""
        self.categories = {code: PolicyCategory(code=code, name=name) for code, name in policies["categories"].items()}
        self.exclusivity = {
            row["code"]: self._of_institution(ExclusivityGroup, row) for row in policies["exclusivity_groups"]
        }
        caps = [self._cap(row) for row in policies["caps"]]
        for rows in [self.categories.values(), self.exclusivity.values(), caps]:
            _insert(rows)

    def _of_institution(self, model, row, **fields):
        return model(**row | {"institution": self.institutions[row["institution"]]} | fields)

    def _cap(self, row):
        category = self.categories.get(row.pop("category", None))
        return self._of_institution(ConversionCap, row, policy_category=category, valid_from=VALID_FROM)

    def write(self, *, drafted_by, published_by):
        for version in self.versions:
            version.drafted_by = drafted_by
        for rows in [self.programmes.values(), self.courses.values(), self.rules, self.versions]:
            _insert(rows)
        through = RuleVersion.exclusivity_groups.through
        exclusive = [through(ruleversion=version, exclusivitygroup=group) for version, group in self.exclusive]
        parts = [self.groups, self.sources, self.criteria, self.tests, self.measured, self.examples, self.values]
        for rows in [*parts, exclusive]:
            _insert(rows)
        self._publish(published_by)

    def _publish(self, by):
        """Versions are frozen from here on; only the status of one may still change."""
        marked = list(zip(self.versions, self.statuses, strict=True))
        wanted = [version.pk for version, status in marked if status != RuleVersion.Status.DRAFT]
        RuleVersion.objects.filter(pk__in=wanted).update(
            status=RuleVersion.Status.PUBLISHED, published_by=by, published_at=timezone.now()
        )
        stopped = [version.pk for version, status in marked if status == RuleVersion.Status.SUSPENDED]
        RuleVersion.objects.filter(pk__in=stopped).update(status=RuleVersion.Status.SUSPENDED)


def _insert(rows):
    """Insert rows whose parents have got their ids meanwhile."""
    rows = list(rows)
    for row in rows:
        row._prepare_related_fields_for_save("bulk_create")
    if rows:
        type(rows[0]).objects.bulk_create(rows)


def create_rules(institutions, entries, *, drafted_by, published_by):
    book = Rulebook(institutions, entries)
    book.add_policies(read_json("policies.json"))
    for row in read_json("special_rules.json"):
        _add_special(book, row)
    for row in read_json("performance_rules.json"):
        _add_performance(book, row)
    for row in read_rows("rule_series.csv"):
        _add_series(book, row)
    book.write(drafted_by=drafted_by, published_by=published_by)


def _add_special(book, row):
    groups = [
        (group.get("choose", 1), [(source["entry"], _limits(source)) for source in group["sources"]])
        for group in row["groups"]
    ]
    names = ["status", "valid_to", "credits", "score_policy", "fixed_score", "use_policy", "fills_course_once"]
    options = {name: row[name] for name in names if name in row}
    options["policy_category"] = book.categories.get(row.get("category"))
    version = book.add(title=row["title"], course=_target(book, row), outcome=row["outcome"], **options)
    book.add_groups(version, groups)
    book.exclusive += [(version, book.exclusivity[code]) for code in row.get("exclusive", [])]
    book.measured += [
        ReviewCriterion(version=version, position=position, **criterion)
        for position, criterion in enumerate(row.get("measured", []), 1)
    ]


def _target(book, row):
    institution, programme, cohort, *course = row["target"]
    fields = dict(zip(COURSE_FIELDS, course, strict=True))
    return book.course(institution, programme, cohort, **fields | {"credits": Decimal(fields["credits"])})


def _add_performance(book, row):
    type_ = AchievementType.objects.get(code=row["type"])
    options = {name: row[name] for name in ["use_policy", "fills_course_once"] if name in row}
    version = book.add(
        title=row["title"],
        course=_target(book, row),
        kind=ConversionRule.Kind.PERFORMANCE,
        outcome=row["outcome"],
        achievement_type=type_,
        policy_basis=row.get("basis", BASIS),
        **options,
    )
    fields = {field.key: field for field in TypeField.objects.filter(type=type_)}
    rows = [
        (line["credits"], [test | {"field": fields[test["field"]]} for test in line["tests"]]) for line in row["rows"]
    ]
    book.add_criteria(version, rows)
    book.add_examples(version, _examples(row, fields))


def _examples(row, fields):
    """The worked example of each line, and what no line holds for."""
    lines = [(f"第{n}档", Decimal(line["credits"]), line.get("example")) for n, line in enumerate(row["rows"], 1)]
    lines += [(f"不符合的例子{n}", None, extra) for n, extra in enumerate(row.get("none", []), 1)]
    for name, credits, extra in lines:
        if extra:
            yield name, credits, {fields[key]: value for key, value in extra.items()}


def _limits(source):
    return {name: source[name] for name in SOURCE_FIELDS if name in source}


def _add_series(book, row):
    """As many rules of one certificate as the row says, over institutions, cohorts and programmes."""
    receiving = read_json("receiving.json")
    keys = row["institutions"].split() or receiving["programmes"]
    places = [(key, name) for key in keys for name in receiving["programmes"][key]]
    targets = ((key, name, cohort) for cohort, (key, name) in product(receiving["cohorts"], places))
    for key, name, cohort in islice(targets, int(row["rules"])):
        fields = {"code": row["course_code"], "name": row["course"], "nature": row["nature"]}
        course = book.course(key, name, cohort, credits=Decimal(row["credits"]), **fields)
        institution = book.institutions[key].name
        title = f"{row['label']}证书转{institution}{cohort}级{name}专业{row['course']}"
        version = book.add(title=title, course=course, outcome=row["outcome"])
        book.add_groups(version, [(1, [(row["entry"], {})])])
