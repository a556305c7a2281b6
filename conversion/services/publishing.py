"""The life of a rule version: published by a second person, suspended and back, retired; each with who, when, why."""

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from conversion.examples import run_examples
from conversion.models import ConversionCap, ConversionRule, RuleVersion, RuleVersionRecord
from conversion.rules.caps import cap_applies, is_countable
from conversion.rules.tables import table_faults

Action, Status = RuleVersionRecord.Action, RuleVersion.Status

MOVES = {  # action: (allowed states, next state)
    Action.PUBLISHED: ({Status.DRAFT}, Status.PUBLISHED),
    Action.SUSPENDED: ({Status.PUBLISHED}, Status.SUSPENDED),
    Action.RESUMED: ({Status.SUSPENDED}, Status.PUBLISHED),
    Action.RETIRED: ({Status.PUBLISHED, Status.SUSPENDED}, Status.RETIRED),
}
NEED_REASON = {Action.SUSPENDED, Action.RETIRED}


class PublishingError(Exception):
    """Why a version can't be moved; `failing` has the results of the examples that stand in its way."""

    def __init__(self, message, failing=()):
        super().__init__(message)
        self.message, self.failing = message, list(failing)


def moves_of(version):
    """The actions that the state of a version allows."""
    return [action for action, (states, _after) in MOVES.items() if version.status in states]


def refuse_stranger(rule, by):
    """Raise unless somebody keeps the rules of this institution."""
    if by.institution_id not in (None, rule.institution_id):
        raise PublishingError(_("只能维护本机构的规则。"))


@transaction.atomic
def publish_version(*, version, by, reason=""):
    """Publish a draft and retire the version it supersedes; drafting and publishing take two people.

    Raises `PublishingError`, with the failing examples if it is they.
    """
    RuleVersion.objects.select_for_update().get(pk=version.pk)
    version.refresh_from_db()
    refuse_stranger(version.rule, by)
    if version.status != Status.DRAFT:
        raise PublishingError(_("只有草稿可以发布。"))
    if version.drafted_by_id == by.pk:
        raise PublishingError(_("起草人不能发布自己的规则。"))
    _refuse_incomplete(version)
    _refuse_failing(version)
    superseded = RuleVersion.objects.filter(rule=version.rule_id, status=Status.PUBLISHED).first()
    if superseded:
        _move(superseded, Action.RETIRED, by, _("由第%d版取代") % version.number)
    return _move(version, Action.PUBLISHED, by, reason, published_by=by, published_at=timezone.now())


def suspend_version(*, version, by, reason):
    """Take a published version out of use for a while; cases that wait go on under it."""
    return _change_state(version, Action.SUSPENDED, by, reason)


def resume_version(*, version, by, reason=""):
    return _change_state(version, Action.RESUMED, by, reason)


def retire_version(*, version, by, reason):
    """Take a version out of use for good."""
    return _change_state(version, Action.RETIRED, by, reason)


@transaction.atomic
def _change_state(version, action, by, reason):
    refuse_stranger(version.rule, by)
    if action in NEED_REASON and not reason.strip():
        raise PublishingError(_("请填写原因。"))
    try:
        with transaction.atomic():
            return _move(version, action, by, reason.strip())
    except IntegrityError:
        raise PublishingError(_("这条规则已有另一个已发布的版本,不能恢复。")) from None


def _move(version, action, by, reason, **changes):
    """One transition, as one statement, and its record; two people at once can't both do it."""
    states, after = MOVES[action]
    rows = RuleVersion.objects.filter(pk=version.pk, status__in=states)
    if not rows.update(status=after, **changes):
        raise PublishingError(_("版本的状态已改变,操作没有生效。"))
    write_version_record(version=version, action=action, by=by, reason=reason)
    version.refresh_from_db()
    return version


def write_version_record(*, version, action, by, reason=""):
    RuleVersionRecord.objects.create(version=version, action=action, by=by, reason=reason[:300])


def _refuse_incomplete(version):
    if version.course.programme.institution_id != version.rule.institution_id:
        raise PublishingError(_("目标课程不属于接收机构。"))
    is_performance = version.rule.kind == ConversionRule.Kind.PERFORMANCE
    (_refuse_without_criteria if is_performance else _refuse_without_sources)(version)
    _refuse_uncountable(version)


def _refuse_without_criteria(version):
    if version.achievement_type_id is None:
        raise PublishingError(_("业绩类规则要选择业绩类型。"))
    if version.groups.exists():
        raise PublishingError(_("业绩类规则按业绩标准判断,不能有成果组。"))
    if not version.criteria.exists():
        raise PublishingError(_("规则还没有来源成果或业绩标准。"))
    if faults := table_faults(version):
        raise PublishingError(" ".join(faults[:3]))


def _refuse_uncountable(version):
    """A cap in per cent of the programme's credits, which nobody has stated, would let no conversion pass."""
    programme = version.course.programme
    caps = ConversionCap.objects.filter(institution=programme.institution_id)
    caps = caps.filter(Q(valid_to__isnull=True) | Q(valid_to__gte=timezone.localdate()))
    if any(cap_applies(cap, version) and not is_countable(cap, programme) for cap in caps):
        words = {"programme": programme}
        raise PublishingError(
            _("转换上限按毕业学分的百分比计算,但“%(programme)s”还没有登记毕业学分,请先在“专业”中填写。") % words
        )


def _refuse_without_sources(version):
    if version.achievement_type_id or version.criteria.exists():
        raise PublishingError(_("成果转换规则按来源成果判断,不能有业绩类型和业绩标准。"))
    groups = list(version.groups.prefetch_related("sources__entry"))
    if not any(group.sources.all() for group in groups):
        raise PublishingError(_("规则还没有来源成果或业绩标准。"))
    for group in groups:
        if len(group.sources.all()) < group.choose:
            words = {"position": group.position, "choose": group.choose, "total": len(group.sources.all())}
            raise PublishingError(_("第%(position)d组需要 %(choose)d 项,但只列出了 %(total)d 项来源成果。") % words)
        for source in group.sources.all():
            _refuse_impossible(group, source)


def _refuse_impossible(group, source):
    try:
        source.clean()
    except ValidationError as error:
        words = {"position": group.position, "entry": source.entry, "reason": error.messages[0]}
        raise PublishingError(_("第%(position)d组的“%(entry)s”:%(reason)s") % words) from None


def _refuse_failing(version):
    failing = [result for result in run_examples(version) if not result.passed]
    if failing:
        names = "、".join(result.example.name for result in failing[:5])
        raise PublishingError(_("有例子与预期不符,不能发布:%s") % names, failing)
