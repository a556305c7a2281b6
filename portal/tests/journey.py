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
    page.goto("/admin/conversion/application/?scope=mine")
    page.get_by_role("row").filter(has_text=learner).get_by_role("link").first.click()
    page.get_by_label(conclusion, exact=True).check()
    if reason:
        reasons = page.get_by_label("原因")
        reasons.select_option(value=reasons.locator("option", has_text=reason).get_attribute("value"))
    page.get_by_label("审核意见").fill(opinion)
    page.get_by_role("button", name="提交审核结论").click()
    page.get_by_text("已记录").wait_for()


def give_password(user):
    """Let somebody whom a test made through models sign in with `PASSWORD`; return the username."""
    user.set_password(PASSWORD)
    user.save(update_fields=["password"])
    return user.username


def staff_session(new_page, user):
    """A page of somebody signed in at the admin."""
    page = new_page()
    staff_sign_in(page, give_password(user), PASSWORD)
    return page


def learner_session(new_page, user, **options):
    page = new_page(**options)
    sign_in(page, give_password(user))
    return page


def start_activation(page, number, *, javascript=True):
    """Step 1, from the home page through sign-in, which is a dialog with JavaScript and a page without."""
    page.goto("/")
    page.get_by_role("banner").get_by_role("link", name="登录").click()
    page.get_by_role("dialog" if javascript else "main").get_by_role("link", name="去激活账号").click()
    page.get_by_label("证件号码").fill(number)
    solve_captcha(page)
    page.get_by_role("button", name="下一步").click()


def prove_identity(page, name, phone, activation_code=""):
    """Step 2."""
    page.get_by_label("姓名").fill(name)
    page.get_by_label("激活码").fill(activation_code)
    page.get_by_label("手机号码").fill(phone)
    get_code(page)
    page.get_by_role("button", name="下一步").last.click()


def set_password(page):
    """Step 3."""
    page.get_by_label("设置密码").fill(PASSWORD)
    page.get_by_label("确认密码").fill(PASSWORD)
    page.get_by_role("button", name="完成").click()
    page.get_by_role("heading", name="激活成功").wait_for()


def main_text(page):
    return page.get_by_role("main").inner_text()
