"""A device as its owner would call it, and an address that names a network but no household."""

import ipaddress

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

# The first mark found counts: most browsers carry the marks of older ones too.
BROWSERS = [
    ("MicroMessenger", gettext_noop("微信")),
    ("DingTalk", gettext_noop("钉钉")),
    ("HuaweiBrowser", gettext_noop("华为浏览器")),
    ("QQBrowser", gettext_noop("QQ浏览器")),
    ("UCBrowser", gettext_noop("UC浏览器")),
    ("Edg", "Edge"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
]
SYSTEMS = [
    ("HarmonyOS", gettext_noop("鸿蒙")),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
]


def device_name(user_agent):
    """Return, say, "Chrome · Windows" for a browser's User-Agent."""
    names = [_first(BROWSERS, user_agent), _first(SYSTEMS, user_agent)]
    return " · ".join(_(name) for name in names if name) or _("未知设备")


def _first(marks, text):
    return next((name for mark, name in marks if mark in text), "")


def short_address(text):
    """Return 192.0.2.* for 192.0.2.7 and the first 48 bits of an IPv6 address; "" for anything else."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    if address.version == 4:
        return text.rpartition(".")[0] + ".*"
    network = ipaddress.ip_network((address, 48), strict=False)
    return f"{network.network_address}*"
