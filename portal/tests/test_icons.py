import re
from pathlib import Path

from django.conf import settings

from portal.context_processors import MENUS


def test_every_icon_that_a_page_shows_is_in_the_sprite():
    sprite = (Path(settings.BASE_DIR) / "static" / "icons.svg").read_text()
    known = set(re.findall(r'id="([a-z-]+)"', sprite))
    shown = {icon for menu in MENUS.values() for _label, _url, _arguments, icon in menu if icon}
    for template in (Path(settings.BASE_DIR) / "templates").rglob("*.html"):
        shown |= set(re.findall(r'icon\.html" (?:with )?name="([a-z-]+)"', template.read_text()))
    assert shown
    assert shown <= known
