"""Draws made-up certificates to serve as evidence."""

from io import BytesIO
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, ImageDraw, ImageFont

SIZE = (900, 640)
PAPER, INK, SEAL = "#fffdf6", "#1d2b33", "#b3362c"
FORMATS = {"png": "PNG", "jpg": "JPEG", "pdf": "PDF"}


def certificate_paper(*, title, name, number, body, obtained_on, kind="png"):
    """Return (upload, kind) of a small certificate that says what the achievement says."""
    image = Image.new("RGB", SIZE, PAPER)
    draw = ImageDraw.Draw(image)
    draw.rectangle([20, 20, SIZE[0] - 20, SIZE[1] - 20], outline=SEAL, width=4)
    _centred(draw, "证  书", 60, 52)
    _centred(draw, title, 170, 30)
    lines = [f"姓名:{name}", f"编号:{number or '无'}", f"取得时间:{obtained_on}", f"颁发机构:{body or '无'}"]
    for position, line in enumerate(lines):
        draw.text((110, 270 + 56 * position), line, font=_font(26), fill=INK)
    draw.ellipse([640, 430, 780, 570], outline=SEAL, width=5)
    draw.text((670, 478), "示例章", font=_font(26), fill=SEAL)
    content = BytesIO()
    image.save(content, FORMATS[kind])
    return SimpleUploadedFile(f"证书.{kind}", content.getvalue()), kind


def _centred(draw, text, top, size):
    font = _font(size)
    while size > 16 and draw.textlength(text, font=font) > SIZE[0] - 100:
        size -= 2
        font = _font(size)
    draw.text(((SIZE[0] - draw.textlength(text, font=font)) / 2, top), text, font=font, fill=INK)


def _font(size):
    folder = Path(settings.BASE_DIR) / "conversion" / "fonts"
    return ImageFont.truetype(folder / "NotoSerifCJKsc-Regular.otf", size)
