"""One page of a clean PDF as a JPEG: what a reviewer reads beside the conditions."""

from io import BytesIO

import pypdfium2

from .limits import RefusalCode, RefusedError

WIDTH, LONGEST = 1240, 3600  # pixels: a page of A4 at 150 dpi; a longer one shrinks
QUALITY = 85


def draw_page(data, number, _limits):
    """Draw page `number` (from 1); what is filled into a form is drawn, too."""
    pdf = pypdfium2.PdfDocument(data)
    if not 1 <= number <= len(pdf):
        raise RefusedError(RefusalCode.NO_PAGES)
    pdf.init_forms()
    page = pdf[number - 1]
    width, height = page.get_size()
    scale = min(WIDTH / width, LONGEST / height)
    picture = page.render(scale=scale).to_pil().convert("RGB")
    target = BytesIO()
    picture.save(target, "JPEG", quality=QUALITY)
    return target.getvalue()
