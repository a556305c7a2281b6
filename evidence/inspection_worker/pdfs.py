"""PDFs: parsed and rewritten; what acts, carries other files or unpacks without end is refused."""

from io import BytesIO
from itertools import chain

import pikepdf
from pikepdf import Array, Dictionary, Name, Stream, String

from .limits import Examined, RefusalCode, RefusedError

REFUSED_ACTIONS = {
    "JavaScript": RefusalCode.SCRIPT,
    "Launch": RefusalCode.LAUNCH,
    "SubmitForm": RefusalCode.FORM_DATA,
    "ImportData": RefusalCode.FORM_DATA,
    "GoToE": RefusalCode.REMOTE_FILE,
    "GoToR": RefusalCode.REMOTE_FILE,
    "Rendition": RefusalCode.MULTIMEDIA,
    "Movie": RefusalCode.MULTIMEDIA,
    "Sound": RefusalCode.MULTIMEDIA,
    "RichMediaExecute": RefusalCode.MULTIMEDIA,
    "GoTo3DView": RefusalCode.MULTIMEDIA,
}
REFUSED_SUBTYPES = {
    "FileAttachment": RefusalCode.ATTACHMENT,
    "RichMedia": RefusalCode.MULTIMEDIA,
    "Screen": RefusalCode.MULTIMEDIA,
    "Movie": RefusalCode.MULTIMEDIA,
    "Sound": RefusalCode.MULTIMEDIA,
    "3D": RefusalCode.MULTIMEDIA,
}
REFUSED_SCHEMES = ("javascript:", "vbscript:", "data:", "file:")
FILE_KEYS = ("/F", "/UF", "/DOS", "/Mac", "/Unix")
NESTING = (Dictionary, Array, Stream)
WORDS = (Name, String)
NOT_VISIBLE = bytes(set(range(256)) - set(range(0x21, 0x7F)))
PICTURE_FILTERS = ("DCTDecode", "DCT", "JPXDecode", "JBIG2Decode", "CCITTFaxDecode", "CCF")


def examine_pdf(data, _kind, limits):
    """Rewrite the file, then look at what was written: exactly the objects a reviewer's viewer can reach."""
    pikepdf.settings.set_qpdf_limits(
        flate_max_memory=limits.pdf_stream,
        run_length_max_memory=limits.pdf_stream,
        png_max_memory=limits.pdf_stream,
        tiff_max_memory=limits.pdf_stream,
    )
    try:
        clean, pages = rewritten(data, limits.pages)
        with pikepdf.open(BytesIO(clean), attempt_recovery=False) as pdf:
            refuse_active_content(pdf)
            refuse_bombs(pdf, limits)
            refuse_missing_objects(pdf)
    except pikepdf.PasswordError:
        raise RefusedError(RefusalCode.ENCRYPTED) from None
    except pikepdf.PikepdfError as error:
        raise RefusedError(code_of_pdf_error(error)) from error
    if pikepdf.settings.qpdf_limit_errors():
        raise RefusedError(RefusalCode.TOO_COMPLEX)
    return Examined(clean=clean, pages=pages)


def code_of_pdf_error(error):
    if pikepdf.settings.qpdf_limit_errors() or "limit exceeded" in str(error):
        return RefusalCode.TOO_COMPLEX
    return RefusalCode.ENCRYPTED if "encrypt" in str(error) else RefusalCode.DAMAGED


def rewritten(data, most_pages):
    """Give the newest revision alone, and its page count: no history, no Info, no XMP, nothing behind the end."""
    end = data.rfind(b"%%EOF")
    if end < 0:
        raise RefusedError(RefusalCode.DAMAGED)
    target = BytesIO()
    # Repairing a cut file would show a reviewer less than the learner sees, so it is refused.
    with pikepdf.open(BytesIO(data[: end + 5]), attempt_recovery=False) as pdf:
        if pdf.is_encrypted:
            raise RefusedError(RefusalCode.ENCRYPTED)
        pages = counted_pages(pdf, most_pages)
        del pdf.docinfo
        if "/Metadata" in pdf.Root:
            del pdf.Root["/Metadata"]
        pdf.save(target, object_stream_mode=pikepdf.ObjectStreamMode.disable, deterministic_id=True)
        refuse_missing_objects(pdf)
    return target.getvalue(), pages


