"""`make screenshots`: walk the operation guide in Chromium as a new user would, and draw every step of it.

Everything runs on throw-away servers beside the project's own: a database, a queue, a web server and a worker.
Writes `docs/guide/` (a picture for each numbered step, and the page that lists them) and `docs/pictures/`.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw

from creditbank import browser, local_servers, local_services
from creditbank.run import worker_command
from demo.accounts import PASSWORD as DEMO_PASSWORD
from demo.synthetic import synthetic_person

DOCS = local_services.PROJECT / "docs"
GUIDE, PICTURES = DOCS / "guide", DOCS / "pictures"
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 780}
TALLEST, TALLEST_IN_README = 2400, 1500
MARK = "#c62f2f"
PASSWORD = "Kapok#2026"  # noqa: S105 (of made-up people in a database that is thrown away)
PATIENCE = 30  # seconds
ENTRY = "云计算平台运维与开发中级工程师"
NEWCOMER = synthetic_person(9001)
ROSTERED = synthetic_person(3000)  # the first line of roster.csv
ROSTER_INSTITUTION = "gdlg00001"
SECTIONS = {"1": "一、账号注册与激活", "2": "二、“1+X”证书成果添加步骤", "3": "三、“1+X”证书成果转换步骤"}
PARTS = {
    "1-1": "1、社会学习者注册账户",
    "1-2": "2、资历名册机构学习者激活账号",
    "1-3": "3、密码修改",
    "3-5": "审核与转换证明(指南之外)",
}


@dataclass
class Album:
    """The pictures made so far, as [(file, caption)…], in the order of the guide."""

    shown: list = field(default_factory=list)

    def draw(self, page, name, caption, *, press=None, full=True):
        """Draw the page as a step of the guide; `press` (a locator) gets a red frame."""
        picture = screenshot(page, full=full, press=press)
        self.keep(picture, name, caption)

    def keep(self, picture, name, caption):
        save(picture, GUIDE / f"{name}.png")
        self.shown.append((f"{name}.png", caption))


def screenshot(page, *, full=True, press=None, tallest=TALLEST):
    """Return the page as a picture, cut at `tallest`; an open dialog is drawn as people see it."""
    page.wait_for_load_state("networkidle")
    page.locator("dialog[aria-busy=true]").wait_for(state="detached")
    full = full and not page.locator("dialog[open]").count()
    page.evaluate("() => document.activeElement?.blur()")
    if full:
        page.evaluate("() => scrollTo(0, 0)")
    picture = Image.open(BytesIO(page.screenshot(full_page=full, animations="disabled", caret="hide"))).convert("RGB")
    if press is not None:
        _mark(picture, press.bounding_box())
    return picture.crop((0, 0, picture.width, min(picture.height, tallest)))


def _mark(picture, box):
    left, top = box["x"] - 6, box["y"] - 6
    frame = [left, top, left + box["width"] + 12, top + box["height"] + 12]
    ImageDraw.Draw(picture).rounded_rectangle(frame, radius=8, outline=MARK, width=3)


def save(picture, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    few = picture.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(path, "PNG", optimize=True)


# The steps of the guide ---------------------------------------------------------------------------------------


def register(page, album):
    page.goto("/")
    sign_in = page.get_by_role("banner").get_by_role("link", name="登录")
    album.draw(page, "1-1-1-open-site", "(1)打开学分银行网站,点击右上角“登录”按钮。", press=sign_in, full=False)
    sign_in.click()
    link = page.get_by_role("dialog").get_by_role("link", name="立即注册")
    album.draw(page, "1-1-2-sign-in-dialog", "(2)在弹出的对话框单击“立即注册”,打开个人注册页面。", press=link)
    link.click()
    fill_registration(page)
    get_code(page)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("input[name=password_again]").fill(PASSWORD)
    button = page.get_by_role("main").get_by_role("button", name="保存").last
    album.draw(page, "1-1-3-register", "(3)填写资料,用手机短信验证码验证,填写完成后点击“保存”。", press=button)
    button.click()
    page.get_by_text("注册成功").wait_for()
    album.draw(page, "1-1-3-registered", "注册完成,已经登录。", full=False)


def fill_registration(page):
    page.get_by_label("用户名").fill("chenxi2026")
    page.get_by_label("真实姓名").fill(NEWCOMER.name)
    page.get_by_label("证件类型").select_option(label="居民身份证")
    page.get_by_label("证件号码").fill(NEWCOMER.number)
    page.get_by_label("民族").select_option(label="汉族")
    page.get_by_label("性别").select_option(label="男" if NEWCOMER.sex == "1" else "女")
    page.get_by_label("出生日期").fill(NEWCOMER.birth_on.isoformat())
    page.get_by_label("电子邮箱").fill("chenxi@example.org")
    for level, name in [("省", "广东省"), ("市", "广州市"), ("区县", "天河区")]:
        page.get_by_label(level, exact=False).and_(page.locator("select")).select_option(label=name)
    page.get_by_label("详细地址").fill("示例路1号")
    page.get_by_label("手机号码").fill(NEWCOMER.phone)


def activate(page, album):
    page.goto("/")
    sign_in = page.get_by_role("banner").get_by_role("link", name="登录")
    album.draw(page, "1-2-1-open-site", "(1)打开学分银行网站,点击右上角“登录”按钮。", press=sign_in, full=False)
    sign_in.click()
    link = page.get_by_role("dialog").get_by_role("link", name="去激活账号")
    album.draw(page, "1-2-2-sign-in-dialog", "(2)在弹出的小窗口中点击“去激活账号”。", press=link)
    link.click()
    page.get_by_label("证件号码").fill(ROSTERED.number)
    solve_captcha(page)
    next_step = page.get_by_role("button", name="下一步").locator("visible=true").last
    album.draw(page, "1-2-3-number", "(3)输入正确的证件号码,点击“下一步”。", press=next_step)
    next_step.click()
    page.get_by_label("姓名").fill(ROSTERED.name)
    page.get_by_label("手机号码").fill(ROSTERED.phone)
    get_code(page)
    album.draw(page, "1-2-4-identity", "(4)填写姓名和手机号,获取并输入短信验证码,点击“下一步”。", press=next_step)
    next_step.click()
    set_first_password(page, album)


def set_first_password(page, album):
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("input[name=password_again]").fill(PASSWORD)
    done = page.get_by_role("button", name="完成")
    album.draw(page, "1-2-5-password", "(5)设置密码:两次输入必须一致,符合所提示的长度和组成规则。", press=done)
    done.click()
    page.get_by_role("heading", name="激活成功").wait_for()
    album.draw(page, "1-2-6-activated", "(6)提示激活成功,即可用证件号码和刚才设置的密码登录。")


def change_password(page, album):
    caption = "(1)点击右上角“登录”,输入正确的账号(这里用证件号码)和密码。"
    sign_in_by_dialog(page, ROSTERED.number, album, "1-3-1-sign-in", caption)
    link = page.get_by_role("banner").get_by_role("link", name="修改密码")
    album.draw(page, "1-3-2-menu", "(2)点击右上方“修改密码”按钮。", press=link, full=False)
    link.click()
    dialog = page.get_by_role("dialog")
    dialog.locator("input[name=old_password]").fill(PASSWORD)
    for name in ["password", "password_again"]:
        dialog.locator(f"input[name={name}]").fill(f"{PASSWORD}Gd")
    submit = dialog.get_by_role("button", name="提交")
    album.draw(page, "1-3-3-change", "(3)填写原密码与新密码后点击“提交”。", press=submit)
    submit.click()
    page.get_by_text("密码修改成功").wait_for()
    album.draw(page, "1-3-3-changed", "提示密码修改成功。", full=False)


def add_achievement(page, album):
    sign_in_by_dialog(page, "chenxi2026", album, "2-1-sign-in", "1、点击右上角“登录”按钮,输入正确的账号和密码。")
    menu = side_menu(page, "成果添加")
    album.draw(page, "2-2-menu", "2、点击左侧“成果添加”功能菜单。", press=menu, full=False)
    menu.click()
    page.get_by_label("成果分类").select_option(label="其他类_培训业绩等")
    page.get_by_label("二级分类").select_option(label="培训类")
    search = page.get_by_role("button", name="搜索").locator("visible=true")
    search.wait_for()
    types = page.locator("form.filters").first
    album.draw(page, "2-3-type", "3、“成果分类”分别选择“其他类_培训业绩等”和“培训类”。", press=types)
    album.draw(page, "2-4-search", "4、点击名称右方的“搜索”按钮。", press=search)
    search.click()
    choose_entry(page, album)
    fill_achievement(page, album)
    page.get_by_text("已添加学习成果").wait_for()
    album.draw(page, "2-7-my-information", "7、在“我的信息”可查看已添加的学习成果。")
    page.set_viewport_size(PHONE)
    album.draw(page, "2-7-my-information-phone", "同一页面在手机上(390 像素宽)。")
    page.set_viewport_size(WIDE)


def choose_entry(page, album):
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="成果名称").fill("云计算")
    dialog.get_by_role("button", name="查询").click()
    wait_for_dialog(page)
    dialog.get_by_role("radio", name=ENTRY).check()
    confirm = dialog.get_by_role("button", name="确认")
    caption = "5、可根据项目名称、成果名称或资历机构名称查找,选择需要的成果,点击“确认”。"
    album.draw(page, "2-5-choose", caption, press=confirm)
    confirm.click()


def fill_achievement(page, album):
    page.get_by_label("证书编号").fill("GDCB-2026-0001")
    page.get_by_label("获取时间").fill("2021-12-14")
    page.get_by_label("相关材料").set_input_files([paper()])
    submit = page.get_by_role("button", name="提交")
    album.draw(page, "2-6-fill", "6、填写证书编号、获取时间,上传相关材料,点击“提交”。", press=submit)
    submit.click()


def convert(page, album):
    page.goto("/my/")
    menu = side_menu(page, "转换成果申请", exact=True)
    album.draw(page, "3-1-menu", "1、点击左侧“转换成果申请”功能菜单。", press=menu, full=False)
    menu.click()
    page.get_by_role("checkbox", name=re.compile(ENTRY)).check()
    apply = page.get_by_role("button", name="申请转换")
    album.draw(page, "3-2-choose", "2、选择所需申请转换的成果,点击“申请转换”。", press=apply)
    apply.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("radio", name=re.compile("集群应用系统构建与运维")).check()
    submit = dialog.get_by_role("button", name="提交")
    album.draw(page, "3-3-rule", "3、选择转换规则,点击“提交”,完成转换申请。", press=submit)
    page.set_viewport_size(PHONE)
    album.draw(page, "3-3-rule-phone", "同一对话框在手机上(390 像素宽)。")
    page.set_viewport_size(WIDE)
    submit.click()
    page.get_by_text("转换申请已提交").wait_for()
    album.draw(page, "3-3-submitted", "申请已提交;审核结果会发到收件箱。")
    show_progress(page, album, "3-4-progress", "4、选中成果后点击“进度查询”;未审核时“转换审核记录”为空。")


def show_progress(page, album, name, caption):
    page.goto("/conversion/")
    box = page.get_by_role("checkbox", name=re.compile(ENTRY))
    if box.is_enabled():
        box.check()
    page.get_by_role("button", name="进度查询").click()
    page.get_by_role("dialog").get_by_text("转换审核记录").first.wait_for()
    album.draw(page, name, caption)


def review(page, album, username, conclusion, name, caption, opinion):
    staff_sign_in(page, username)
    page.goto("/admin/conversion/application/?scope=mine")
    row = page.get_by_role("row").filter(has_text=NEWCOMER.name).get_by_role("link").first
    row.click()
    page.get_by_label(conclusion, exact=True).check()
    page.get_by_label("审核意见").fill(opinion)
    album.draw(page, name, caption, press=page.get_by_role("button", name="提交审核结论"))
    page.get_by_role("button", name="提交审核结论").click()
    page.get_by_text("已记录").wait_for()


def print_and_verify(page, visitor, album):
    page.goto("/conversion/certificates/")
    album.draw(page, "3-5-certificates", "点击“打印转换证明”,得到带二维码的 PDF 证明。")
    picture, number = certificate_picture()
    album.keep(picture, "3-5-certificate", "转换证明。")
    visitor.goto("/")
    visitor.get_by_label("证明编号").fill(number)
    visitor.get_by_role("button", name="验证").click()
    visitor.get_by_text("有效").first.wait_for()
    album.draw(visitor, "3-5-verify", "任何人都可以用编号或二维码验证证明,不需要账号。")


# What the steps share ------------------------------------------------------------------------------------------


def side_menu(page, label, exact=False):
    return page.get_by_role("navigation").get_by_role("link", name=label, exact=exact).locator("visible=true").first


def sign_in_by_dialog(page, identifier, album, name, caption):
    page.goto("/")
    page.get_by_role("banner").get_by_role("link", name="登录").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("账号").fill(identifier)
    dialog.get_by_label("密码").fill(PASSWORD)
    button = dialog.get_by_role("button", name="登录")
    album.draw(page, name, caption, press=button)
    button.click()
    page.get_by_text("欢迎你!").wait_for()


def wait_for_dialog(page):
    """Wait until an open dialog shows what was asked for last."""
    page.locator("dialog[open]").wait_for()
    page.locator("dialog[aria-busy=true]").wait_for(state="detached")


def demo_sign_in(page, username):
    page.goto("/accounts/sign-in/")
    main = page.get_by_role("main")
    main.get_by_label("账号").fill(username)
    main.get_by_label("密码").fill(DEMO_PASSWORD)
    main.get_by_role("button", name="登录").click()
    page.get_by_text("欢迎你!").wait_for()


def staff_sign_in(page, username):
    page.goto("/admin/")
    page.locator("input[name=username]").fill(username)
    page.locator("input[name=password]").fill(DEMO_PASSWORD)
    page.get_by_role("button", name="登录").click()


def solve_captcha(page):
    from captcha.models import CaptchaStore

    key = page.locator("input[name=captcha_0]").input_value()
    page.locator("input[name=captcha_1]").fill(CaptchaStore.objects.get(hashkey=key).response)


def get_code(page):
    """Press 「获取验证码」 and type what the phone shows once the worker has sent it."""
    from messaging.models import LocalSms

    known = LocalSms.objects.count()
    solve_captcha(page)
    page.get_by_role("button", name="获取验证码").click()
    page.get_by_text("验证码已发送").wait_for()
    wait_until(lambda: LocalSms.objects.count() > known, "the worker sends the SMS")
    page.locator("input[name=code]").fill(LocalSms.objects.latest("pk").text.split("验证码 ")[1][:6])


def wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Waited {PATIENCE} s in vain until {what}.")
        time.sleep(0.1)


def paper():
    """A made-up certificate as a file to upload."""
    from demo.papers import certificate_paper

    upload, _kind = certificate_paper(
        title=ENTRY, name=NEWCOMER.name, number="GDCB-2026-0001", body="成果试点机构", obtained_on="2021-12-14"
    )
    return {"name": upload.name, "mimeType": "image/png", "buffer": upload.read()}


def certificate_picture():
    """Return (picture, number) of the newest certificate, compiled as its PDF is."""
    from conversion.certificate_pdf import compile_certificates
    from conversion.models import Certificate
    from conversion.services.certificates import printed_content

    certificate = Certificate.objects.latest("pk")
    page = compile_certificates([printed_content(certificate)], format="png", ppi=110)
    page = page[0] if isinstance(page, list) else page
    return Image.open(BytesIO(page)).convert("RGB"), certificate.number


# The two sets of pictures --------------------------------------------------------------------------------------


def walk_guide(new_page):
    album = Album()
    learner = new_page()
    register(learner, album)
    rostered = new_page()
    activate(rostered, album)
    change_password(rostered, album)
    learner = new_page()
    add_achievement(learner, album)
    convert(learner, album)
    opinion = "材料齐全,符合规则条件。"
    review(new_page(), album, "chushen1", "初审通过", "3-5-first-review", "接收院校初审(管理后台)。", opinion)
    review(new_page(), album, "zhongshen1", "终审通过", "3-5-final-review", "管理中心终审(管理后台)。", "同意。")
    show_progress(learner, album, "3-4-progress-decided", "初审、终审完毕后,“转换审核记录”显示审核结果。")
    print_and_verify(learner, new_page(), album)
    return album


def draw_readme_pictures(new_page):
    page = new_page()
    page.goto("/")
    draw_for_readme(page, "home")
    phone = new_page(viewport=PHONE)
    phone.goto("/")
    draw_for_readme(phone, "home-phone")
    demo_sign_in(page, "xiaofang")
    draw_for_readme(page, "my-information")
    page.goto("/conversion/")
    draw_for_readme(page, "conversion")
    page.get_by_role("checkbox", name=re.compile("大学英语等级考试")).check()
    page.get_by_role("button", name="申请转换").click()
    page.get_by_role("dialog").get_by_role("radio").first.wait_for()
    draw_for_readme(page, "conversion-dialog")
    draw_review_desk(new_page())
    shutil.copyfile(GUIDE / "3-5-certificate.png", PICTURES / "certificate.png")


def draw_review_desk(page):
    staff_sign_in(page, "chushen1")
    page.goto("/admin/conversion/application/?scope=mine")
    page.get_by_role("row").filter(has_text=ENTRY).get_by_role("link").first.click()
    page.get_by_role("button", name="提交审核结论").wait_for()
    draw_for_readme(page, "review-desk")


def draw_for_readme(page, name):
    save(screenshot(page, tallest=TALLEST_IN_README), PICTURES / f"{name}.png")


def write_index(album):
    """Write docs/guide/README.md: every picture under its section, with its caption."""
    lines = [
        "# 操作指南(附图)",
        "",
        "由 `make screenshots` 生成,请勿手工修改。步骤编号与操作指南一致;红框为该步要点击之处。人物、证书均为虚构。",
        "日期框和文件按钮上的英文来自作图所用的浏览器;中文浏览器显示中文。",
    ]
    heading = ""
    for name, caption in sorted(album.shown, key=lambda row: _place(row[0])):
        for found in _headings(name):
            if found not in heading:
                lines += ["", found]
                heading += found
        lines += ["", caption, "", f"![{caption}]({name})"]
    (GUIDE / "README.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _headings(name):
    yield f"## {SECTIONS[name[0]]}"
    if name[:3] in PARTS:
        yield f"### {PARTS[name[:3]]}"


def _place(name):
    """Sort by section, part and step; pictures of one step stay in the order they were made."""
    return [int(number) for number in re.findall(r"(?<![a-z])\d+(?=-)", name)]


# The servers -----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def running_portal():
    """Yield the address of a portal with demo data on throw-away servers."""
    with contextlib.ExitStack() as stack:
        services = stack.enter_context(local_services.throwaway())
        files = stack.enter_context(tempfile.TemporaryDirectory(prefix="creditbank-files-"))
        # Certificates shall show the address of `make run`, whatever the free port of this run is.
        os.environ |= {name.upper(): url for name, url in vars(services).items()}
        os.environ |= {"MEDIA_ROOT": files, "SITE_URL": "http://127.0.0.1:8000", "DJANGO_ALLOW_ASYNC_UNSAFE": "true"}
        os.environ |= {"CREDITBANK_ENV": "development", "DJANGO_SETTINGS_MODULE": "creditbank.settings"}
        load_data()
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = listener.getsockname()[1]
        stack.enter_context(process(worker_command(port)))
        stack.enter_context(process(web_command(listener.fileno()), listener.fileno()))
        yield f"http://127.0.0.1:{port}"


def load_data():
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    call_command("load_demo", verbosity=0)
    roster = Path(__file__).parent / "roster.csv"
    call_command("import_roster", str(roster), institution=ROSTER_INSTITUTION, stdout=sys.stderr)


def web_command(descriptor):
    options = ["--bind", f"fd://{descriptor}", "--worker-class", "gthread", "--workers", "1", "--threads", "4"]
    return [
        sys.executable,
        "-m",
        "gunicorn",
        "creditbank.wsgi",
        *options,
        "--log-level",
        "error",
        "--no-control-socket",
    ]


@contextlib.contextmanager
def process(command, *descriptors):
    running = subprocess.Popen(  # noqa: S603 - our own commands
        command,
        cwd=local_services.PROJECT,
        pass_fds=descriptors,
        start_new_session=True,
        preexec_fn=local_servers.die_with_parent(signal.SIGTERM),
    )
    try:
        yield
    finally:
        running.terminate()
        running.wait()


@contextlib.contextmanager
def chromium(address):
    """Yield a function that opens a page in a fresh session."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        options = ["--disable-gpu", "--hide-scrollbars"] + ([] if os.getuid() else ["--no-sandbox"])
        running = playwright.chromium.launch(executable_path=browser.find(), args=options)

        def new_page(viewport=WIDE):
            context = running.new_context(
                base_url=address, viewport=viewport, locale="zh-CN", timezone_id="Asia/Shanghai"
            )
            context.set_default_timeout(PATIENCE * 1000)
            return context.new_page()

        yield new_page
        running.close()


def main():
    if not browser.find():
        sys.exit(f"There is no browser: {browser.HOW_TO_GET_ONE}")
    for path in [*GUIDE.glob("*.png"), *PICTURES.glob("*.png")]:
        path.unlink()
    with running_portal() as address, chromium(address) as new_page:
        album = walk_guide(new_page)
        draw_readme_pictures(new_page)
        write_index(album)
    pictures = [*GUIDE.glob("*.png"), *PICTURES.glob("*.png")]
    size = sum(path.stat().st_size for path in pictures) / 1e6
    browser.say(f"{len(pictures)} pictures, {size:.1f} MB, in docs/guide/ and docs/pictures/.")


if __name__ == "__main__":
    main()
