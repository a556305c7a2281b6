"""What inspection refuses, neutralises and lets pass. Every file is made here, the hostile ones by hand."""

import functools
import hashlib
import multiprocessing
import signal
import struct
import zlib
from io import BytesIO

import pikepdf
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, ImageCms

from evidence import inspection
from evidence.inspection import FileRefusedError, InspectionCutError, Limits, RefusalCode, check_upload, inspect

ORIENTATION, GPS = 0x0112, 0x8825
FLATE = "/Filter /FlateDecode"


# Files


def picture(kind="PNG", mode="RGB", size=(60, 40), colour="red", **options):
    target = BytesIO()
    Image.new(mode, size, colour).save(target, kind, **options)
    return target.getvalue()


def noise(kind, **options):
    target = BytesIO()
    Image.effect_noise((300, 200), 90).convert("RGB").save(target, kind, **options)
    return target.getvalue()


def animation(frames):
    target = BytesIO()
    shades = [Image.new("L", (4, 4), shade) for shade in range(frames)]
    shades[0].save(target, "GIF", save_all=True, append_images=shades[1:])
    return target.getvalue()


def png_by_hand(width, height, bits=1):
    """One black picture in few bytes, whatever its size."""
    row = 1 + (width * bits + 7) // 8
    head = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(row * height), 9)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + png_chunk(b"IDAT", pixels) + png_chunk(b"IEND", b"")


def png_chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def pdf(*objects, catalog="", page="", pages=1):
    """A PDF written by hand: catalog, page tree and first page are objects 1 to 3, `objects` follow."""
    kids = " ".join(["3 0 R"] + [f"{4 + len(objects) + number} 0 R" for number in range(pages - 1)])
    bodies = [
        f"<< /Type /Catalog /Pages 2 0 R {catalog} >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {pages} >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 90 90] /Resources << >> {page} >>",
        *objects,
        *["<< /Type /Page /Parent 2 0 R /MediaBox [0 0 90 90] /Resources << >> >>"] * (pages - 1),
    ]
    return assembled([body if isinstance(body, bytes) else body.encode() for body in bodies])


def assembled(bodies, root="1 0 R"):
    parts, offsets, position = [b"%PDF-1.7\n"], [], 9
    for number, body in enumerate(bodies, 1):
        offsets.append(position)
        parts.append(b"%d 0 obj\n%b\nendobj\n" % (number, body))
        position += len(parts[-1])
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    parts.append(b"xref\n0 %d\n0000000000 65535 f \n%b" % (len(bodies) + 1, table))
    size = len(bodies) + 1
    parts.append(b"trailer << /Size %d /Root %b >>\nstartxref\n%d\n%%%%EOF\n" % (size, root.encode(), position))
    return b"".join(parts)


def stream(data, entries=""):
    return f"<< /Length {len(data)} {entries} >>\nstream\n".encode() + data + b"\nendstream"


def annotation(entries):
    return {"page": f"/Annots [<< /Type /Annot /Rect [0 0 9 9] {entries} >>]"}


@functools.cache
def bomb():
    return zlib.compress(bytes(140 << 20), 1)


def saved(document, **options):
    target = BytesIO()
    document.save(target, **options)
    return target.getvalue()


def encrypted(**passwords):
    with pikepdf.open(BytesIO(pdf())) as document:
        return saved(document, encryption=pikepdf.Encryption(**passwords))


def slow_pdf(objects=60_000):
    references = " ".join(f"{5 + number} 0 R" for number in range(objects))
    return pdf(f"[{references}]", *["<< /A << /B 1 >> >>"] * objects, catalog="/X 4 0 R")


def in_object_stream(padding=b""):
    """Page tree and page lie in a packed object stream, found through a cross-reference stream."""
    bodies = [b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>", b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>"]
    index = b"2 0 3 %d " % len(bodies[0])
    packed = zlib.compress(index + b"".join(bodies) + padding, 1)
    start = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n4 0 obj\n"
    start += stream(packed, f"/Type /ObjStm /N 2 /First {len(index)} {FLATE}") + b"\nendobj\n"
    rows = [(0, 0, 0), (1, 9, 0), (2, 4, 0), (2, 4, 1), (1, start.index(b"4 0 obj"), 0), (1, len(start), 0)]
    table = b"".join(struct.pack(">BIH", *row) for row in rows)
    end = stream(table, "/Type /XRef /Size 6 /W [1 4 2] /Root 1 0 R")
    return start + b"5 0 obj\n" + end + b"\nendobj\nstartxref\n%d\n%%%%EOF\n" % len(start)


# Inspecting them


