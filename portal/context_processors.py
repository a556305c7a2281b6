"""What the frame of every page shows."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from portal.models import Column

TOP = [
    (_("首页"), "portal:home", []),
    (Column.NEWS.label, "portal:column", [Column.NEWS]),
    (Column.GUIDES.label, "portal:column", [Column.GUIDES]),
    (_("标准体系"), "achievements:framework", []),
    (Column.REGULATIONS.label, "portal:column", [Column.REGULATIONS]),
    (Column.SUPPORT.label, "portal:column", [Column.SUPPORT]),
    (Column.ABOUT.label, "portal:column", [Column.ABOUT]),
]
SIDE = [
    (_("我的信息"), "portal:my_information", "person-vcard"),
    (_("规则查询"), "conversion:rules", "search"),
    (_("成果添加"), "achievements:add", "plus-circle"),
    (_("认定成果申请"), "conversion:recognition", "patch-check"),
    (_("转换成果申请"), "conversion:grid", "arrow-left-right"),
    (_("业绩类成果转换申请"), "conversion:performance", "trophy"),
    (_("广东终身教育资历框架等级标准"), "achievements:framework", "layers"),
    (_("行业标准查询"), "achievements:standards", "journal-text"),
    (_("在线解答"), "portal:questions", "chat-dots"),
]
INSTITUTION_SIDE = [
    (_("机构主页"), "accounts:institution_home", "building"),
    (_("规则查询"), "conversion:rules", "search"),
    (_("在线解答"), "portal:questions", "chat-dots"),
]


@dataclass(frozen=True)
class Link:
    label: str
    url: str
    active: bool
    icon: str = ""


def _is_active(path, url):
    return path == url if url == "/" else path.startswith(url)


def frame(request):
    """Name, unread messages and menus; counted only where a page shows them."""
    user = getattr(request, "user", None)
    signed_in = bool(user and user.is_authenticated)
    top = [(label, reverse(name, args=args)) for label, name, args in TOP]
    side = [(label, reverse(name), icon) for label, name, icon in _side_of(user)] if signed_in else []
    return {
        "signed_in_name": user.name if signed_in else "",
        "unread_count": SimpleLazyObject(lambda: _unread(user)) if signed_in else 0,
        "top_navigation": [Link(label, url, _is_active(request.path, url)) for label, url in top],
        "side_menu": [Link(label, url, _is_active(request.path, url), icon) for label, url, icon in side],
    }


def _side_of(user):
    if user.learner_id:
        return SIDE
    return INSTITUTION_SIDE if user.institution_id and not user.is_staff else []


def _unread(user):
    return user.inbox_messages.filter(read_at=None).count()
