"""Import an institution's rules: what is new or differs becomes a draft; published versions are never touched."""

import datetime as dt
from decimal import Decimal

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from accounts.importers.checks import TableChecker
from accounts.importers.columns import ImportFileError
from accounts.importers.reports import Counts, write_report
from accounts.importers.tables import open_table
from conversion.importers.rule_columns import (
    COLUMNS,
    DEFAULTS,
    NEEDED,
    NEEDED_OF_CONVERSION,
    NEEDED_OF_PERFORMANCE,
    OF_RULE,
)
from conversion.importers.rule_parts import Groups, Lines, RowError, performance_types
from conversion.models import (
    Cohorts,
    ConversionRule,
    Course,
    ExclusivityGroup,
    PolicyCategory,
    RuleVersion,
)
from conversion.services.cohorts import CohortError, programme_for
from conversion.services.drafting import DraftExistsError, copy_checks, next_draft
from conversion.services.publishing import write_version_record

LOCK = 0x72756C65  # the first half of the advisory lock's key; the second is the institution
Status, Kind = RuleVersion.Status, ConversionRule.Kind
FIELDS = [
    "achievement_type", "outcome", "credits", "score_policy", "fixed_score", "use_policy", "fills_course_once",
    "policy_category", "policy_basis", "version_selected_by", "valid_from", "valid_to",
]  # fmt: skip
PARTS = {Kind.CONVERSION: Groups(), Kind.PERFORMANCE: Lines()}


def import_rules(*, path, institution, by=None, dry_run=False, report=None, on_progress=None, row_limit=None, name=""):
    """Make drafts of what a file says differently from an institution's rules; return `Counts` of rows.

    The rows of a rule are taken or refused together. All good rules are written or, with `dry_run` or an error, none.
    Raises `ImportFileError` when the file as a whole can't be imported.
    """
    row_limit = row_limit or settings.IMPORT_ROWS_COMMAND
    checker = _RuleChecker(open_table(path, COLUMNS, row_limit=row_limit), COLUMNS)
    _refuse_headings(checker.fields)
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


def _refuse_headings(fields):
    """A file without what every rule needs is refused as a whole, and one with neither sources nor lines."""
    needed = NEEDED + (["place", "field"] if "place" in fields else ["group", "body", "project", "entry"])
    if missing := [COLUMNS.title(field) for field in needed if field not in fields]:
        raise ImportFileError(_("第一行应是列标题,缺少必需的列:%(names)s。"), names="、".join(missing))


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


def _text_at(rows, error):
    """What the cell at fault says, where that is text."""
    value = next(row.get(error.field) for row in rows if row["line"] == error.line)
    return value if isinstance(value, str) else ""


