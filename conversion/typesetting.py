"""PDFs by typst: templates of ours, data as JSON, bundled fonts, and never a character that no font has."""

import json
import mmap
import struct
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from threading import Lock

import typst
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

HERE = Path(__file__).parent
TEMPLATES = HERE / "typst"
BUNDLED_FONTS = HERE / "fonts"
CHINA = timezone(timedelta(hours=8))
# The archive profile is the second net: under it typst itself refuses to print a missing glyph.
PDF_STANDARDS = ["a-3a", "ua-1"]

_one_at_a_time = Lock()  # a compiler shared by two threads raises "Already borrowed"


class MissingGlyphError(ValueError):
    """No font at hand can show a character, so the certificate must not be printed."""

    def __init__(self, field, character):
        self.field = field
        self.character = character
        self.codepoint = f"U+{ord(character):04X}"
        super().__init__(f"No font at hand has {self.codepoint}, needed for {field}.")


def typeset(template, inputs, *, on, **output):
    """Compile a template of `TEMPLATES` with `inputs` (JSON each) as of the day `on`; `output` goes to typst.

    Never call it before a fork: typst's threads don't survive one, and the child would wait for ever.
    """
    texts = {name: json.dumps(value) for name, value in inputs.items()}
    issued_at = datetime.combine(on, time.min, tzinfo=CHINA)
    with _one_at_a_time:
        return _compiler(template, _font_dirs()).compile(sys_inputs=texts, timestamp=issued_at, **output)


def _font_dirs():
    return tuple(map(str, settings.CERTIFICATE_FONT_DIRS))


def as_printed(value):
    """Turn content into nested texts as the page shows them, without what is unknown."""
    if is_dataclass(value):
        texts = {field.name: as_printed(getattr(value, field.name)) for field in fields(value)}
        return {name: text for name, text in texts.items() if text}
    if isinstance(value, list | tuple):
        return [as_printed(item) for item in value]
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, date):
        return f"{value.year}年{value.month}月{value.day}日"
    return "" if value is None else str(value)


def refuse_missing_glyphs(printed, field=""):
    """Raise MissingGlyphError for the first character that no font has, naming its field as in sources[0].name."""
    folders = _font_dirs()
    if isinstance(printed, str):
        for character in printed:
            if not has_glyph(character, folders):
                raise MissingGlyphError(field, character)
    elif isinstance(printed, list):
        for place, item in enumerate(printed):
            refuse_missing_glyphs(item, f"{field}[{place}]")
    else:
        for name, item in printed.items():
            refuse_missing_glyphs(item, f"{field}.{name}".lstrip("."))


def has_glyph(character, font_dirs):
    """Ask the bundled fonts first: reading whole Noto collections takes most of a second, and few names need it."""
    return any(ord(character) in codepoints_at_hand(folders) for folders in ((), font_dirs))


@lru_cache(maxsize=2)
def _fonts(font_dirs):
    """Find the bundled fonts and then those of the given folders, and no others of the machine."""
    for folder in font_dirs:
        if not Path(folder).is_dir():
            raise ImproperlyConfigured(f"CERTIFICATE_FONT_DIRS names {folder}, which is no folder.")
    paths = [str(BUNDLED_FONTS), *font_dirs]
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=paths)


@lru_cache(maxsize=4)
def _compiler(template, font_dirs):
    return typst.Compiler(template, root=template.parent, font_paths=_fonts(font_dirs))


@lru_cache(maxsize=2)
def codepoints_at_hand(font_dirs):
    """Return the code points that at least one of the fonts typst would print with can show."""
    return frozenset().union(*(font_codepoints(font.path, font.index) for font in _fonts(font_dirs).fonts()))


def font_codepoints(path, index=0):
    """Read which code points a font file has glyphs for: the Unicode parts (formats 4 and 12) of its `cmap`."""
    with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as font:
        start = struct.unpack_from(">I", font, 12 + 4 * index)[0] if font[:4] == b"ttcf" else 0
        tables = _records(font, ">4sIII", start + 12, _u16(font, start + 4))
        cmap = next(offset for tag, _checksum, offset, _length in tables if tag == b"cmap")
        parts = _records(font, ">HHI", cmap + 4, _u16(font, cmap + 2))
        read = {4: _format_4, 12: _format_12}
        covered = set()
        for platform, encoding, offset in parts:
            if platform == 0 or (platform, encoding) in {(3, 1), (3, 10)}:
                covered.update(read.get(_u16(font, cmap + offset), _no_codepoints)(font, cmap + offset))
        return covered


def _no_codepoints(_font, _part):
    return ()


def _format_12(font, part):
    """Yield the code points of a list of (first, last, glyph of the first)."""
    for first, last, glyph in _records(font, ">III", part + 16, struct.unpack_from(">I", font, part + 12)[0]):
        yield from range(first if glyph else first + 1, last + 1)


def _format_4(font, part):
    """Yield the code points of parallel arrays of ends, starts, deltas and offsets into a list of glyphs."""
    size = _u16(font, part + 6)
    for end_at in range(part + 14, part + 14 + size, 2):
        start_at, delta_at, offset_at = (end_at + 2 + size * step for step in (1, 2, 3))
        first, delta, offset = _u16(font, start_at), _u16(font, delta_at), _u16(font, offset_at)
        for code in range(first, min(_u16(font, end_at), 0xFFFE) + 1):
            glyph = _u16(font, offset_at + offset + 2 * (code - first)) if offset else code + delta & 0xFFFF
            if glyph:
                yield code


def _records(font, layout, offset, count):
    return struct.iter_unpack(layout, font[offset : offset + count * struct.calcsize(layout)])


def _u16(font, offset):
    return struct.unpack_from(">H", font, offset)[0]
