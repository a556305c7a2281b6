"""What every SMS says: the one table of purposes. Providers with templates of their own get the parameters alone."""

from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext_lazy as _

CODE, NOTICE = "code", "notice"


@dataclass(frozen=True)
class Wording:
    """`kind` decides how long sending is tried: keys of `SMS_ATTEMPT_SECONDS` and `SMS_GIVE_UP_SECONDS`."""

    kind: str
    text: str


WORDINGS = {
    "register": Wording(CODE, _("您正在注册账号,验证码 {code},10分钟内有效。请勿告诉他人。")),
    "reset": Wording(CODE, _("您正在找回密码,验证码 {code},10分钟内有效。请勿告诉他人。")),
    "activate": Wording(CODE, _("您正在激活账号,验证码 {code},10分钟内有效。请勿告诉他人。")),
    "phone": Wording(CODE, _("您正在更换手机号码,验证码 {code},10分钟内有效。请勿告诉他人。")),
    "activated": Wording(
        NOTICE, _("您的学分银行账号已被激活。如非本人操作,请立即联系您所在的机构或学分银行管理中心。")
    ),
    "phone_changed": Wording(
        NOTICE, _("您的账号已更换手机号码,此号码不再用于登录。如非本人操作,请立即联系学分银行管理中心。")
    ),
    "merged": Wording(NOTICE, _("您的实名信息已与一个学分银行账号合并。如非本人操作,请立即联系学分银行管理中心。")),
    "identity_approved": Wording(
        NOTICE, _("人工核对已通过。激活码 {code},{days}天内有效,在“激活账号”第二步填写,然后设置密码。请勿告诉他人。")
    ),
    # To the phone that an account is about to lose, and when it has lost it.
    "giving_back": Wording(
        NOTICE,
        _("有人经人工核对身份后申请找回您的账号,即将改用另一个手机号码。如非本人操作,请立即联系学分银行管理中心。"),
    ),
    "given_back": Wording(
        NOTICE, _("您的账号经人工核对已设置新密码和新手机号码。如非本人操作,请立即联系学分银行管理中心。")
    ),
    "recovery_code_used": Wording(
        NOTICE, _("您的工作账号刚才用恢复码登录。如非本人操作,请立即修改密码并联系学分银行管理中心。")
    ),
    "second_factor_reset": Wording(
        NOTICE, _("您的工作账号的两步验证已被重置,下次登录时重新设置。如非本人操作,请立即联系学分银行管理中心。")
    ),
    # One text for every refusal: it must not tell whether a number is on a roster.
    "identity_refused": Wording(
        NOTICE, _("人工核对未通过。请携带本人证件到所在机构或学分银行管理中心办理;不在名册的可直接注册。")
    ),
}


def compose(purpose, parameters):
    """Return the whole text, signature included; `KeyError` for an unknown purpose or a missing parameter."""
    return f"【{settings.SMS_SIGN}】{str(WORDINGS[purpose].text).format(**parameters)}"
