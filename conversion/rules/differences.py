"""What one version of a rule says that another doesn't. Reads only."""

from typing import NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from conversion.models import RuleVersion
from conversion.rules.scores import plain_score

FIELDS = [
    "course",
    "achievement_type",
    "outcome",
    "credits",
    "score_policy",
    "fixed_score",
    "use_policy",
    "fills_course_once",
    "policy_category",
    "policy_basis",
    "version_selected_by",
    "valid_from",
    "valid_to",
]
SECTIONS = [
    gettext_lazy("规则内容"),
    gettext_lazy("成果组"),
    gettext_lazy("来源成果"),
    gettext_lazy("业绩标准"),
    gettext_lazy("互斥组"),
    gettext_lazy("审核指标"),
    gettext_lazy("例子"),
]
CONTENT, GROUPS, SOURCES, CRITERIA, EXCLUSIVITY, REVIEW, EXAMPLES = range(len(SECTIONS))


class Fact(NamedTuple):
    """One thing a version says: a field, a source and its thresholds, a line of a table."""

    place: int
    label: str
    text: str


class Change(NamedTuple):
    """A fact that differs; `before` or `after` is empty for what came new or is gone."""

    section: str
    label: str
    before: str
    after: str

    @property
    def kind(self):
        if not self.before:
            return "added"
        return "changed" if self.after else "removed"

    @property
    def kind_label(self):
        return {"added": _("新增"), "changed": _("修改"), "removed": _("删除")}[self.kind]


def differences(before, after, *, for_staff=False):
    """The `Change`s from one version to another; review criteria and examples are told to staff only."""
    old, new = facts_of(before, for_staff=for_staff), facts_of(after, for_staff=for_staff)
    found = [(key, old.get(key), new.get(key)) for key in dict.fromkeys([*old, *new]) if old.get(key) != new.get(key)]
    found.sort(key=lambda row: (row[1] or row[2]).place)
    return [_change(was, is_now) for _key, was, is_now in found]


def _change(was, is_now):
    fact = is_now or was
    return Change(str(SECTIONS[fact.place]), fact.label, was.text if was else "", is_now.text if is_now else "")


def facts_of(version, *, for_staff=False):
    """{key: `Fact`} of a version; equal keys of two versions are the same thing."""
    facts = dict(_content(version)) | dict(_groups(version)) | dict(_criteria(version))
    for group in version.exclusivity_groups.all():
        facts["exclusivity", group.pk] = Fact(EXCLUSIVITY, group.name, group.get_scope_display())
    return facts | dict(_for_staff(version)) if for_staff else facts


def _content(version):
    for name in FIELDS:
        field = RuleVersion._meta.get_field(name)
        yield ("field", name), Fact(CONTENT, str(field.verbose_name), _shown(version, field))


def _shown(version, field):
    value = getattr(version, field.name)
    if field.name == "course":
        return f"{value.programme} {value.name}({value.code})"
    if isinstance(value, bool):
        return _("是") if value else _("否")
    if field.choices:
        return str(getattr(version, f"get_{field.name}_display")())
    return str(value) if value not in (None, "") else _("(无)")


def _groups(version):
    for group in version.groups.all():
        label = _("第%d组") % group.position
        sources = list(group.sources.all())
        counted = _("%(total)d 项中任选 %(choose)d 项") % {"total": len(sources), "choose": group.choose}
        yield ("group", group.position), Fact(GROUPS, label, counted)
        for source in sources:
            name = _("%(group)s:%(entry)s") % {"group": label, "entry": source.entry}
            yield ("source", group.position, source.entry_id), Fact(SOURCES, name, threshold_words(source))


def threshold_words(source):
    """What an achievement of a source has to meet, in a line."""
    return ";".join(thresholds(source))


def thresholds(source):
    """What an achievement of a source has to meet, each threshold in words."""
    words = [
        (source.min_score if source.min_score is None else plain_score(source.min_score), _("成绩不低于 %s")),
        (source.min_framework_level, _("资历框架等级不低于 %s 级")),
        (source.obtained_from, _("取得时间不早于 %s")),
        (source.obtained_to, _("取得时间不晚于 %s")),
        (source.max_age_months, _("取得后 %s 个月内")),
    ]
    return [text % value for value, text in words if value is not None] or [_("取得即可")]


def _criteria(version):
    for row in version.criteria.all():
        label = _("第%d档") % row.position
        text = _("%(tests)s:%(credits)s 学分") % {"tests": row, "credits": row.credits}
        yield ("criteria", row.position), Fact(CRITERIA, label, text)


def _for_staff(version):
    for criterion in version.review_criteria.all():
        yield ("review", criterion.label), Fact(REVIEW, criterion.label, str(criterion))
    for example in version.examples.all():
        items = [_item(item) for item in example.items.all()] + [str(value) for value in example.values.all()]
        items += [_("取得时间 %s") % example.obtained_on] if example.obtained_on else []
        yield ("example", example.name), Fact(EXAMPLES, example.name, f"{example.expected}:{'、'.join(items)}")


def _item(item):
    score = "" if item.score is None else _(" %s分") % item.score
    return f"{item.entry}{score}({item.obtained_on})"
