"""Inspection of uploaded evidence files (promises, *Files*; what happens to which file: docs/evidence.md).

`check_upload` is the form's cheap look, `inspect` the worker's thorough one. Neither knows models.
"""

import hashlib
import json
import logging
import os
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from django.conf import settings
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from .clamd import is_infected
from .inspection_worker.limits import CONTENT_TYPES, Limits, RefusalCode, kind_of

__all__ = [
    "CONTENT_TYPES", "FileRefusedError", "Inspection", "InspectionCutError", "Limits", "RefusalCode", "check_upload",
    "draw_page", "inspect",
]  # fmt: skip

logger = logging.getLogger(__name__)

KINDS = {".jpg": "jpg", ".jpeg": "jpg", ".png": "png", ".gif": "gif", ".pdf": "pdf"}
LONGEST_SIGNATURE = 8
PAGE_PATIENCE = 20  # seconds: somebody waits for a page, and gunicorn ends a request after thirty
# How a file ends its inspection: by its processor time, or by a crash of what decodes it.
CRASHES = {signal.SIGXCPU, signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}
PROJECT = Path(__file__).resolve().parent.parent
START = "import sys; sys.path.append(sys.argv[1]); from evidence.inspection_worker.process import main; main()"

MESSAGES = {
    RefusalCode.EMPTY: _("文件是空的(0 字节),请重新选择文件。"),
    RefusalCode.TOO_LARGE: _("文件超过 {megabytes} MB,请压缩或缩小后再上传。"),
    RefusalCode.UNKNOWN_TYPE: _("只接受 jpg、png、gif、pdf 格式的文件,请转换格式后再上传。"),
    RefusalCode.WRONG_CONTENT: _("文件内容与扩展名不符,请用正确的格式另存后再上传。"),
    RefusalCode.DAMAGED: _("文件已损坏或不完整,无法打开,请重新导出或扫描后再上传。"),
    RefusalCode.TOO_MANY_PIXELS: _("图片超过 {pixels} 万像素,请缩小后再上传。"),
    RefusalCode.TOO_MANY_FRAMES: _("GIF 动画超过 {frames} 帧,请改用静态图片。"),
    RefusalCode.TOO_MANY_PAGES: _("PDF 超过 {pages} 页,请拆分成几个文件后再上传。"),
    RefusalCode.NO_PAGES: _("PDF 里没有页面,请重新导出后再上传。"),
    RefusalCode.ENCRYPTED: _("PDF 已加密或设有权限密码,请取消密码或用“打印为 PDF”另存后再上传。"),
    RefusalCode.SCRIPT: _("PDF 含有脚本(JavaScript),请用“打印为 PDF”另存后再上传。"),
    RefusalCode.LAUNCH: _("PDF 含有启动其他程序的动作,请用“打印为 PDF”另存后再上传。"),
    RefusalCode.FORM_DATA: _("PDF 含有提交或导入数据的表单动作,请用“打印为 PDF”另存后再上传。"),
    RefusalCode.ATTACHMENT: _("PDF 里嵌有其他文件,请删除附件后再上传,需要的附件请单独上传。"),
    RefusalCode.MULTIMEDIA: _("PDF 含有音频、视频或三维内容,请用“打印为 PDF”另存后再上传。"),
    RefusalCode.XFA_FORM: _("PDF 使用 XFA 动态表单,请用“打印为 PDF”另存后再上传。"),
    RefusalCode.REMOTE_FILE: _("PDF 会打开其他文件,请用“打印为 PDF”另存后再上传。"),
    RefusalCode.TOO_COMPLEX: _("文件过于复杂,无法检查,请简化或用“打印为 PDF”、截图等方式另存后再上传。"),
    RefusalCode.INFECTED: _("文件没有通过病毒扫描,请检查您的电脑,用其他文件重新上传。"),
}


class FileRefusedError(Exception):
    """A file that can't be evidence; `message` tells its owner why and what to do."""

    def __init__(self, code, message):
        super().__init__(code)
        self.code = code
        self.message = message


class InspectionCutError(OSError):
    """The child ended without an answer, by the clock, killed or broken: most likely not for its file."""


@dataclass(frozen=True)
class Inspection:
    """What passed. Content type, size, hash, width and height are those of the clean copy."""

    kind: str
    content_type: str
    size: int
    sha256: str
    width: int | None
    height: int | None
    frames: int | None
    pages: int | None


def current_limits():
    return Limits(**getattr(settings, "EVIDENCE_LIMITS", {}))


