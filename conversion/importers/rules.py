"""Import an institution's rules: what is new or differs becomes a draft; published versions are never touched."""

import datetime as dt
from decimal import Decimal

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _

from accounts.importers.checks import TableChecker
from accounts.importers.reports import Counts, write_report
from accounts.importers.tables import open_table
from achievements.models import CatalogueEntry
from conversion.importers.rule_columns import COLUMNS, DEFAULTS, NEEDED, OF_RULE
from conversion.models import (
    ConversionRule,
    Course,
    ExclusivityGroup,
    PolicyCategory,
    Programme,
    RuleGroup,
    RuleSource,
    RuleVersion,
)
from conversion.services.drafting import copy_checks, next_draft
from conversion.services.publishing import write_version_record

LOCK = 0x72756C65  # the first half of the advisory lock's key; the second is the institution
Status, Kind = RuleVersion.Status, ConversionRule.Kind
FIELDS = [
    "outcome", "credits", "score_policy", "fixed_score", "use_policy", "fills_course_once", "policy_category",
    "policy_basis", "version_selected_by", "valid_from", "valid_to",
]  # fmt: skip
NUMBERS = {"min_score": Decimal, "min_framework_level": int, "max_age_months": int}
DATES = ["obtained_from", "obtained_to"]


def import_rules(*, path, institution, by=None, dry_run=False, report=None, on_progress=None, row_limit=None, name=""):
    """Make drafts of what a file says differently from an institution's rules; return `Counts` of rows.

    The rows of a rule are taken or refused together. All good rules are written or, with `dry_run` or an error, none.
    Raises `ImportFileError` when the file as a whole can't be imported.
    """
    row_limit = row_limit or settings.IMPORT_ROWS_COMMAND
    checker = _RuleChecker(open_table(path, COLUMNS, row_limit=row_limit), COLUMNS)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, institution.pk % 2**31])
        importing = _Import(checker, institution, by, name)
        importing.take(checker.rules(row_limit), on_progress or (lambda share: None))
        if dry_run:
            transaction.set_rollback(True)
    if report:
        write_report(report, sorted(checker.refusals, key=COLUMNS.place))
    return Counts(**importing.counts, refused=checker.refused, rows=checker.rows)


class RowError(Exception):
    """What speaks against a line of a rule; `field` is the column to blame."""

    def __init__(self, line, field, reason):
        super().__init__(reason)
        self.line, self.field, self.reason = line, field, reason


class _RuleChecker(TableChecker):
    """Keeps which rule each line is of, the refused ones included: a rule isn't imported in part."""

    def __init__(self, table, columns):
        super().__init__(table, columns)
        self.lines = {}

    def check_across(self, frame, raw, found):
        for line, code in frame.select("line", "code").iter_rows():
            self.lines.setdefault(code, []).append(line)
        return frame

    def rules(self, row_limit):
        """{code: [row…]} of the rules whose every row is good, in the file's order; the others' rows are refused."""
        rules = {}
        for rows in self.good_rows(row_limit=row_limit):
            for row in rows.iter_rows(named=True):
                rules.setdefault(row["code"], []).append(row)
        refused = {refusal.line for refusal in self.refusals}
        for code in [code for code, lines in self.lines.items() if refused.intersection(lines)]:
            rules.pop(code, None)
            self.refuse_together(code, min(refused.intersection(self.lines[code])))
        return rules

    def refuse_together(self, code, culprit):
        """Refuse the other rows of a rule for the sake of one."""
        told = {refusal.line for refusal in self.refusals}
        for line in self.lines[code] if code else ():
            if line not in told:
                self.refuse(line, "code", _("同一规则的第%d行有错,整条规则没有导入。") % culprit)


