"""The columns of a file of rules, read and written by the same words, so that an export imports as it is.

One row per source, of a performance table one per test of a line; the rows of a rule have the same code and say the
same about the rule, or leave it empty after the first.
"""

import re
from functools import partial

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.importers.cells import chosen, day, decimal, plain_text, short_code, yes_or_no
from accounts.importers.columns import SPREADSHEET_DIGITS, Column, Columns
from achievements.importers.catalogue_columns import escaped, unescaped
from achievements.models.types import plain
from conversion.models import Cohorts, Course, RuleVersion
from conversion.models.rule import LONGEST_AGE

SEPARATORS = re.compile("[;；]")


def _text(text, *, most):
    return plain_text(unescaped(text), most=most)


def _code(text, *, most):
    return short_code(unescaped(text), most=most)


def _cohort(text):
    """2018 and 2018级 are one cohort, 2018-2020 and 2018至2020 the same ones."""
    return str(Cohorts.read(unescaped(text)))


def _whole(text, *, least, most):
    number = int(decimal(text, most=most, places=0))
    if number < least:
        raise ValidationError(_("数字应在%(least)s到%(most)s之间。") % {"least": least, "most": most})
    return str(number)


def _codes(text):
    """Codes of exclusivity groups, with semicolons between; sorted, since their order means nothing."""
    codes = {short_code(code, most=30) for code in SEPARATORS.split(text) if code.strip()}
    return ";".join(sorted(codes))


def _choice(field, choices, heading):
    values = {str(label): value for value, label in choices}
    return Column(field, heading, partial(chosen, values=values, names=heading), blank=None)


RULE_COLUMNS = [
    Column("code", _("规则编号"), partial(_code, most=30), required=True, digits=SPREADSHEET_DIGITS),
    Column("title", _("规则名称"), partial(_text, most=300), blank=None),
    Column("programme", _("专业"), partial(_text, most=100), blank=None),
    Column("cohort", _("年级"), _cohort, blank=None),
    Column("programme_credits", _("毕业学分"), partial(decimal, most=9999, places=1), blank=None),
    Column("course", _("课程代码"), partial(_code, most=30), blank=None, digits=SPREADSHEET_DIGITS),
    Column("course_name", _("课程名称"), partial(_text, most=100), blank=None),
    Column("course_credits", _("课程学分"), partial(decimal, most=9999, places=1), blank=None),
    _choice("course_nature", Course.Nature.choices, _("课程性质")),
    Column("achievement_type", _("业绩类型"), partial(_text, most=60), blank=None),
    _choice("outcome", RuleVersion.Outcome.choices, _("转换结果")),
    Column("credits", _("转换学分"), partial(decimal, most=9999, places=1), blank=None),
    _choice("score_policy", RuleVersion.ScorePolicy.choices, _("成绩办法")),
    Column("fixed_score", _("固定成绩"), partial(_text, most=20), blank=None),
    _choice("use_policy", RuleVersion.UsePolicy.choices, _("使用次数")),
    Column("fills_course_once", _("课程只能转换一次"), yes_or_no, blank=None),
    Column("exclusivity_groups", _("互斥组"), _codes, blank=None),
    Column("policy_category", _("政策类别"), partial(_code, most=30), blank=None),
    Column("policy_basis", _("政策依据"), partial(_text, most=200), blank=None),
    _choice("version_selected_by", RuleVersion.SelectedBy.choices, _("有效期的含义")),
    Column("valid_from", _("生效日期"), day, blank=None),
    Column("valid_to", _("失效日期"), day, blank=None),
]
SOURCE_COLUMNS = [
    Column("group", _("成果组"), partial(_whole, least=1, most=99), blank=None),
    Column("choose", _("需要几项"), partial(_whole, least=1, most=99), blank=None),
    Column("body", _("来源机构代码"), partial(_code, most=9), blank=None),
    Column("project", _("项目名称"), partial(_text, most=100), blank=None),
    Column("entry", _("成果名称"), partial(_text, most=200), blank=None),
    Column("min_score", _("最低成绩"), partial(decimal, most=9999, places=2), blank=None),
    Column("min_framework_level", _("最低资历框架等级"), partial(_whole, least=1, most=7), blank=None),
    Column("obtained_from", _("取得时间不早于"), day, blank=None),
    Column("obtained_to", _("取得时间不晚于"), day, blank=None),
    Column("max_age_months", _("取得后多少个月内有效"), partial(_whole, least=0, most=LONGEST_AGE), blank=None),
]
TABLE_COLUMNS = [
    Column("place", _("档"), partial(_whole, least=1, most=999), blank=None),
    Column("place_credits", _("档学分"), partial(decimal, most=9999, places=1), blank=None),
    Column("field", _("附加项"), partial(_text, most=30), blank=None),
    Column("value", _("等于"), partial(_text, most=60), blank=None),
    Column("least", _("不小于"), partial(decimal, most=9_999_999, places=1), blank=None),
    Column("most", _("不大于"), partial(decimal, most=9_999_999, places=1), blank=None),
]
# For the reader of an export; an import doesn't look at them.
TOLD_COLUMNS = [Column("number", _("版本")), Column("status", _("状态"))]
COLUMNS = Columns([*RULE_COLUMNS, *SOURCE_COLUMNS, *TABLE_COLUMNS, *TOLD_COLUMNS])
OF_RULE = [column.field for column in RULE_COLUMNS]
SOURCE_FIELDS = [column.field for column in SOURCE_COLUMNS]
TABLE_FIELDS = [column.field for column in TABLE_COLUMNS]
NEEDED = ["title", "programme", "cohort", "course", "outcome", "valid_from"]
NEEDED_OF_CONVERSION = ["credits"]
NEEDED_OF_PERFORMANCE = ["achievement_type"]
DEFAULTS = {
    "score_policy": RuleVersion.ScorePolicy.PASS.value,
    "use_policy": RuleVersion.UsePolicy.ONCE.value,
    "fills_course_once": "true",
    "version_selected_by": RuleVersion.SelectedBy.SUBMISSION.value,
}


