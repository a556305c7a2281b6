"""What an approval or a revocation would write, said before it is given. Reads only."""

from decimal import Decimal

from django.utils.translation import gettext as _

from conversion.models import CreditEntry
from conversion.models.application import Kind, Step


def approval_effects(application):
    """The sentences of the preview beside the decision."""
    if application.step not in {Step.FINAL, Step.APPEAL}:
        return [_("转入下一级审核;申请人会在收件箱收到这一级的结果。")]
    effects = _of_recognition(application) if application.kind == Kind.RECOGNITION else _of_conversion(application)
    if application.learner.verified_at is None:
        effects.append(_("申请人的实名记为已核验。"))
    return [*effects, _("申请人会在收件箱收到结果。")]


def revocation_effects(application):
    """The sentences of the page that asks why an approved case is revoked."""
    if application.kind == Kind.RECOGNITION:
        effects = [_("成果不再关联名录成果,不能再用于转换;学习者可以重新申请认定。")]
    else:
        effects = _of_reversal(application)
    return [*effects, _("申请人会在收件箱收到原因。撤销不能取消。")]


def _of_reversal(application):
    credits = Decimal(application.snapshot["rule"]["credits"])
    balance = CreditEntry.objects.filter(learner=application.learner).balance()
    ledger = _("学分流水冲销 %(credits)s 学分,余额由 %(before)s 变为 %(after)s。")
    return [
        ledger % {"credits": credits, "before": balance, "after": balance - credits},
        _("转换证明 %s 即刻失效,查验时显示原因。") % application.certificate,
        _("所用成果可以重新申请。"),
    ]


def _of_recognition(application):
    if application.sources.get().achievement.type.is_performance:
        return [_("成果记为已认定,此后可以申请业绩类成果转换;内容更正后须重新认定。")]
    return [_("成果与所填的名录成果关联,此后可以按转换规则申请转换。")]


def _of_conversion(application):
    rule, target = application.snapshot["rule"], application.snapshot["target"]
    credits = Decimal(rule["credits"])
    balance = CreditEntry.objects.filter(learner=application.learner).balance()
    ledger = _("学分流水记入 %(credits)s 学分,余额由 %(before)s 变为 %(after)s。")
    return [
        _("课程“%(course)s”:%(outcome)s。") % {"course": target["course"], "outcome": rule["outcome"]},
        ledger % {"credits": credits, "before": balance, "after": balance + credits},
        _("签发转换证明,编号自动生成。"),
    ]
