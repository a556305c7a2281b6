"""What the frame of every page shows."""

from dataclasses import dataclass
from functools import lru_cache

from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from messaging.models import InboxMessage
from portal.models import Column

TOP = [
    (_("首页"), "portal:home", [], ""),
    (Column.NEWS.label, "portal:column", [Column.NEWS], ""),
    (Column.GUIDES.label, "portal:column", [Column.GUIDES], ""),
    (_("标准体系"), "achievements:framework", [], ""),
    (Column.REGULATIONS.label, "portal:column", [Column.REGULATIONS], ""),
    (Column.SUPPORT.label, "portal:column", [Column.SUPPORT], ""),
    (Column.ABOUT.label, "portal:column", [Column.ABOUT], ""),
]
SIDE = [
    (_("我的信息"), "portal:my_information", [], "person-vcard"),
    (_("规则查询"), "conversion:rules", [], "search"),
    (_("成果添加"), "achievements:add", [], "plus-circle"),
    (_("认定成果申请"), "conversion:recognition", [], "patch-check"),
    (_("转换成果申请"), "conversion:grid", [], "arrow-left-right"),
    (_("业绩类成果转换申请"), "conversion:performance", [], "trophy"),
    (_("广东终身教育资历框架等级标准"), "achievements:framework", [], "layers"),
    (_("行业标准查询"), "achievements:standards", [], "journal-text"),
    (_("在线解答"), "portal:questions", [], "chat-dots"),
]
INSTITUTION_SIDE = [
    (_("机构主页"), "accounts:institution_home", [], "building"),
    (_("名册导入"), "accounts:roster_upload", [], "person-plus"),
    (_("成果导入"), "achievements:imports", [], "upload"),
    (_("本机构名录成果"), "achievements:own_entries", [], "journal-text"),
    (_("规则查询"), "conversion:rules", [], "search"),
    (_("在线解答"), "portal:questions", [], "chat-dots"),
]


MENUS = {"top": TOP, "learner": SIDE, "institution": INSTITUTION_SIDE}
MENU_NAMES = {"learner": _("学习者菜单"), "institution": _("机构菜单")}


@dataclass(frozen=True, eq=False)  # compared by identity: the links of `_links` are made once
class Link:
    label: str
    url: str
    active: bool
    icon: str = ""


def frame(request):
    """Name, unread messages and menus; counted only where a page shows them."""
    user = getattr(request, "user", None)
    signed_in = bool(user and user.is_authenticated)
    side = _side_of(user) if signed_in else ""
    return {
        "signed_in_name": user.name if signed_in else "",
        "unread_count": SimpleLazyObject(lambda: _unread(user)) if signed_in else 0,
        "top_navigation": _menu("top", request.path),
        "side_menu": _menu(side, getattr(request, "menu_path", request.path)),
        "side_menu_name": MENU_NAMES.get(side, ""),
    }


def _side_of(user):
    if user.learner_id:
        return "learner"
    return "institution" if user.institution_id and not user.is_staff else ""


def _menu(name, path):
    urls = _urls(name)
    nearest = max((url for url in urls if _is_active(path, url)), key=len, default="")
    return _links(name, tuple(url == nearest for url in urls))


def _is_active(path, url):
    return path == url if url == "/" else path.startswith(url)


@lru_cache
def _urls(name):
    return [reverse(view, args=args) for _label, view, args, _icon in MENUS.get(name, ())]


@lru_cache
def _links(name, active):
    """The same tuple for the same marks, so that `{% fixed %}` knows what it has rendered."""
    entries = zip(MENUS.get(name, ()), _urls(name), active, strict=True)
    return tuple(Link(label, url, is_active, icon) for (label, _view, _args, icon), url, is_active in entries)


def _unread(user):
    return InboxMessage.unread_by(user.pk)
