"""Steps that people take in the browser, named as they would name them. Pages are found by what they show."""

from io import BytesIO

from captcha.models import CaptchaStore
from PIL import Image

from evidence.models import EvidenceFile
from evidence.services import inspect_evidence
from messaging.models import SmsMessage
from messaging.tasks import sweep_sms

PASSWORD = "Kapok#2026"


def work_off_queue():
    """What the Celery worker would do for everything that was rung."""
    sweep_sms()
    for pk in EvidenceFile.objects.filter(state="checking").values_list("pk", flat=True):
        inspect_evidence(pk=pk)


def picture():
    """A small certificate picture as a file to upload."""
    buffer = BytesIO()
    Image.new("RGB", (320, 240), "#e0f0f0").save(buffer, "PNG")
    return {"name": "证书.png", "mimeType": "image/png", "buffer": buffer.getvalue()}


def solve_captcha(page):
    key = page.locator("input[name=captcha_0]").input_value()
    page.locator("input[name=captcha_1]").fill(CaptchaStore.objects.get(hashkey=key).response)


def texted_code():
    return SmsMessage.objects.latest("pk").text.split("验证码 ")[1][:6]


def get_code(page):
    """Solve the picture, press 「获取验证码」 and type what the phone shows."""
    solve_captcha(page)
    page.get_by_role("button", name="获取验证码").click()
    page.get_by_text("验证码已发送").wait_for()
    page.locator("input[name=code]").fill(texted_code())


def sign_in(page, identifier, password=PASSWORD, identity="个人"):
    page.goto("/accounts/sign-in/")
    main = page.get_by_role("main")
    main.get_by_label(identity).check()
    main.get_by_label("账号").fill(identifier)
    main.get_by_label("密码").fill(password)
    main.get_by_role("button", name="登录").click()
    page.get_by_text("欢迎你!").wait_for()


def staff_sign_in(page, username, password):
    page.goto("/admin/")
    page.locator("input[name=username]").fill(username)
    page.locator("input[name=password]").fill(password)
    page.get_by_role("button", name="登录").click()


def review(page, learner, conclusion, *, reason="", opinion=""):
    """Open the waiting case of that learner in the admin and decide it."""
    page.goto("/admin/conversion/application/?waiting=mine")
    page.get_by_role("row").filter(has_text=learner).get_by_role("link").first.click()
    page.get_by_label(conclusion, exact=True).check()
    if reason:
        page.get_by_label("原因").select_option(label=reason)
    page.get_by_label("审核意见").fill(opinion)
    page.get_by_role("button", name="提交审核结论").click()
    page.get_by_text("已记录").wait_for()
