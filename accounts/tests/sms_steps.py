"""What a visitor does to get an SMS code: solve the picture, press 「获取验证码」, read the phone."""

from captcha.models import CaptchaStore

from messaging.models import SmsMessage


def solved_captcha():
    key = CaptchaStore.generate_key()
    return {"captcha_0": key, "captcha_1": CaptchaStore.objects.get(hashkey=key).response}


def request_code(client, url, data, **extra):
    return client.post(url, data | solved_captcha() | {"action": "send_code"}, **extra)


def texted_code():
    """The code of the newest SMS that waits to be sent."""
    return SmsMessage.objects.first().text.split("验证码 ")[1][:6]