def column_sets():
    """[(about what, headings)…], for who makes a file; what a rule's first row, or each row, can't lack has a star."""
    needed = {"code", *NEEDED, "group", "body", "project", "entry", "place", "place_credits", "field"}
    sets = [
        (_("每条规则"), RULE_COLUMNS),
        (_("成果转换规则:每行一项来源成果"), SOURCE_COLUMNS),
        (_("业绩类规则:每行一项要求,同一档的各项都要满足"), TABLE_COLUMNS),
    ]
    return [(about, [column.title + "*" * (column.field in needed) for column in columns]) for about, columns in sets]


def titles():
    required = {*NEEDED, *NEEDED_OF_CONVERSION}
    return [column.title + "*" * (column.required or column.field in required) for column in COLUMNS]


def rows_of(version):
    """The lines of a version (`with_target`, `with_sources`, type, category, criteria), as lists of cells."""
    course, programme = version.course, version.course.programme
    rule = {
        "code": version.rule.code,
        "title": version.rule.title,
        "programme": programme.name,
        "cohort": programme.cohorts,
        "programme_credits": None if programme.total_credits is None else plain(programme.total_credits),
        "course": course.code,
        "course_name": course.name,
        "course_credits": plain(course.credits),
        "course_nature": course.get_nature_display(),
        "achievement_type": version.achievement_type.name if version.achievement_type else "",
        "outcome": version.get_outcome_display(),
        "credits": plain(version.credits),
        "score_policy": version.get_score_policy_display(),
        "fixed_score": version.fixed_score,
        "use_policy": version.get_use_policy_display(),
        "fills_course_once": "是" if version.fills_course_once else "否",
        "exclusivity_groups": ";".join(sorted(group.code for group in version.exclusivity_groups.all())),
        "policy_category": version.policy_category.code if version.policy_category else "",
        "policy_basis": version.policy_basis,
        "version_selected_by": version.get_version_selected_by_display(),
        "valid_from": version.valid_from,
        "valid_to": version.valid_to,
        "number": version.number,
        "status": version.get_status_display(),
    }
    for group in version.groups.all():
        for source in group.sources.all():
            yield _cells(rule | _source_of(group, source))
    for row in version.criteria.all():
        line = {"place": row.position, "place_credits": plain(row.credits)}
        for test in row.tests.all() or [None]:
            yield _cells(rule | line | (_test_of(test) if test else {}))


def _source_of(group, source):
    return {
        "group": group.position,
        "choose": group.choose,
        "body": source.entry.institution.bank_code,
        "project": source.entry.project_name,
        "entry": source.entry.name,
        "min_score": None if source.min_score is None else plain(source.min_score),
        "min_framework_level": source.min_framework_level,
        "obtained_from": source.obtained_from,
        "obtained_to": source.obtained_to,
        "max_age_months": source.max_age_months,
    }


def _test_of(test):
    least, most = (None if number is None else plain(number) for number in (test.min_number, test.max_number))
    return {"field": test.field.label, "value": test.value, "least": least, "most": most}


def _cells(values):
    cells = [values.get(column.field) for column in COLUMNS]
    return [escaped("" if cell is None else str(cell)) for cell in cells]
