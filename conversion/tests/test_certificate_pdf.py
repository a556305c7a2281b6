"""The certificate as a reader gets it: the text layer, the QR and the pages of real PDFs."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from decimal import Decimal
from io import BytesIO

import pytest
import segno
from django.core.exceptions import ImproperlyConfigured
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont
from PIL import Image
from pypdf import PdfReader

from conversion.certificate_pdf import (
    QR_MASK,
    TEMPLATE,
    CertificateContent,
    SourceLine,
    StageLine,
    compile_certificates,
    render_certificate,
)
from conversion.typesetting import BUNDLED_FONTS, MissingGlyphError, font_codepoints

OUTSIDE_THE_BUNDLE = "𠮷"
LEAST = CertificateContent(
    number="ZM2026-000001",
    learner_name="李样例",
    sources=(SourceLine(name="大学英语四级"),),
    institution="示范开放大学",
    credits=Decimal("0.0"),
    rule_code="ZH-0001",
    rule_version=1,
    issued_on=date(2026, 11, 23),
    verification_url="https://bank.example/verify/?number=ZM2026-000001&code=7K3M-P9QX",
    verification_code="7K3M-P9QX",
)
FULL = replace(
    LEAST,
    document_kind="居民身份证",
    masked_document="4401**********1235",
    sources=(
        SourceLine(
            name="Web前端开发证书",
            kind="培训类",
            level="中级",
            certificate_number="20210044000001",
            awarding_body="样例教育考试中心",
            obtained_on=date(2021, 7, 1),
            score=Decimal("86.50"),
            credits=Decimal("10.0"),
        ),
    ),
    institution_code="xfyh00001",
    programme="计算机科学与技术",
    cohort="2018级",
    course_code="GD0423",
    course_name="网页设计与制作",
    course_credits=Decimal("4.50"),
    course_kind="专业选修课",
    outcome="免修",
    score="合格",
    credits=Decimal("3.50"),
    rule_title="Web前端开发证书转示范开放大学2018级网页设计与制作",
    stages=(
        StageLine(name="初审", unit="示范开放大学", decided_on=date(2026, 11, 12)),
        StageLine(name="终审", unit="示范管理中心", decided_on=date(2026, 11, 20)),
    ),
    status="有效",
)
LABELS_OF_OPTIONAL_FACTS = [
    "状态　", "居民身份证", "证书编号", "颁发机构", "取得时间", "成绩", "机构代码", "专业", "年级", "课程",
    "转换方式", "转换规则　", "初审", "终审",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _only_the_bundled_fonts(settings):
    settings.CERTIFICATE_FONT_DIRS = []


def read(content):
    return PdfReader(BytesIO(render_certificate(content)))


def text_of(content):
    """Return the text layer, lines joined, because long values wrap."""
    return "".join(page.extract_text() for page in read(content).pages).replace("\n", "")


@pytest.mark.parametrize("name", ["陈玥𬭎·㛃", "喆祎堃珺昇〇", "买买提•艾力", "䶮鿍𫖯", "O'Neil Smith-Jones"])
def test_reader_finds_the_exact_name_in_the_text_layer(name):
    assert name in text_of(replace(FULL, learner_name=name))


def test_reader_finds_every_known_value():
    text = text_of(FULL)
    for value in [
        "广东终身教育学分银行", "GUANGDONG ACADEMIC CREDIT BANK", "学习成果转换证明", "广东终身教育学分银行管理中心",
        "ZM2026-000001", "居民身份证　4401**********1235", "Web前端开发证书", "培训类　中级",
        "证书编号 20210044000001", "样例教育考试中心", "2021年7月1日 86.5 10", "示范开放大学", "xfyh00001",
        "计算机科学与技术", "2018级", "GD0423", "网页设计与制作", "课程学分 4.5", "专业选修课", "免修", "合格",
        "转换学分 3.5", "ZH-0001", "规则版本 1", "初审 示范开放大学 2026年11月12日",
        "终审 示范管理中心 2026年11月20日", "2026年11月23日", "状态　有效", "7K3M-P9QX",
        "https://bank.example/verify/?number=ZM2026-000001&code=7K3M-P9QX", "第 1 页，共 1 页",
    ]:  # fmt: skip
        assert value in text


def test_reader_sees_nothing_of_unknown_values_but_a_credit_of_zero():
    text = text_of(LEAST)
    assert [label for label in LABELS_OF_OPTIONAL_FACTS if label in text] == []
    assert "None" not in text
    assert "转换学分 0转换依据与审核" in text


@pytest.mark.parametrize(
    "hostile",
    [
        '#panic("x") #import "y.typ": *',
        "*粗* _斜_ `码` $x^2$ = 题 - 列 + 列",
        r"\u{41} \ \n \" ~ --- ...",
        "<label> @ref // 注 /* 注 */ ]][[ }}{{ '\"",
        "{{ value }} {% tag %} %s %(x)s",
    ],
)
def test_text_that_looks_like_code_is_printed_as_text(hostile):
    content = replace(FULL, programme=hostile, sources=(SourceLine(name=hostile, awarding_body=hostile),))
    assert text_of(content).replace(" ", "").count(hostile.replace(" ", "")) == 3


@pytest.mark.parametrize("unprintable", [OUTSIDE_THE_BUNDLE, "\x00", "\n", "\u202e", "\ud800", "😀"])
def test_missing_glyph_is_refused_with_field_and_code_point(unprintable):
    sources = (*FULL.sources, SourceLine(name=f"证书{unprintable}"))
    with pytest.raises(MissingGlyphError) as refused:
        render_certificate(replace(FULL, sources=sources))
    assert (refused.value.field, refused.value.character) == ("sources[1].name", unprintable)
    assert str(refused.value) == f"No font at hand has U+{ord(unprintable):04X}, needed for sources[1].name."


def test_extra_font_folder_prints_what_the_bundle_lacks(settings, tmp_path):
    build_font([".notdef", "rare"], {ord(OUTSIDE_THE_BUNDLE): "rare"}).save(tmp_path / "rare.ttf")
    settings.CERTIFICATE_FONT_DIRS = [str(tmp_path)]
    assert f"{OUTSIDE_THE_BUNDLE}样例" in text_of(replace(FULL, learner_name=f"{OUTSIDE_THE_BUNDLE}样例"))
    with pytest.raises(MissingGlyphError):
        render_certificate(replace(FULL, learner_name="😀"))


def test_font_folder_that_does_not_exist_is_named(settings, tmp_path):
    settings.CERTIFICATE_FONT_DIRS = [str(tmp_path / "absent")]
    with pytest.raises(ImproperlyConfigured, match="absent"):
        render_certificate(FULL)


def test_printed_qr_is_the_verification_address():
    expected = [list(row) for row in segno.make_qr(FULL.verification_url, error="m", mask=QR_MASK).matrix]
    assert printed_qr_modules(FULL, size=len(expected)) == expected
    assert len(read(FULL).pages[0].images) == 0, "the QR must stay a drawing that prints sharp at any size"


def test_thirty_sources_flow_over_numbered_pages():
    source = FULL.sources[0]
    sources = tuple(replace(source, certificate_number=f"2021-{place:06}") for place in range(30))
    pages = [page.extract_text() for page in read(replace(FULL, sources=sources)).pages]
    assert len(pages) >= 2
    assert all(f"第 {place} 页，共 {len(pages)} 页" in page for place, page in enumerate(pages, start=1))
    assert all(page.count("证明编号 ZM2026-000001") == 1 or page == pages[0] for page in pages)
    assert [number for number in range(30) if f"2021-{number:06}" not in "".join(pages)] == []


def test_text_without_spaces_stays_inside_the_margins():
    unbroken = "W" * 120
    content = replace(LEAST, learner_name=unbroken, rule_code=unbroken, programme=unbroken)
    assert text_of(content).count(unbroken) == 3
    page = picture_of(content)
    millimetre = page.width / 210
    beside_the_text = page.crop([round(edge * millimetre) for edge in (190, 12, 198, 285)])
    assert beside_the_text.getextrema() == (255, 255)


def test_document_says_title_author_language_and_date():
    document = read(FULL)
    assert document.metadata.title == "学习成果转换证明 ZM2026-000001"
    assert document.metadata.author == "广东终身教育学分银行"
    assert document.metadata.creation_date.isoformat() == "2026-11-22T16:00:00+00:00"
    assert document.root_object["/Lang"] == "zh-CN"
    assert document.root_object["/MarkInfo"]["/Marked"]


def test_equal_content_gives_equal_bytes_from_parallel_threads():
    contents = [FULL, LEAST] * 4
    with ThreadPoolExecutor(4) as threads:
        printed = list(threads.map(render_certificate, contents))
    assert len(set(printed)) == 2
    assert printed[:2] == [render_certificate(FULL), render_certificate(LEAST)]


def test_bundled_fonts_cover_names_and_the_fixed_text():
    regular, bold = (font_codepoints(BUNDLED_FONTS / f"NotoSerifCJKsc-{face}.otf") for face in ("Regular", "Bold"))
    gbk = {code for code in range(0x20, 0x10000) if chr(code).isprintable() and chr(code).encode("gbk", "ignore")}
    assert gbk - regular == {0x2252}
    assert set(map(ord, "〇·•𬭎㛃玥喆祎堃珺昇")) <= regular
    fixed = {ord(character) for character in TEMPLATE.read_text("utf-8")} - {ord("\n")}
    assert fixed <= regular & bold, "run conversion/fonts/build.py"


@pytest.mark.parametrize("name", ["NotoSerifCJKsc-Regular.otf", "NotoSerifCJKsc-Bold.otf"])
def test_coverage_of_a_bundled_font_is_what_fonttools_reads(name):
    with TTFont(BUNDLED_FONTS / name) as font:
        assert font_codepoints(BUNDLED_FONTS / name) == set(font.getBestCmap())


def test_coverage_reads_small_old_tables(tmp_path):
    """Glyphs out of order make a format 4 table use its glyph list too, in which a 0 means no glyph."""
    characters = {0x41: "e", 0x42: ".notdef", 0x43: "a", 0x44: "d", 0x45: "b", 0x4E00: "b", 0x4E01: "c"}
    build_font([".notdef", *"abcde"], characters).save(tmp_path / "old.ttf")
    assert font_codepoints(tmp_path / "old.ttf") == set(characters) - {0x42}


def build_font(glyphs, characters):
    """Return a font whose glyphs are all one square."""
    pen = TTGlyphPen(None)
    for step, point in enumerate([(0, 0), (0, 800), (800, 800), (800, 0)]):
        (pen.lineTo if step else pen.moveTo)(point)
    pen.closePath()
    square = pen.glyph()
    font = FontBuilder(1000)
    font.setupGlyphOrder(glyphs)
    font.setupCharacterMap(characters)
    font.setupGlyf(dict.fromkeys(glyphs, square))
    font.setupHorizontalMetrics(dict.fromkeys(glyphs, (1000, 0)))
    font.setupHorizontalHeader(ascent=880, descent=-120)
    font.setupNameTable({"familyName": "Test Squares", "styleName": "Regular", "psName": "TestSquares-Regular"})
    font.setupOS2()
    font.setupPost()
    return font


def picture_of(content):
    return Image.open(BytesIO(compile_certificates([content], format="png", ppi=300))).convert("L")


def printed_qr_modules(content, *, size):
    """Read the QR off the page as a scanner would: nothing else on it is pure black."""
    black = picture_of(content).point(lambda shade: 255 if shade == 0 else 0)
    left, top, right, bottom = black.getbbox()
    centres = [(step + 0.5) / size for step in range(size)]
    return [
        [int(black.getpixel((left + x * (right - left), top + y * (bottom - top))) > 0) for x in centres]
        for y in centres
    ]
