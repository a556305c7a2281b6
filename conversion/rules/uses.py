"""What is taken already: the conditions behind 「已使用」, for a learner as a whole and for one achievement."""

from django.utils.translation import gettext as _

from conversion.models import ExclusivityGroup
from conversion.rules.conditions import Condition
from conversion.rules.events import event_key
from conversion.rules.situation import course_key, family_key, group_key, rule_key


def _use(code, label, required, remedy, is_free):
    actual = _("未使用") if is_free else _("已有申请")
    return Condition(code, label, required, actual, is_free, "" if is_free else remedy)


def learner_conditions(version, groups, situation):
    """Whether the rule, its course and its groups are still free for the learner, whatever the achievement."""
    keys, conditions = situation.keys, []
    if version.use_policy == version.UsePolicy.ONCE:
        remedy = _("本规则每人只能使用一次,已有申请在办理或已通过")
        conditions.append(_use("once", _("使用次数"), _("每人一次"), remedy, rule_key(version) not in keys))
    if version.fills_course_once:
        remedy = _("课程“%s”已有转换申请,不能重复转换") % version.course.name
        conditions.append(_use("course", _("目标课程"), _("每人一次"), remedy, course_key(version) not in keys))
    of_learner = [group for group in groups if group.scope == ExclusivityGroup.Scope.LEARNER]
    return conditions + [_group(group, group_key(group) not in keys) for group in of_learner]


def _group(group, is_free):
    remedy = _("互斥组“%s”中只能使用一条规则") % group.name
    return _use("group", _("互斥规则"), _("“%s”中只使用一条") % group.name, remedy, is_free)


def own_condition(version, groups, achievement, situation):
    """Why an achievement itself is used up for the version, as a `Condition` that isn't met; None when it is free."""
    if (achievement.line, version.rule_id) in situation.pairs:
        return _used_up("pair", achievement, _("“%s”已用于本规则的申请"))
    if family_key(version, achievement) in situation.keys:
        return _used_up("repeat", achievement, _("与“%s”同系列的成果已用于本课程"))
    if event_key(version, situation.event) in situation.keys:
        return _used_up("event", achievement, _("与“%s”同一赛事的成果已向这个机构申请转换"))
    for group in groups:
        if group.scope == ExclusivityGroup.Scope.ACHIEVEMENT and group_key(group, achievement) in situation.keys:
            return _group(group, is_free=False)
    return None


def _used_up(code, achievement, remedy):
    return Condition(code, _("成果使用"), _("未用过的成果"), achievement.name, False, remedy % achievement.name)
