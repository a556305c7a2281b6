"""转换上限: how much of a programme a learner may fill by conversion."""

from decimal import Decimal

from django.utils.translation import gettext as _

from achievements.models.types import plain
from conversion.models import ConversionCap
from conversion.rules.conditions import Condition

Kind = ConversionCap.Kind


def cap_conditions(version, credits, situation):
    """A `Condition` for each cap that applies to `credits` more under a version."""
    course = version.course
    return [
        _condition(cap, _limit(cap, course.programme), _converted(cap, course, situation.awards), credits)
        for cap in situation.caps
        if cap_applies(cap, version)
    ]


def cap_words(version, caps):
    """What each cap that applies to a version allows, for its readers: 「不超过 70 学分(毕业学分的50%)」."""
    programme = version.course.programme
    return [_required(cap, _limit(cap, programme)) for cap in caps if cap_applies(cap, version)]


def cap_applies(cap, version):
    """Whether a cap is about the conversions of a version."""
    course = version.course
    return (
        cap.institution_id == course.programme.institution_id
        and cap.programme_id in (None, course.programme_id)
        and cap.policy_category_id in (None, version.policy_category_id)
        and cap.course_nature in ("", course.nature)
    )


def is_countable(cap, programme):
    """Whether a cap can be told as a number: a share can't while nobody has stated the programme's credits."""
    return cap.kind != Kind.SHARE or programme.total_credits is not None


def _limit(cap, programme):
    """The cap as a number of credits or courses; None for a share of credits that nobody has stated."""
    if cap.kind != Kind.SHARE:
        return cap.value
    return None if not is_countable(cap, programme) else programme.total_credits * cap.value / 100


def _converted(cap, course, awards):
    """What counts already against a cap in the programme of a course."""
    counted = [
        award
        for award in awards
        if award.programme == course.programme_id
        and cap.policy_category_id in (None, award.category)
        and cap.course_nature in ("", award.nature)
    ]
    return Decimal(len(counted)) if cap.kind == Kind.COUNT else sum((award.credits for award in counted), Decimal(0))


def _unit(cap):
    return _("门") if cap.kind == Kind.COUNT else _("学分")


def _required(cap, limit):
    if limit is None:
        return _("不超过毕业学分的%s%%") % plain(cap.value) + _scope(cap, tell_share=False)
    return _("不超过 %(limit)s %(unit)s") % {"limit": plain(limit), "unit": _unit(cap)} + _scope(cap)


def _uncountable(required):
    """A share of what nobody has stated lets nothing pass: that is the stricter reading of a cap."""
    remedy = _("接收机构还没有登记本专业的毕业学分,算不出转换上限,请联系接收机构")
    return Condition("cap", _("转换上限"), required, _("本专业没有登记毕业学分"), False, remedy)


def _condition(cap, limit, converted, credits):
    required = _required(cap, limit)
    if limit is None:
        return _uncountable(required)
    more = Decimal(1) if cap.kind == Kind.COUNT else credits
    unit = _unit(cap)
    met = converted + more <= limit
    actual = _("已转换 %(converted)s %(unit)s,本规则 %(more)s %(unit)s") % {
        "converted": plain(converted),
        "more": plain(more),
        "unit": unit,
    }
    left = {"left": plain(max(limit - converted, Decimal(0))), "unit": unit}
    remedy = "" if met else _("本专业最多还可转换 %(left)s %(unit)s") % left
    return Condition("cap", _("转换上限"), required, actual, met, remedy)


def _scope(cap, *, tell_share=True):
    """What the cap is about, in brackets: 毕业学分的50%、在线课程、选修; empty when it is about everything."""
    words = [_("毕业学分的%s%%") % plain(cap.value)] if cap.kind == Kind.SHARE and tell_share else []
    words += [str(cap.policy_category)] if cap.policy_category_id else []
    words += [cap.get_course_nature_display()] if cap.course_nature else []
    return _("(%s)") % "、".join(map(str, words)) if words else ""
