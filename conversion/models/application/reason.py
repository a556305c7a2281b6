from django.db import models
from django.utils.translation import gettext_lazy as _


class ReasonCode(models.Model):
    """Why a case was refused, returned or revoked: a list the centre keeps.

    Refusing a case whose every condition holds needs one that is marked `for_met_rule`: a published rule is a
    promise to the learner.
    """

    code = models.SlugField(_("代码"), max_length=30, unique=True)
    text = models.CharField(_("原因"), max_length=200)
    for_refusal = models.BooleanField(_("用于不予通过"), default=True)
    for_return = models.BooleanField(_("用于退回补充材料"), default=True)
    for_revocation = models.BooleanField(_("用于撤销"), default=False)
    for_met_rule = models.BooleanField(
        _("规则条件已满足时可用"),
        default=False,
        help_text=_("规则条件全部满足的申请,只能用勾选此项的原因不予通过,并须写明意见。"),
    )
    is_active = models.BooleanField(_("启用"), default=True)
    position = models.PositiveSmallIntegerField(_("次序"), default=0)

    class Meta:
        verbose_name = verbose_name_plural = _("审核原因")
        ordering = ["position", "code"]

    def __str__(self):
        return self.text
