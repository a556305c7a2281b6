"""The picture captcha: one solution serves one action, once, even in parallel."""

from captcha.fields import CaptchaField as PackagedCaptchaField
from captcha.fields import CaptchaTextInput
from django.core.exceptions import ValidationError
from django.db import connection
from django.forms import MultiValueField
from django.utils.translation import gettext_lazy as _


class CaptchaInput(CaptchaTextInput):
    template_name = "accounts/includes/captcha_widget.html"
    use_fieldset = False  # the person sees one input: the label names it, hint and error describe it

    def get_context(self, name, value, attrs):
        context = super().get_context(name, value, attrs)
        hidden_key = context["widget"]["subwidgets"][0]
        hidden_key["attrs"] = {"id": hidden_key["attrs"]["id"]}
        return context

    def use_required_attribute(self, initial):
        return False


class CaptchaField(PackagedCaptchaField):
    """The packaged field checks by `first()` then `delete()`, which two parallel posts can both pass."""

    def __init__(self, **kwargs):
        messages = {
            "required": _("请输入图片中的字符。"),
            "invalid": _("图形验证码不正确或已失效,请按新图片重新输入。"),
        }
        kwargs = {"label": _("图形验证码"), "widget": CaptchaInput(), "error_messages": messages} | kwargs
        super().__init__(**kwargs)

    def clean(self, value):
        MultiValueField.clean(self, value)
        key, answer = value
        if self._take(key) != answer.strip().lower():
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return key

    @staticmethod
    def _take(key):
        """Remove the challenge and return its solution: of parallel takers one gets it."""
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM captcha_captchastore WHERE hashkey = %s AND expiration > clock_timestamp()"
                " RETURNING response",
                [key],
            )
            row = cursor.fetchone()
        return row[0] if row else None