def refuse_missing_objects(pdf):
    """For want of memory qpdf takes an object for null and goes on: it would be neither shown nor examined."""
    if any("bad_alloc" in str(warning) for warning in pdf.get_warnings()):
        raise RefusedError(RefusalCode.TOO_COMPLEX)


def counted_pages(pdf, most):
    pages = len(pdf.pages)
    if pages == 0:
        raise RefusedError(RefusalCode.NO_PAGES)
    if pages > most:
        raise RefusedError(RefusalCode.TOO_MANY_PAGES)
    return pages


def refuse_active_content(pdf):
    for entries in every_dictionary(pdf):
        if code := refusal_in(entries):
            raise RefusedError(code)


def every_dictionary(pdf):
    """Visit all objects and what is nested in them. References are not followed, so cycles can't matter.

    Most objects are indirect; the trailer is not, and a catalog may be written into it.
    """
    for start in chain([pdf.trailer], pdf.objects):
        waiting = [start]
        while waiting:
            found = waiting.pop()
            if isinstance(found, Array):
                children = found
            else:
                entries = entries_of(found)
                yield entries
                children = entries.values()
            waiting += [child for child in children if isinstance(child, NESTING) and not child.is_indirect]


def entries_of(found):
    """Give a dictionary or a stream's dictionary as Python's own: it is asked for many keys."""
    if isinstance(found, Stream):
        found = found.stream_dict
        if "/F" in found:  # the stream's data are in another file
            raise RefusedError(RefusalCode.REMOTE_FILE)
    return dict(found.items()) if isinstance(found, Dictionary) else {}


def refusal_in(entries):
    """Judge one dictionary by its entries; /Type is optional in actions and annotations, so it proves nothing."""
    if is_script(entries):
        return RefusalCode.SCRIPT
    if is_attachment(entries):
        return RefusalCode.ATTACHMENT
    if "/XFA" in entries:
        return RefusalCode.XFA_FORM
    return REFUSED_ACTIONS.get(word(entries, "/S")) or REFUSED_SUBTYPES.get(word(entries, "/Subtype"))


def word(entries, key):
    """Give the visible ASCII of a name or text, without its slash: names may be in GBK, texts in UTF-16."""
    value = entries.get(key)
    if not isinstance(value, WORDS):
        return ""
    return bytes(value).translate(None, NOT_VISIBLE).decode("ascii").removeprefix("/")


def is_script(entries):
    return (
        isinstance(entries.get("/JS"), String)
        or has_entries(entries, "/JavaScript")
        or any(word(entries, key).lower().startswith(REFUSED_SCHEMES) for key in ("/URI", "/Base"))
    )


def has_entries(entries, key):
    """Tell whether a name tree holds something; some programs write empty ones."""
    tree = as_dictionary(entries.get(key))
    return any(len(tree[part]) for part in ("/Names", "/Kids") if part in tree)


def is_attachment(entries):
    files = as_dictionary(entries.get("/EF"))
    return (
        any(key in files for key in FILE_KEYS)
        or has_entries(entries, "/EmbeddedFiles")
        or word(entries, "/Type") == "EmbeddedFile"
    )


def as_dictionary(value):
    return value if isinstance(value, Dictionary) else {}


def refuse_bombs(pdf, limits):
    """Unpack every stream as far as a viewer would, pictures excepted: their declared size is judged."""
    unpacked = 0
    for stream in list(pdf.objects):
        if isinstance(stream, Stream):
            unpacked += unpacked_size(pdf, stream)
            if unpacked > limits.pdf_streams or picture_pixels(stream) > limits.pdf_picture_pixels:
                raise RefusedError(RefusalCode.TOO_COMPLEX)


def picture_pixels(stream):
    width, height = stream.get("/Width", 0), stream.get("/Height", 0)
    return width * height if isinstance(width, int) and isinstance(height, int) else 0


def unpacked_size(pdf, stream):
    filters = names_in(stream.get("/Filter"))
    if filters and filters[-1] in PICTURE_FILTERS:
        if len(filters) == 1:
            return 0
        stream = without_last_filter(pdf, stream)
    return len(memoryview(stream.get_stream_buffer()))


def names_in(value):
    if value is None:
        return []
    return [str(name).removeprefix("/") for name in (value if isinstance(value, Array) else [value])]


def without_last_filter(pdf, stream):
    inner = pdf.make_stream(stream.read_raw_bytes())
    for key in ("/Filter", "/DecodeParms"):
        value = stream.get(key)
        if isinstance(value, Array):
            inner[key] = Array(list(value)[:-1])
    return inner