class Inspected:
    def __init__(self, folder, data, kind, **limits):
        source, self.clean_path, self.thumbnail_path = folder / "source", folder / "clean", folder / "thumbnail"
        source.write_bytes(data() if callable(data) else data)
        self.inspection = inspect(source, kind, self.clean_path, self.thumbnail_path, Limits(**limits))

    @property
    def clean(self):
        return self.clean_path.read_bytes()

    @property
    def picture(self):
        return Image.open(BytesIO(self.clean))


@pytest.fixture
def inspected(tmp_path):
    return lambda data, kind, **limits: Inspected(tmp_path, data, kind, **limits)


@pytest.fixture
def refusal(tmp_path, inspected):
    def code_of(data, kind, **limits):
        with pytest.raises(FileRefusedError) as refused:
            inspected(data, kind, **limits)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]  # nothing is left behind
        assert str(refused.value.message)
        return refused.value.code

    return code_of


# The form's look


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("照片.jpg", picture("JPEG"), "jpg"),
        ("scan.one.JPEG", picture("JPEG"), "jpg"),
        ("a.PNG", picture(), "png"),
        ("a.gif", picture("GIF"), "gif"),
        ("a.pdf", pdf(), "pdf"),
    ],
)
def test_upload_check_returns_the_kind(name, data, kind):
    upload = SimpleUploadedFile(name, data)
    assert check_upload(upload) == kind
    assert upload.read() == data


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.png", b"", RefusalCode.EMPTY),
        ("a.svg", b"<svg/>", RefusalCode.UNKNOWN_TYPE),
        ("png", picture(), RefusalCode.UNKNOWN_TYPE),
        ("a.png.exe", picture(), RefusalCode.UNKNOWN_TYPE),
        ("a.heic", picture(), RefusalCode.UNKNOWN_TYPE),
        ("a.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", RefusalCode.WRONG_CONTENT),
        ("a.jpg", b"<!doctype html><script>1</script>", RefusalCode.WRONG_CONTENT),
        ("a.jpg", picture(), RefusalCode.WRONG_CONTENT),
        ("a.pdf", b"\n" + pdf(), RefusalCode.WRONG_CONTENT),
        ("a.gif", b"GIF", RefusalCode.WRONG_CONTENT),
    ],
)
def test_upload_check_refuses(name, data, code):
    with pytest.raises(FileRefusedError) as refused:
        check_upload(SimpleUploadedFile(name, data))
    assert refused.value.code == code


class UnreadableUpload(SimpleUploadedFile):
    def read(self, *_args):
        raise AssertionError("an oversized upload was read")


@pytest.mark.parametrize(("size", "passes"), [(10 * 1024 * 1024, True), (10 * 1024 * 1024 + 1, False)])
def test_upload_check_judges_the_size_first(size, passes):
    upload = (SimpleUploadedFile if passes else UnreadableUpload)("a.png", picture())
    upload.size = size
    if passes:
        assert check_upload(upload) == "png"
    else:
        with pytest.raises(FileRefusedError, match=RefusalCode.TOO_LARGE):
            check_upload(upload)


def test_upload_check_takes_limits_from_settings(settings):
    settings.EVIDENCE_LIMITS = {"size": 20}
    with pytest.raises(FileRefusedError, match=RefusalCode.TOO_LARGE):
        check_upload(SimpleUploadedFile("a.png", picture()))


@pytest.mark.parametrize("code", RefusalCode)
def test_owner_reads_a_chinese_reason_with_the_limit_in_it(code):
    message = str(inspection.refused(code, Limits(pages=7, frames=8, size=9 << 20, pixels=60_000)).message)
    assert "{" not in message
    assert any("一" <= character <= "鿿" for character in message)
    number = {"too_many_pages": "7", "too_many_frames": "8", "too_large": "9", "too_many_pixels": "6"}.get(code, "")
    assert number in message


# Pictures that pass


def test_inspection_describes_the_clean_picture(inspected):
    result = inspected(picture("JPEG"), "jpg")
    assert result.inspection == inspection.Inspection(
        kind="jpg",
        content_type="image/jpeg",
        size=len(result.clean),
        sha256=hashlib.sha256(result.clean).hexdigest(),
        width=60,
        height=40,
        frames=1,
        pages=None,
    )


def test_inspection_makes_a_small_thumbnail(inspected):
    result = inspected(picture(size=(3000, 1000)), "png")
    with Image.open(result.thumbnail_path) as thumbnail:
        assert (thumbnail.format, thumbnail.size) == ("JPEG", (480, 160))


def test_inspection_gives_the_same_clean_file_for_the_same_upload(inspected):
    for data, kind in ((picture("JPEG"), "jpg"), (pdf(), "pdf")):
        assert inspected(data, kind).inspection == inspected(data, kind).inspection


