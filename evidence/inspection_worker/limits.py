"""What the inspection and its child process agree on."""

from dataclasses import asdict, dataclass
from enum import StrEnum


class RefusalCode(StrEnum):
    EMPTY = "empty"
    TOO_LARGE = "too_large"
    UNKNOWN_TYPE = "unknown_type"
    WRONG_CONTENT = "wrong_content"
    DAMAGED = "damaged"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_MANY_FRAMES = "too_many_frames"
    TOO_MANY_PAGES = "too_many_pages"
    NO_PAGES = "no_pages"
    ENCRYPTED = "encrypted"
    SCRIPT = "script"
    LAUNCH = "launch"
    FORM_DATA = "form_data"
    ATTACHMENT = "attachment"
    MULTIMEDIA = "multimedia"
    XFA_FORM = "xfa_form"
    REMOTE_FILE = "remote_file"
    TOO_COMPLEX = "too_complex"
    INFECTED = "infected"


@dataclass(frozen=True)
class Limits:
    """What an evidence file may be, and what its inspection may cost. Sizes in bytes."""

    size: int = 10 * 1024 * 1024
    pixels: int = 40_000_000
    frames: int = 50
    pages: int = 100
    seconds: float = 20  # of the processor's time
    patience: float = 60  # seconds by the clock: much more, for on a busy machine a good file gets its share late
    memory: int = 300_000_000  # of the child, on top of its interpreter and libraries
    thumbnail_side: int = 480
    clean_size: int = 80 * 1024 * 1024
    pdf_stream: int = 128 * 1024 * 1024  # one stream of a PDF, unpacked: a page of 600 dpi in colour has 104 MB
    pdf_streams: int = 512 * 1024 * 1024
    pdf_picture_pixels: int = 160_000_000


class RefusedError(Exception):
    def __init__(self, code):
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Examined:
    """The clean copy and what was found out about it."""

    clean: bytes
    thumbnail: bytes | None = None
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    pages: int | None = None

    def findings(self):
        return {name: value for name, value in asdict(self).items() if name not in ("clean", "thumbnail")}


# The clean copy's: a GIF becomes a PNG of its first frame.
CONTENT_TYPES = {"jpg": "image/jpeg", "png": "image/png", "gif": "image/png", "pdf": "application/pdf"}
SIGNATURES = {
    "jpg": (b"\xff\xd8\xff",),
    "png": (b"\x89PNG\r\n\x1a\n",),
    "gif": (b"GIF87a", b"GIF89a"),
    "pdf": (b"%PDF-",),
}


def kind_of(head):
    """Name the kind of file that starts with these bytes, or None."""
    return next((kind for kind, starts in SIGNATURES.items() if head.startswith(starts)), None)
