"""The captcha, as a picture and spoken: one solution serves one action, once, even in parallel."""

import secrets
import unicodedata

from captcha.fields import CaptchaField as PackagedCaptchaField
from captcha.fields import CaptchaTextInput
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection
from django.forms import MultiValueField
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.captcha_audio import spoken_digits

LETTERS = "abcdefghjkmnprstuvwxyz"  # none that looks like another letter or a digit


def letters_challenge():
    """(picture, solution) of a new challenge.

    The packaged one draws from the generator that its picture view seeds with the public key for a moment:
    another thread's challenge could be foretold.
    """
    letters = "".join(secrets.choice(LETTERS) for _place in range(settings.CAPTCHA_LENGTH))
    return letters.upper(), letters


class CaptchaInput(CaptchaTextInput):
    template_name = "accounts/includes/captcha_widget.html"
    use_fieldset = False  # the person sees one input: the label names it, hint and error describe it

    def audio_url(self):
        return reverse("accounts:captcha_audio", args=[self._key])

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
            "required": _("请输入图片中的字符,或语音中的6个数字。"),
            "invalid": _("图形验证码不正确或已失效,请按新图片或新语音重新输入。"),
        }
        kwargs = {"label": _("图形验证码"), "widget": CaptchaInput(), "error_messages": messages} | kwargs
        super().__init__(**kwargs)

    def clean(self, value):
        MultiValueField.clean(self, value)
        key, answer = value
        solution = self._take(key)
        if solution is None or tidy(answer) not in {solution, spoken_digits(key)}:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return key

    @staticmethod
    def _take(key):
        """Remove the challenge and return the picture's solution: of parallel takers one gets it."""
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM captcha_captchastore WHERE hashkey = %s AND expiration > clock_timestamp()"
                " RETURNING response",
                [key],
            )
            row = cursor.fetchone()
        return row[0] if row else None


def tidy(answer):
    """An answer as people type it: any case, full width, with spaces between what they heard."""
    return "".join(unicodedata.normalize("NFKC", answer).split()).lower()