class _Import:
    def __init__(self, checker, institution, by, name):
        self.checker, self.institution, self.by, self.name = checker, institution, by, name
        self.counts = {"created": 0, "updated": 0, "unchanged": 0}
        own = ExclusivityGroup.objects.filter(institution=institution) | ExclusivityGroup.objects.filter(
            institution=None
        )
        self.exclusivity = {group.code: group for group in own}
        self.categories = {}
        for category in PolicyCategory.objects.all():
            self.categories |= {category.name: category, category.code: category}

    def take(self, rules, on_progress):
        known = self._known(rules)
        for done, (code, rows) in enumerate(rules.items(), 1):
            try:
                with transaction.atomic():
                    outcome = self._take_rule(code, rows, known.get(code))
            except RowError as error:
                self.checker.refuse(error.line, error.field, error.reason)
                self.checker.refuse_together(code, error.line)
            else:
                self.counts[outcome] += len(rows)
            on_progress(done / len(rules))

    def _known(self, rules):
        return {rule.code: rule for rule in ConversionRule.objects.filter(code__in=rules)}

    def _take_rule(self, code, rows, rule):
        """Bring one rule in line with its rows; return which count it is."""
        facts, groups = self._facts(rows), self._groups(rows)
        self._check(rows[0]["line"], rule, facts)
        course = self._course(rows[0]["line"], facts)
        content = self._content(rows[0]["line"], facts) | {"course": course}
        exclusive = self._exclusive(rows[0]["line"], facts)
        last = rule and self._last(rule)
        if last and (rule.title, _said(last)) == (facts["title"], (content, exclusive, groups)):
            return "unchanged"
        if rule is None:
            rule = ConversionRule.objects.create(code=code, title=facts["title"], institution=self.institution)
        elif rule.title != facts["title"]:
            rule.title = facts["title"]
            rule.save(update_fields=["title"])
        if not last or _said(last) != (content, exclusive, groups):
            self._write(rule, last, content, exclusive, groups, rows[0]["line"])
        return "updated" if last else "created"

    # What the rows say -------------------------------------------------------------------------------------------

    def _facts(self, rows):
        """What the rows of a rule say about it; the later ones may leave it out, not say otherwise."""
        first, facts = rows[0], dict(rows[0])
        for row in rows[1:]:
            for field in OF_RULE:
                if row[field] is not None and row[field] != first[field]:
                    reason = _("与同一规则的第%d行不同。") % first["line"]
                    raise RowError(row["line"], field, reason)
        for field in NEEDED:
            if facts[field] is None:
                raise RowError(first["line"], field, _("规则的第一行不能缺这一项。"))
        return {field: DEFAULTS.get(field) if facts[field] is None else facts[field] for field in OF_RULE}

    def _groups(self, rows):
        """{position: (choose, {entry id: thresholds})}."""
        groups, entries = {}, self._entries(rows)
        for row in rows:
            position, choose = int(row["group"]), row["choose"] and int(row["choose"])
            before, sources = groups.get(position, (None, {}))
            if None not in (before, choose) and before != choose:
                raise RowError(row["line"], "choose", _("与同一成果组的前一行不同。"))
            entry = self._entry(row, entries)
            if entry in sources:
                raise RowError(row["line"], "entry", _("同一成果组中这项成果重复。"))
            groups[position] = (before or choose, sources | {entry: _thresholds(row)})
        return {
            position: (self._chosen(rows, position, *groups[position]), groups[position][1]) for position in groups
        }

    def _chosen(self, rows, position, choose, sources):
        choose = choose or 1
        if choose > len(sources):
            line = next(row["line"] for row in rows if int(row["group"]) == position)
            raise RowError(line, "choose", _("需要的项数多于这一组列出的成果。"))
        return choose

    def _entries(self, rows):
        names = {row["entry"] for row in rows}
        entries = CatalogueEntry.objects.filter(name__in=names, status=CatalogueEntry.Status.APPROVED)
        keys = entries.values_list("institution__bank_code", "project_name", "name", "pk")
        return {(body, project, name): pk for body, project, name, pk in keys}

    def _entry(self, row, entries):
        try:
            return entries[row["body"], row["project"], row["entry"]]
        except KeyError:
            raise RowError(row["line"], "entry", _("成果名录中没有这个机构、项目和名称的成果。")) from None

    def _check(self, line, rule, facts):
        if rule and rule.institution_id != self.institution.pk:
            raise RowError(line, "code", _("这个编号属于另一机构的规则。"))
        if rule and rule.kind != Kind.CONVERSION:
            raise RowError(line, "code", _("业绩类规则不能由文件导入。"))
        if facts["valid_to"] and facts["valid_to"] < facts["valid_from"]:
            raise RowError(line, "valid_to", _("失效日期不能早于生效日期。"))
        if facts["score_policy"] == RuleVersion.ScorePolicy.FIXED and not facts["fixed_score"]:
            raise RowError(line, "fixed_score", _("请填写固定成绩。"))

    def _course(self, line, facts):
        """The course of the file, made with its programme where it is missing."""
        key = {"name": facts["programme"], "cohort": facts["cohort"]}
        programme, _made = Programme.objects.get_or_create(institution=self.institution, **key)
        course = Course.objects.filter(programme=programme, code=facts["course"]).first()
        if course is None:
            for field in ["course_name", "course_credits"]:
                if facts[field] is None:
                    raise RowError(line, field, _("还没有这门课程,新建时要填写课程名称和学分。"))
            return Course.objects.create(
                programme=programme,
                code=facts["course"],
                name=facts["course_name"],
                credits=facts["course_credits"],
                nature=facts["course_nature"] or Course.Nature.REQUIRED,
            )
        if facts["course_name"] not in (None, course.name):
            raise RowError(line, "course_name", _("这个代码的课程名称是“%s”。") % course.name)
        return course

    def _content(self, line, facts):
        category = facts["policy_category"]
        if category and category not in self.categories:
            raise RowError(line, "policy_category", _("没有这个政策类别。"))
        return {name: facts[name] for name in FIELDS} | {
            "credits": Decimal(facts["credits"]),
            "fixed_score": facts["fixed_score"] or "",
            "policy_basis": facts["policy_basis"] or "",
            "fills_course_once": facts["fills_course_once"] == "true",
            "policy_category": self.categories[category] if category else None,
            "valid_from": dt.date.fromisoformat(facts["valid_from"]),
            "valid_to": facts["valid_to"] and dt.date.fromisoformat(facts["valid_to"]),
        }

    def _exclusive(self, line, facts):
        codes = set(filter(None, (facts["exclusivity_groups"] or "").split(";")))
        if unknown := codes - self.exclusivity.keys():
            raise RowError(line, "exclusivity_groups", _("没有这个代码的互斥组:%s。") % min(unknown))
        return {self.exclusivity[code].pk for code in codes}

    # Writing -----------------------------------------------------------------------------------------------------

    def _last(self, rule):
        versions = rule.versions.select_related("course", "policy_category").with_sources()
        return versions.order_by("-number").first()

    def _write(self, rule, last, content, exclusive, groups, line):
        """A new draft; one's own that differs is replaced, somebody else's is not."""
        if last and last.status == Status.DRAFT:
            if last.drafted_by != self.by:
                words = {"number": last.number, "by": last.drafted_by or _("命令行")}
                raise RowError(line, "code", _("已有%(by)s起草的草稿第%(number)d版,请先发布或删除它。") % words)
            draft = self._replaced(last, content)
        else:
            draft = next_draft(rule=rule, by=self.by, reason=self._reason(), **content)
            if last:
                copy_checks(last, draft)
        draft.exclusivity_groups.set(exclusive)
        for position, (choose, sources) in sorted(groups.items()):
            group = RuleGroup.objects.create(version=draft, position=position, choose=choose)
            RuleSource.objects.bulk_create(
                RuleSource(group=group, entry_id=entry, **limits) for entry, limits in sources.items()
            )

    def _replaced(self, draft, content):
        draft.groups.all().delete()
        for name, value in content.items():
            setattr(draft, name, value)
        draft.save()
        write_version_record(version=draft, action="drafted", by=self.by, reason=self._reason())
        return draft

    def _reason(self):
        return _("导入%s") % self.name


def _thresholds(row):
    numbers = {name: row[name] and kind(row[name]) for name, kind in NUMBERS.items()}
    return numbers | {name: row[name] and dt.date.fromisoformat(row[name]) for name in DATES}


def _said(version):
    """What a stored version says, in the shapes of a file's: (content, exclusivity groups, groups of sources)."""
    content = {name: getattr(version, name) for name in [*FIELDS, "course"]}
    groups = {
        group.position: (
            group.choose,
            {
                source.entry_id: {name: getattr(source, name) for name in [*NUMBERS, *DATES]}
                for source in group.sources.all()
            },
        )
        for group in version.groups.all()
    }
    return content, {group.pk for group in version.exclusivity_groups.all()}, groups