def photo_with_secrets():
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif[0x010E] = "SECRET-description"
    exif.get_ifd(GPS).update({1: "N", 2: (23.0, 7.0, 45.0)})
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return picture("JPEG", exif=exif, comment=b"SECRET-comment", xmp=b"<x:xmpmeta SECRET/>", icc_profile=profile)


def test_inspection_turns_a_photo_upright_and_drops_all_metadata(inspected):
    original = photo_with_secrets()
    assert Image.open(BytesIO(original)).getexif().get_ifd(GPS)
    assert original.count(b"SECRET") == 3
    result = inspected(original + b"PK\x03\x04 SECRET <script>", "jpg")
    assert result.picture.size == (40, 60)
    assert not result.picture.getexif()
    assert set(result.picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    for kept in (result.clean, result.thumbnail_path.read_bytes()):
        assert b"SECRET" not in kept
        assert b"Exif" not in kept


@pytest.mark.parametrize(
    "exif",
    [b"Exif\0\0", b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0II*\0\x08\0\0\0\xff\xff\1"],
    ids=["empty", "no header", "points nowhere", "cut"],
)
def test_inspection_takes_a_photo_whose_exif_is_broken(inspected, exif):
    """Every browser shows such a photo: cameras and editors write them."""
    assert inspected(picture("JPEG", exif=exif), "jpg").picture.size == (60, 40)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_inspection_turns_each_orientation_as_a_browser_does(inspected, orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    target = BytesIO()
    drawn = Image.new("L", (60, 40), 0)
    drawn.paste(255, (0, 0, 30, 20))  # the upper left quarter is white
    drawn.save(target, "JPEG", exif=exif, quality=95)
    upright = inspected(target.getvalue(), "jpg").picture.convert("L")
    across, down = upright.size
    left, upper = across // 4, down // 4
    corners = {(x, y): upright.getpixel((x, y)) > 128 for x in (left, across - left) for y in (upper, down - upper)}
    assert [place for place, white in corners.items() if white] == [
        {
            1: (left, upper), 2: (across - left, upper), 3: (across - left, down - upper), 4: (left, down - upper),
            5: (left, upper), 6: (across - left, upper), 7: (across - left, down - upper), 8: (left, down - upper),
        }[orientation]
    ]  # fmt: skip


def test_inspection_drops_text_and_tail_of_a_png(inspected):
    text = png_chunk(b"tEXt", b"Comment\0SECRET")
    original = picture()
    data = original[:33] + text + original[33:] + b"PK\x03\x04SECRET"
    result = inspected(data, "png")
    assert b"SECRET" not in result.clean
    assert result.picture.getpixel((0, 0))[:3] == (255, 0, 0)


@pytest.mark.parametrize(
    ("data", "kind", "expected"),
    [
        pytest.param(picture("JPEG", "CMYK", colour=(0, 255, 255, 0)), "jpg", (255, 0, 0), id="cmyk"),
        pytest.param(picture("JPEG", "L", colour=77), "jpg", (77, 77, 77), id="grey jpg"),
        pytest.param(picture(mode="I;16", colour=0x8000), "png", (128, 128, 128), id="16 bit grey"),
        pytest.param(picture(mode="1", colour=1), "png", (255, 255, 255), id="1 bit"),
        pytest.param(picture(mode="P", colour=1), "png", None, id="palette"),
        pytest.param(picture(mode="P", colour=0, transparency=0), "png", (255, 255, 255), id="transparent colour"),
        pytest.param(
            picture(mode="P", transparency=bytes([51])), "png", (255, 204, 204), id="colour, mostly transparent"
        ),
        pytest.param(picture("GIF", "P", colour=0, transparency=0), "gif", (255, 255, 255), id="transparent gif"),
        pytest.param(picture(mode="RGBA", colour=(9, 9, 9, 0)), "png", (255, 255, 255), id="transparent"),
        pytest.param(picture(mode="LA", colour=(0, 51)), "png", (204, 204, 204), id="grey, half transparent"),
        pytest.param(picture("GIF", colour=(0, 0, 255)), "gif", (0, 0, 255), id="gif"),
    ],
)
def test_inspection_shows_every_colour_mode_on_white(inspected, data, kind, expected):
    shown = inspected(data, kind).picture.convert("RGBA").getpixel((5, 5))
    expected = expected or Image.open(BytesIO(data)).convert("RGB").getpixel((5, 5))
    assert max(abs(one - other) for one, other in zip(shown, (*expected, 255), strict=True)) <= 2


def test_inspection_fills_a_transparent_palette_in_little_memory(inspected):
    data = picture(mode="P", size=(5000, 4000), colour=0, transparency=0)
    assert inspected(data, "png", memory=125_000_000).inspection.width == 5000


def test_inspection_turns_a_transparent_png_upright(inspected):
    exif = Image.Exif()
    exif[ORIENTATION] = 8
    result = inspected(picture(mode="RGBA", colour=(0, 0, 0, 0), exif=exif), "png", memory=60_000_000)
    assert result.picture.size == (40, 60)
    assert result.picture.getpixel((0, 0)) == (255, 255, 255, 255)


def test_inspection_halves_a_large_turned_picture_to_save_memory(inspected):
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    size = {"size": (3000, 2000), "exif": exif}
    for data, kind in ((picture("JPEG", **size), "jpg"), (picture(mode="RGBA", **size), "png")):
        assert inspected(data, kind, memory=48_000_000).picture.size == (1000, 1500)


def test_inspection_halves_a_large_cmyk_picture_to_save_memory(inspected):
    data = picture("JPEG", "CMYK", size=(3000, 2000), colour=0)
    assert inspected(data, "jpg", memory=48_000_000).picture.size == (1500, 1000)


def test_inspection_halves_a_large_progressive_picture_to_save_memory(inspected):
    data = picture("JPEG", size=(3000, 2000), progressive=True, subsampling=0)
    assert inspected(data, "jpg", memory=60_000_000).picture.size == (1500, 1000)


def test_inspection_takes_a_phones_two_picture_jpg(inspected):
    target = BytesIO()
    Image.new("RGB", (30, 20)).save(target, "MPO", save_all=True, append_images=[Image.new("RGB", (30, 20), "red")])
    assert Image.open(BytesIO(target.getvalue())).format == "MPO"
    result = inspected(target.getvalue(), "jpg")
    assert (result.picture.format, result.picture.size) == ("JPEG", (30, 20))


def test_inspection_keeps_the_first_frame_of_50(inspected):
    result = inspected(animation(50), "gif")
    assert (result.inspection.frames, result.inspection.content_type) == (50, "image/png")
    assert result.picture.format == "PNG"
    assert not result.picture.is_animated
    assert result.picture.convert("L").getpixel((0, 0)) == 0


def test_inspection_neutralises_a_gif_that_is_also_javascript(inspected):
    gif = bytearray(picture("GIF", size=(0x2A2F, 2), comment=b"*/=1;alert(1)//"))
    assert gif.startswith(b"GIF89a/*")
    assert b"alert(1)" in gif
    clean = inspected(bytes(gif), "gif").clean
    assert not clean.startswith(b"GIF89a")
    assert b"alert(1)" not in clean


@pytest.mark.parametrize(("width", "height"), [(8000, 5000), (40_000_000 // 16, 16)])
def test_inspection_takes_40_megapixels(inspected, width, height):
    assert inspected(png_by_hand(width, height), "png").inspection.width == width


# Pictures that don't


@pytest.mark.parametrize(
    ("data", "kind", "code"),
    [
        pytest.param(lambda: png_by_hand(20000, 20000), "png", RefusalCode.TOO_MANY_PIXELS, id="pixel bomb"),
        pytest.param(
            lambda: png_by_hand(8000, 5001), "png", RefusalCode.TOO_MANY_PIXELS, id="just over 40 megapixels"
        ),
        pytest.param(
            b"GIF89a\xff\xff\xff\xff" + picture("GIF")[10:], "gif", RefusalCode.TOO_MANY_PIXELS, id="gif canvas bomb"
        ),
        pytest.param(animation(51), "gif", RefusalCode.TOO_MANY_FRAMES, id="51 frames"),
        pytest.param(b"GIF89a<svg onload='alert(1)'/>", "gif", RefusalCode.DAMAGED, id="gif head, svg body"),
        pytest.param(b"GIF89a\1\0\1\0\0\0\0<svg/>", "gif", RefusalCode.DAMAGED, id="gif screen, svg body"),
        pytest.param(b"GIF89a\1\0\1\0\0\0\0;", "gif", RefusalCode.DAMAGED, id="gif without a frame"),
        pytest.param(b"\xff\xd8\xff<script>alert(1)</script>", "jpg", RefusalCode.DAMAGED, id="jpg head, html body"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "png", RefusalCode.WRONG_CONTENT, id="svg as png"),
        pytest.param(b"<html><script>1</script></html>", "jpg", RefusalCode.WRONG_CONTENT, id="html as jpg"),
        pytest.param(picture(), "jpg", RefusalCode.WRONG_CONTENT, id="png as jpg"),
        pytest.param(pdf(), "gif", RefusalCode.WRONG_CONTENT, id="pdf as gif"),
        pytest.param(b"", "png", RefusalCode.EMPTY, id="empty"),
        pytest.param(noise("PNG")[:-2000], "png", RefusalCode.DAMAGED, id="truncated png"),
        pytest.param(noise("JPEG")[:-2000], "jpg", RefusalCode.DAMAGED, id="truncated jpg"),
        pytest.param(noise("GIF")[:-2000], "gif", RefusalCode.DAMAGED, id="truncated gif"),
        pytest.param(animation(3)[:-8], "gif", RefusalCode.DAMAGED, id="gif truncated in a later frame"),
        pytest.param(noise("PNG")[:30], "png", RefusalCode.DAMAGED, id="png head alone"),
        pytest.param(
            lambda: noise("PNG")[:33] + png_chunk(b"zTXt", b"a\0\0" + bomb()) + noise("PNG")[33:],
            "png",
            RefusalCode.DAMAGED,
            id="text bomb in png",
        ),
    ],
)
def test_inspection_refuses_picture(refusal, data, kind, code):
    assert refusal(data, kind) == code


@pytest.mark.parametrize(("width", "height"), [(40_000_000, 1), (1, 40_000_000)])
def test_inspection_does_not_call_a_picture_damaged_that_memory_does_not_hold(refusal, width, height):
    assert refusal(png_by_hand(width, height), "png") == RefusalCode.TOO_COMPLEX


def test_inspection_refuses_a_stored_file_over_the_size_limit(refusal):
    assert refusal(noise("PNG"), "png", size=1000) == RefusalCode.TOO_LARGE


# PDFs that pass

CYCLE = (
    "<< /S /GoTo /D [3 0 R /Fit] /Next [5 0 R 4 0 R] >>",
    "<< /S /GoTo /D [3 0 R /Fit] /Next << /S /Named /N /NextPage /Next {} >> >>",
)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(pdf(catalog="/OpenAction [3 0 R /XYZ 0 0 0]"), id="open at a page"),
        pytest.param(pdf(catalog="/OpenAction << /S /GoTo /D [3 0 R /Fit] >>"), id="open action goto"),
        pytest.param(pdf(*(part.format("4 0 R") for part in CYCLE), catalog="/OpenAction 4 0 R"), id="harmless cycle"),
        pytest.param(pdf(**annotation("/Subtype /Link /A << /S /URI /URI (https://a.test/) >>")), id="web link"),
        pytest.param(pdf(catalog="/Names << /JavaScript << /Names [] >> /EmbeddedFiles << >> >>"), id="empty trees"),
        pytest.param(pdf("<< /Type /Font /Subtype /Type1 >>", page="/X << /EF 4 0 R /JS 4 0 R >>"), id="odd names"),
        pytest.param(
            pdf(stream(zlib.compress(b"0 0 9 9 re f (/S /JavaScript /JS)"), FLATE), page="/Contents 4 0 R"), id="text"
        ),
        pytest.param(pdf("<< /S /#D5#FD#CE#C4 /Subtype /#CB#CE /#CB#CE 1 >>", page="/X 4 0 R"), id="names in GBK"),
        pytest.param(
            pdf(stream(b"\xff\xd8", "/Filter [/DCTDecode] /DecodeParms [null]"), page="/X 4 0 R"), id="photo"
        ),
        pytest.param(
            pdf(
                stream(zlib.compress(b"\xff\xd8"), "/Filter [/FlateDecode /DCTDecode] /DecodeParms [null null]"),
                page="/X 4 0 R",
            ),
            id="packed photo",
        ),
        pytest.param(pdf(pages=100), id="100 pages"),
        pytest.param(in_object_stream(), id="object stream"),
        pytest.param(
            lambda: pdf(stream(zlib.compress(bytes(60 << 20)), FLATE), catalog="/X 4 0 R"), id="60 MB picture"
        ),
    ],
)
def test_inspection_takes_harmless_pdf(inspected, data):
    result = inspected(data, "pdf")
    assert result.inspection.content_type == "application/pdf"
    assert result.inspection.sha256 == hashlib.sha256(result.clean).hexdigest()
    assert not result.thumbnail_path.exists()
    with pikepdf.open(result.clean_path) as document:
        assert len(document.pages) == result.inspection.pages


def test_inspection_drops_what_stands_behind_the_end_of_a_pdf(inspected):
    clean = inspected(pdf() + b"PK\x03\x04<script>SECRET</script>" * 999, "pdf").clean
    assert b"SECRET" not in clean
    assert clean.endswith(b"%%EOF\n")


def test_inspection_drops_info_xmp_and_unused_objects_of_a_pdf(inspected):
    with pikepdf.open(BytesIO(pdf("<< /S /JavaScript /JS (SECRET) >>"))) as document:
        document.docinfo["/Author"] = "SECRET"
        document.Root.Metadata = pikepdf.Stream(document, b"<x:xmpmeta>SECRET</x:xmpmeta>")
        data = saved(document, compress_streams=False)
    assert b"SECRET" in data
    result = inspected(data, "pdf")
    assert b"SECRET" not in result.clean
    with pikepdf.open(result.clean_path) as document:
        assert "/Info" not in document.trailer
        assert "/Metadata" not in document.Root


def test_inspection_drops_the_earlier_revisions_of_a_pdf(inspected):
    first = pdf(catalog="/OpenAction << /S /JavaScript /JS (SECRET) >>")
    body = b"1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n"
    table = b"xref\n1 1\n%010d 00000 n \n" % len(first)
    previous = first.index(b"xref\n0 ")
    trailer = b"trailer << /Size 4 /Root 1 0 R /Prev %d >>\nstartxref\n%d\n%%%%EOF\n"
    data = first + body + table + trailer % (previous, len(first) + len(body))
    assert b"SECRET" not in inspected(data, "pdf").clean


# PDFs that don't

JS = "/S /JavaScript /JS (app.alert\\(1\\))"
FILE = "<< /Type /Filespec /F (a.exe) /EF << /F 5 0 R >> >>"
BYTES = stream(b"MZ")
LINKED = "/Subtype /Link /A << {} >>"


def hidden_in_object_stream():
    with pikepdf.open(BytesIO(pdf(f"<< {JS} >>", catalog="/OpenAction 4 0 R"))) as document:
        data = saved(document, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    assert b"JavaScript" not in data
    return data


PAGE_TREE = [b"<< /Type /Pages /Kids [2 0 R] /Count 1 >>", b"<< /Type /Page /Parent 1 0 R /MediaBox [0 0 9 9] >>"]
SCRIPTS = {
    "open action": pdf(catalog=f"/OpenAction << {JS} >>"),
    "indirect open action": pdf(f"<< {JS} >>", catalog="/OpenAction 4 0 R"),
    "script in a stream": pdf(stream(b"1"), catalog="/OpenAction << /S /JavaScript /JS 4 0 R >>"),
    "script of no kind": pdf(catalog="/OpenAction << /JS (1) >>"),
    "spelt otherwise": pdf(catalog="/OpenAction << /S /J#61vaScript /#4aS (1) >>"),
    "kind as text": pdf(catalog="/OpenAction << /S (JavaScript) >>"),
    "document close": pdf(catalog=f"/AA << /WC << {JS} >> >>"),
    "page open": pdf(page=f"/AA << /O << {JS} >> >>"),
    "annotation action": pdf(**annotation(LINKED.format(JS))),
    "annotation event": pdf(**annotation(f"/Subtype /Widget /AA << /E << {JS} >> >>")),
    "javascript link": pdf(**annotation(LINKED.format("/S /URI /URI (java\\nscript:alert)"))),
    "javascript link in UTF-16": pdf(
        **annotation(LINKED.format(f"/S /URI /URI <feff{'javascript:1'.encode('utf-16-be').hex()}00>"))
    ),
    "outline": pdf("<< /First 5 0 R /Last 5 0 R >>", f"<< /Title (a) /A << {JS} >> >>", catalog="/Outlines 4 0 R"),
    "form field": pdf(f"<< /FT /Tx /T (a) /AA << /K << {JS} >> >> >>", catalog="/AcroForm << /Fields [4 0 R] >>"),
    "name tree": pdf(f"<< {JS} >>", catalog="/Names << /JavaScript << /Names [(a) 4 0 R] >> >>"),
    "nested name tree": pdf(
        "<< /Kids [5 0 R] >>", "<< /Names [(a) << /JS (1) >>] >>", catalog="/Names << /JavaScript 4 0 R >>"
    ),
    "chain with a cycle": pdf(
        *(part.format(f"<< {JS} /Next 4 0 R >>") for part in CYCLE), catalog="/OpenAction 4 0 R"
    ),
    "object stream": hidden_in_object_stream(),
    "catalog in the trailer": assembled(PAGE_TREE, f"<< /Type /Catalog /Pages 1 0 R /OpenAction << {JS} >> >>"),
    "base of all links": pdf(
        catalog="/URI << /Base (javascript:) >>", **annotation(LINKED.format("/S /URI /URI (a)"))
    ),
}
ACTIONS = {
    "Launch": RefusalCode.LAUNCH,
    "SubmitForm": RefusalCode.FORM_DATA,
    "ImportData": RefusalCode.FORM_DATA,
    "GoToR": RefusalCode.REMOTE_FILE,
    "GoToE": RefusalCode.REMOTE_FILE,
    "Rendition": RefusalCode.MULTIMEDIA,
    "RichMediaExecute": RefusalCode.MULTIMEDIA,
    "Sound": RefusalCode.MULTIMEDIA,
    "Movie": RefusalCode.MULTIMEDIA,
}
ATTACHMENTS = {
    "name tree": pdf(FILE, BYTES, catalog="/Names << /EmbeddedFiles << /Names [(a) 4 0 R] >> >>"),
    "annotation": pdf(FILE, BYTES, **annotation("/Subtype /FileAttachment /FS 4 0 R")),
    "associated file": pdf(FILE, BYTES, catalog="/AF [4 0 R]"),
    "associated file of a page": pdf(FILE, BYTES, page="/AF 4 0 R"),
    "loose stream": pdf(stream(b"MZ", "/Type /EmbeddedFile"), page="/X 4 0 R"),
}
BROKEN = {
    "without pages": (
        assembled([b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] /Count 0 >>"]),
        "no_pages",
    ),
    "101 pages": (pdf(pages=101), "too_many_pages"),
    "page tree in a circle": (
        assembled([b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [2 0 R] /Count 1 >>"]),
        "damaged",
    ),
    "cut": (pdf(pages=5)[:-300], "damaged"),
    "cut before the end mark": (pdf(pages=5)[:-300] + b"%%EOF", "damaged"),
    "wrong cross-reference": (pdf().replace(b"startxref\n", b"startxref\n9"), "damaged"),
    "cut at the very end": (pdf()[:-4], "damaged"),
    "head alone": (b"%PDF-1.7\n%%EOF", "damaged"),
    "html after the head": (b"%PDF-1.4\n<script>alert(1)</script>\n%%EOF\n", "damaged"),
    "pdf behind a zip": (b"PK\x03\x04" + pdf(), "wrong_content"),
    "encrypted": (encrypted(owner="owner", user="user"), "encrypted"),
    "encrypted with an empty password": (encrypted(owner="owner", user=""), "encrypted"),
    "strange encryption": (
        pdf().replace(b"/Root", b"/Encrypt << /Filter /Adobe.PubSec /V 4 >> /ID [(a) (a)] /Root"),
        "encrypted",
    ),
    "xfa": (pdf(catalog="/AcroForm << /Fields [] /XFA (a) >>"), "xfa_form"),
    "data in another file": (pdf(stream(b"", "/F (\\\\\\\\host\\\\a)"), page="/X 4 0 R"), "remote_file"),
    "unpacking bomb": (lambda: pdf(stream(bomb(), FLATE), page="/Contents 4 0 R"), "too_complex"),
    "bomb in a bomb": (
        lambda: pdf(stream(zlib.compress(bomb(), 1), "/Filter [/FlateDecode /FlateDecode]"), page="/Contents 4 0 R"),
        "too_complex",
    ),
    "bomb before a picture filter": (
        lambda: pdf(stream(bomb(), "/Filter [/FlateDecode /DCTDecode]"), page="/X 4 0 R"),
        "too_complex",
    ),
    "bomb of objects": (lambda: in_object_stream(bytes(140 << 20)), "damaged"),
    "picture bomb": (
        pdf(stream(b"a", "/Subtype /Image /Width 60000 /Height 60000 /Filter /JBIG2Decode"), page="/X 4 0 R"),
        "too_complex",
    ),
    "deep nesting": (pdf("[" * 200_000 + "]" * 200_000, catalog="/X 4 0 R"), "too_complex"),
}


@pytest.mark.parametrize("place", SCRIPTS)
def test_inspection_refuses_pdf_with_script_in(refusal, place):
    assert refusal(SCRIPTS[place], "pdf") == RefusalCode.SCRIPT


@pytest.mark.parametrize("action", ACTIONS)
def test_inspection_refuses_pdf_with_action(refusal, action):
    data = pdf(f"<< /S /{action} /F (a) >>", "<< /S /Named /N /Print /Next [4 0 R] >>", catalog="/OpenAction 5 0 R")
    assert refusal(data, "pdf") == ACTIONS[action]


@pytest.mark.parametrize("subtype", ["RichMedia", "Screen", "Movie", "Sound", "3D"])
def test_inspection_refuses_pdf_with_multimedia(refusal, subtype):
    assert refusal(pdf(**annotation(f"/Subtype /{subtype}")), "pdf") == RefusalCode.MULTIMEDIA


@pytest.mark.parametrize("place", ATTACHMENTS)
def test_inspection_refuses_pdf_with_a_file_in(refusal, place):
    assert refusal(ATTACHMENTS[place], "pdf") == RefusalCode.ATTACHMENT


@pytest.mark.parametrize("fault", BROKEN)
def test_inspection_refuses_pdf(refusal, fault):
    data, code = BROKEN[fault]
    assert refusal(data, "pdf") == code


def test_inspection_refuses_pdf_whose_streams_are_too_much_together(refusal):
    half = stream(zlib.compress(bytes(600_000)), FLATE)
    assert refusal(pdf(half, half, page="/X [4 0 R 5 0 R]"), "pdf", pdf_streams=1_000_000) == RefusalCode.TOO_COMPLEX


@pytest.mark.parametrize("memory", range(20_000_000, 110_000_000, 15_000_000))
def test_inspection_never_passes_what_it_has_no_memory_to_read(tmp_path, memory):
    """A script in an array so long that memory ends in one of the steps, or in none: it is refused whichever."""
    (tmp_path / "source").write_bytes(pdf(f"[{'0 ' * 500_000} << {JS} >>]", catalog="/X 4 0 R"))
    paths = [tmp_path / name for name in ("source", "clean", "thumbnail")]
    with pytest.raises(FileRefusedError):
        inspect(paths[0], "pdf", *paths[1:], Limits(memory=memory))


def test_inspection_refuses_a_file_that_grows_out_of_bounds(refusal):
    assert refusal(noise("PNG"), "png", clean_size=10_000) == RefusalCode.TOO_COMPLEX


# The child process


def test_inspection_ends_a_file_that_takes_too_much_of_the_processor(refusal, caplog):
    assert refusal(slow_pdf(), "pdf", seconds=1) == RefusalCode.TOO_COMPLEX
    assert f"ended with -{signal.SIGXCPU:d}" in caplog.text


def test_inspection_blames_the_clock_not_the_file(inspected):
    with pytest.raises(InspectionCutError, match="no answer"):
        inspected(slow_pdf(), "pdf", patience=0.3)


def test_child_ends_itself_when_nobody_watches_it(inspected, monkeypatch, caplog):
    run_child = inspection.run_child
    monkeypatch.setattr(inspection, "run_child", lambda request, _patience: run_child(request, 30))
    monkeypatch.setattr(inspection, "START", inspection.START.replace("main()", "main(); import time; time.sleep(20)"))
    with pytest.raises(InspectionCutError):
        inspected(picture(), "png", patience=0.1)
    assert f"ended with -{signal.SIGALRM:d}" in caplog.text


def test_inspection_ends_a_file_that_takes_too_much_memory(refusal, caplog):
    caplog.set_level("INFO")
    assert refusal(picture(size=(5000, 4000)), "png", memory=40_000_000) == RefusalCode.TOO_COMPLEX
    assert "MemoryError" in caplog.text


def test_inspection_refuses_a_file_that_crashes_the_child(refusal, monkeypatch):
    monkeypatch.setattr(inspection, "START", "import os; os.abort()")
    assert refusal(picture(), "png") == RefusalCode.TOO_COMPLEX


def test_inspection_blames_the_disk_not_the_file(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "entry").touch()
    with pytest.raises(IsADirectoryError):
        inspect(folder, "png", tmp_path / "clean", tmp_path / "thumbnail", Limits())


def test_child_knows_no_secrets_and_no_django(inspected, monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setenv("SECRET_KEY", "SECRET")
    spy = "import os; from evidence.inspection_worker import process, limits; "
    spy += "print(dict(os.environ), sorted(sys.modules), file=sys.stderr); os._exit(3); "
    monkeypatch.setattr(inspection, "START", inspection.START.replace("from evidence", spy + "from evidence", 1))
    with pytest.raises(InspectionCutError):
        inspected(picture(), "png")
    assert "evidence.inspection_worker.process" in caplog.text
    assert "SECRET" not in caplog.text
    assert "django" not in caplog.text


def test_inspection_runs_in_a_daemonic_worker(tmp_path):
    (tmp_path / "source").write_bytes(picture())
    paths = [tmp_path / name for name in ("source", "clean", "thumbnail")]
    worker = multiprocessing.get_context("fork").Process(
        target=inspect, args=(paths[0], "png", *paths[1:], Limits()), daemon=True
    )
    worker.start()
    worker.join(20)
    assert worker.exitcode == 0
    assert paths[1].read_bytes().startswith(b"\x89PNG")


def test_child_needs_less_than_300_megabytes_for_40_megapixels(inspected, monkeypatch, tmp_path):
    status = tmp_path / "status"
    note = f"open({str(status)!r}, 'a').write(open('/proc/self/status').read())"
    monkeypatch.setattr(inspection, "START", inspection.START.replace("main()", f"{note}; main(); {note}"))
    transparent = picture(mode="RGBA", size=(8000, 5000), colour=(1, 2, 3, 4), compress_level=1)
    assert inspected(transparent, "png").inspection.width == 8000
    start, peak = (int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    assert 100_000 < peak - start < 300_000
