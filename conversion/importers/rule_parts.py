"""What a version consists of beside its own fields, from the rows of a file and to its tables: groups of sources, or
the lines of a performance table. Each is read into plain dicts that compare with what a stored version says."""

import datetime as dt
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from achievements.models import AchievementType, CatalogueEntry
from conversion.importers.rule_columns import SOURCE_FIELDS, TABLE_FIELDS
from conversion.models import CriteriaRow, CriteriaTest, RuleGroup, RuleSource

NUMBERS = {"min_score": Decimal, "min_framework_level": int, "max_age_months": int}
DATES = ["obtained_from", "obtained_to"]


class RowError(Exception):
    """What speaks against a line of a rule; `field` is the column to blame."""

    def __init__(self, line, field, reason):
        super().__init__(reason)
        self.line, self.field, self.reason = line, field, reason


def _need(row, *fields):
    for field in fields:
        if row[field] is None:
            raise RowError(row["line"], field, _("不能为空。"))


def _leave(row, fields, reason):
    for field in fields:
        if row[field] is not None:
            raise RowError(row["line"], field, reason)


class Groups:
    """The groups of a conversion rule: {position: (choose, {entry id: thresholds})}."""

    def read(self, rows, facts):
        groups, entries = {}, self._entries(rows)
        for row in rows:
            _leave(row, TABLE_FIELDS, _("只有业绩类规则填写业绩标准。"))
            _need(row, "group", "body", "project", "entry")
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

    def said(self, version):
        return {
            group.position: (
                group.choose,
                {
                    source.entry_id: {name: getattr(source, name) for name in [*NUMBERS, *DATES]}
                    for source in group.sources.all()
                },
            )
            for group in version.groups.all()
        }

    def write(self, draft, groups):
        for position, (choose, sources) in sorted(groups.items()):
            group = RuleGroup.objects.create(version=draft, position=position, choose=choose)
            RuleSource.objects.bulk_create(
                RuleSource(group=group, entry_id=entry, **limits) for entry, limits in sources.items()
            )


def _thresholds(row):
    numbers = {name: row[name] and kind(row[name]) for name, kind in NUMBERS.items()}
    limits = numbers | {name: row[name] and dt.date.fromisoformat(row[name]) for name in DATES}
    try:
        RuleSource(**limits).clean()
    except ValidationError as error:
        ((field, (reason, *_others)),) = error.message_dict.items()
        raise RowError(row["line"], field, reason) from None
    return limits


class Lines:
    """The lines of a performance table: {position: (credits, {field id: (value, least, most)})}."""

    def read(self, rows, facts):
        table, fields = {}, self._fields(rows[0]["line"], facts)
        for row in rows:
            _leave(row, SOURCE_FIELDS, _("业绩类规则不填写来源成果。"))
            _need(row, "place", "field")
            position, credits = int(row["place"]), row["place_credits"] and Decimal(row["place_credits"])
            before, tests = table.get(position, (None, {}))
            if None not in (before, credits) and before != credits:
                raise RowError(row["line"], "place_credits", _("与同一档的前一行不同。"))
            if before is None and credits is None:
                raise RowError(row["line"], "place_credits", _("每一档的第一行要填写学分。"))
            field = self._field(row, fields)
            if field.pk in tests:
                raise RowError(row["line"], "field", _("同一档中这个附加项重复。"))
            table[position] = (credits if before is None else before, tests | {field.pk: self._test(row)})
        return table

    def _fields(self, line, facts):
        """{label or key: field} of the rule's type."""
        type_ = facts["achievement_type"]
        fields = list(type_.extra_fields.filter(is_active=True))
        return {field.key: field for field in fields} | {field.label: field for field in fields}

    def _field(self, row, fields):
        try:
            return fields[row["field"]]
        except KeyError:
            known = "、".join(dict.fromkeys(field.label for field in fields.values()))
            raise RowError(row["line"], "field", _("这个业绩类型没有这个附加项,可用:%s。") % known) from None

    def _test(self, row):
        least, most = (row[name] and Decimal(row[name]) for name in ("least", "most"))
        if (row["value"], least, most) == (None, None, None):
            raise RowError(row["line"], "value", _("请填写要求:等于、不小于或不大于。"))
        if None not in (least, most) and least > most:
            raise RowError(row["line"], "least", _("“不小于”不能大于“不大于”。"))
        return row["value"] or "", least, most

    def said(self, version):
        return {
            row.position: (
                row.credits,
                {test.field_id: (test.value, test.min_number, test.max_number) for test in row.tests.all()},
            )
            for row in version.criteria.all()
        }

    def write(self, draft, table):
        for position, (credits, tests) in sorted(table.items()):
            row = CriteriaRow.objects.create(version=draft, position=position, credits=credits)
            CriteriaTest.objects.bulk_create(
                CriteriaTest(row=row, field_id=field, value=value, min_number=least, max_number=most)
                for field, (value, least, most) in tests.items()
            )


def performance_types():
    """{code or name: type} of the types that tables are about."""
    types = list(AchievementType.objects.filter(is_performance=True))
    return {type_.name: type_ for type_ in types} | {type_.code: type_ for type_ in types}