def refused(code, limits):
    message = format_lazy(
        MESSAGES[code],
        megabytes=limits.size // (1024 * 1024),
        pixels=limits.pixels // 10_000,
        frames=limits.frames,
        pages=limits.pages,
    )
    return FileRefusedError(RefusalCode(code), message)


def refuse_infected(source):
    """Ask clamd where there is one; raises `FileRefusedError`, or `ScannerAwayError` when it can't be asked."""
    if is_infected(source):
        raise refused(RefusalCode.INFECTED, current_limits())


def check_upload(upload):
    """Return the kind (jpg, png, gif, pdf) that name and first bytes agree on, or raise `FileRefusedError`."""
    limits = current_limits()
    check_size(upload.size, limits)
    kind = KINDS.get(os.path.splitext(upload.name or "")[1].lower())
    if kind is None:
        raise refused(RefusalCode.UNKNOWN_TYPE, limits)
    upload.seek(0)
    head = upload.read(LONGEST_SIGNATURE)
    upload.seek(0)
    if kind_of(head) != kind:
        raise refused(RefusalCode.WRONG_CONTENT, limits)
    return kind


def check_size(size, limits):
    if not size:
        raise refused(RefusalCode.EMPTY, limits)
    if size > limits.size:
        raise refused(RefusalCode.TOO_LARGE, limits)


def inspect(source, kind, clean, thumbnail, limits=None):
    """Take the file apart in a child process, then leave a clean copy and, for pictures, a JPEG thumbnail.

    `clean` and `thumbnail` lie on one file system and appear whole or not at all. Raises `FileRefusedError` for
    anything the file can cause; an `OSError` is the machine's fault (disk, process table), so try again later:
    a few times only after an `InspectionCutError`, which a file may cause, too.
    """
    limits = limits or current_limits()
    check_size(source.stat().st_size, limits)
    clean.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=clean.parent, prefix=".inspection-") as folder:
        drafts = {"clean": Path(folder, "clean").resolve(), "thumbnail": Path(folder, "thumbnail").resolve()}
        findings = findings_of_child(source, kind, drafts, limits)
        inspection = describe(drafts["clean"], kind, findings)
        if drafts["thumbnail"].exists():
            os.replace(drafts["thumbnail"], thumbnail)
        os.replace(drafts["clean"], clean)
    return inspection


def draw_page(source, number, picture, limits=None):
    """Draw a page of a clean PDF as a JPEG at `picture`, in a child process; raises like `inspect`."""
    limits = limits or current_limits()
    paths = {"source": source.resolve(), "picture": picture.resolve()}
    request = json.dumps({"page": number, "limits": asdict(limits), **paths}, default=str).encode()
    _findings_in(answer_of_child(request, PAGE_PATIENCE), limits)


def describe(clean, kind, findings):
    with clean.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    return Inspection(
        kind=kind, content_type=CONTENT_TYPES[kind], size=clean.stat().st_size, sha256=sha256, **findings
    )


def findings_of_child(source, kind, drafts, limits):
    paths = {"source": source.resolve(), **drafts}
    request = json.dumps({"kind": kind, "limits": asdict(limits), **paths}, default=str).encode()
    return _findings_in(answer_of_child(request, limits.patience), limits)


def _findings_in(answer, limits):
    if "findings" in answer:
        return answer["findings"]
    if "fault" in answer:
        raise OSError(answer["fault"], os.strerror(answer["fault"]))
    logger.info("evidence file refused: %s (%s)", answer["refused"], answer["cause"])
    raise refused(answer["refused"], limits)


def answer_of_child(request, patience):
    """Run the child for `patience` seconds at most; raises `InspectionCutError`."""
    try:
        ended = run_child(request, patience)
    except subprocess.TimeoutExpired:
        raise InspectionCutError(f"no answer after {patience} s") from None
    if not ended.returncode:
        return json.loads(ended.stdout)
    logger.warning(
        "evidence inspection ended with %s: %s", ended.returncode, ended.stderr[-2000:].decode(errors="replace")
    )
    if -ended.returncode in CRASHES:
        return {"refused": RefusalCode.TOO_COMPLEX, "cause": f"signal {-ended.returncode}"}
    raise InspectionCutError(f"ended with {ended.returncode}")


def run_child(request, patience):
    """Start a fresh interpreter: Celery's workers may not use multiprocessing, and a fork would share secrets."""
    return subprocess.run(  # noqa: S603 - a fixed command, no shell
        [sys.executable, "-I", "-c", START, str(PROJECT)],
        input=request,
        capture_output=True,
        timeout=patience,
        cwd="/",
        env={"LC_ALL": "C.UTF-8"},
        start_new_session=True,
        check=False,
    )