class _Import:
    def __init__(self, checker, institution, by, name):
        self.checker, self.institution, self.by, self.name = checker, institution, by, name
        self.counts = {"created": 0, "updated": 0, "unchanged": 0}
        own = ExclusivityGroup.objects.filter(institution=institution) | ExclusivityGroup.objects.filter(
            institution=None
        )
        self.exclusivity = {group.code: group for group in own}
        self.types = performance_types()
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
                self.checker.refuse(error.line, error.field, error.reason, _text_at(rows, error))
                self.checker.refuse_together(code, error.line)
            except IntegrityError:  # the draft it was about to rewrite has just been published
                self.checker.refuse(rows[0]["line"], "code", _("这条规则刚刚被别人修改或发布,请重新导入。"))
                self.checker.refuse_together(code, rows[0]["line"])
            else:
                self.counts[outcome] += len(rows)
            on_progress(done / len(rules))

    def _known(self, rules):
        return {rule.code: rule for rule in ConversionRule.objects.filter(code__in=rules)}

    def _take_rule(self, code, rows, rule):
        """Bring one rule in line with its rows; return which count it is."""
        line, kind = rows[0]["line"], self._kind(rows[0], rule)
        facts = self._facts(rows, kind)
        self._check(line, rule, facts)
        parts = PARTS[kind].read(rows, facts)
        content = self._content(line, facts, parts) | {"course": self._course(line, facts)}
        wanted = content, self._exclusive(line, facts), parts
        last = rule and self._last(rule)
        said = last and (
            _content_of(last),
            {group.pk for group in last.exclusivity_groups.all()},
            PARTS[kind].said(last),
        )
        if last and (rule.title, said) == (facts["title"], wanted):
            return "unchanged"
        rule = self._rule(code, kind, facts["title"], rule, line)
        if said != wanted:
            self._write(rule, last, wanted, line)
        return "updated" if last else "created"

    def _kind(self, row, rule):
        """A new rule that names a type of 业绩类 is a performance table; a known one stays what it is."""
        if rule:
            return Kind(rule.kind)
        return Kind.PERFORMANCE if row["achievement_type"] else Kind.CONVERSION

    def _rule(self, code, kind, title, rule, line):
        if rule is None:
            try:
                with transaction.atomic():
                    return ConversionRule.objects.create(
                        code=code, title=title, kind=kind, institution=self.institution
                    )
            except IntegrityError:
                raise RowError(line, "code", _("这个编号刚刚被另一条规则使用。")) from None
        if rule.title != title:
            rule.title = title
            rule.save(update_fields=["title"])
        return rule

    # What the rows say -------------------------------------------------------------------------------------------

    def _facts(self, rows, kind):
        """What the rows of a rule say about it; the later ones may leave it out, not say otherwise."""
        first, facts = rows[0], dict(rows[0])
        for row in rows[1:]:
            for field in OF_RULE:
                if row[field] is not None and row[field] != first[field]:
                    reason = _("与同一规则的第%d行不同。") % first["line"]
                    raise RowError(row["line"], field, reason)
        for field in NEEDED + (NEEDED_OF_PERFORMANCE if kind == Kind.PERFORMANCE else NEEDED_OF_CONVERSION):
            if facts[field] is None:
                raise RowError(first["line"], field, _("规则的第一行不能缺这一项。"))
        facts = {field: DEFAULTS.get(field) if facts[field] is None else facts[field] for field in OF_RULE}
        return facts | {"achievement_type": self._type(first["line"], facts["achievement_type"], kind)}

    def _type(self, line, name, kind):
        if kind == Kind.CONVERSION and name:
            raise RowError(line, "achievement_type", _("这条规则是成果转换规则,不能填写业绩类型。"))
        if name and name not in self.types:
            raise RowError(line, "achievement_type", _("没有这个业绩类型,可用:%s。") % self._type_names())
        return self.types[name] if name else None

    def _type_names(self):
        return "、".join(dict.fromkeys(type_.name for type_ in self.types.values()))

    def _check(self, line, rule, facts):
        if rule and rule.institution_id != self.institution.pk:
            raise RowError(line, "code", _("这个编号属于另一机构的规则。"))
        if facts["valid_to"] and facts["valid_to"] < facts["valid_from"]:
            raise RowError(line, "valid_to", _("失效日期不能早于生效日期。"))
        if facts["score_policy"] == RuleVersion.ScorePolicy.FIXED and not facts["fixed_score"]:
            raise RowError(line, "fixed_score", _("请填写固定成绩。"))

    def _course(self, line, facts):
        """The course of the file, made with its programme where it is missing."""
        programme = self._programme(line, facts)
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

    def _programme(self, line, facts):
        credits = facts["programme_credits"] and Decimal(facts["programme_credits"])
        try:
            programme, _made = programme_for(
                institution=self.institution,
                name=facts["programme"],
                cohorts=Cohorts.read(facts["cohort"]),
                total_credits=credits,
            )
        except CohortError as error:
            raise RowError(line, "cohort", error.message) from None
        if credits not in (None, programme.total_credits):
            known = programme.total_credits or _("没有登记")
            reason = _("这个专业现在的毕业学分是“%s”,请先在“专业”中修改。") % known
            raise RowError(line, "programme_credits", reason)
        return programme

    def _content(self, line, facts, parts):
        category = facts["policy_category"]
        if category and category not in self.categories:
            raise RowError(line, "policy_category", _("没有这个政策类别。"))
        return {name: facts[name] for name in FIELDS} | {
            "credits": self._credits(facts, parts),
            "fixed_score": facts["fixed_score"] or "",
            "policy_basis": facts["policy_basis"] or "",
            "fills_course_once": facts["fills_course_once"] == "true",
            "policy_category": self.categories[category] if category else None,
            "valid_from": dt.date.fromisoformat(facts["valid_from"]),
            "valid_to": facts["valid_to"] and dt.date.fromisoformat(facts["valid_to"]),
        }

    def _credits(self, facts, parts):
        """What the rule gives; of a table, where the file doesn't say, what its best line does."""
        if facts["credits"] is None:
            return max(credits for credits, _tests in parts.values())
        return Decimal(facts["credits"])

    def _exclusive(self, line, facts):
        codes = set(filter(None, (facts["exclusivity_groups"] or "").split(";")))
        if unknown := codes - self.exclusivity.keys():
            raise RowError(line, "exclusivity_groups", _("没有这个代码的互斥组:%s。") % min(unknown))
        return {self.exclusivity[code].pk for code in codes}

    # Writing -----------------------------------------------------------------------------------------------------

    def _last(self, rule):
        versions = rule.versions.select_related("course", "policy_category", "achievement_type").with_sources()
        return versions.order_by("-number").first()

    def _write(self, rule, last, wanted, line):
        content, exclusive, parts = wanted
        draft = self._draft(rule, last, content, line)
        draft.exclusivity_groups.set(exclusive)
        PARTS[Kind(rule.kind)].write(draft, parts)

    def _draft(self, rule, last, content, line):
        """An empty draft with this content; one's own that differs is rewritten, somebody else's is not."""
        if last and last.status == Status.DRAFT and last.drafted_by == self.by:
            return self._emptied(last, content)
        try:
            draft = next_draft(rule=rule, by=self.by, reason=self._reason(), **content)
        except DraftExistsError as error:
            words = {"number": error.draft.number, "by": error.draft.drafted_by or _("命令行")}
            raise RowError(line, "code", _("已有%(by)s起草的草稿第%(number)d版,请先发布或删除它。") % words) from None
        if last:
            copy_checks(last, draft)
        return draft

    def _emptied(self, draft, content):
        draft.groups.all().delete()
        draft.criteria.all().delete()
        for name, value in content.items():
            setattr(draft, name, value)
        draft.save()
        write_version_record(version=draft, action="drafted", by=self.by, reason=self._reason())
        return draft

    def _reason(self):
        return _("导入%s") % self.name


def _content_of(version):
    """The fields of a stored version, in the shapes of a file's."""
    return {name: getattr(version, name) for name in [*FIELDS, "course"]}
