"""What holds for every request of somebody signed in."""

from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.services.second_factor import has_passed
from accounts.views.navigation import go_to

ENDED = _("您的登录已结束:可能是长时间没有操作,已满12小时,或在其他设备上被退出。需要时请重新登录。")


class SignInSessionMiddleware:
    """Notes that the person is still there, and tells those whose session has ended."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            request.session.touch()
            if request.session.has_ended:
                messages.info(request, ENDED)
        return self.get_response(request)


class SecondFactorMiddleware:
    """Staff reach nothing before their second factor: it guards every page, not the admin's alone."""

    open_views = {
        "accounts:second_factor",
        "accounts:second_factor_set_up",
        "accounts:sign_out",
        "admin:logout",
    }

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        if not settings.STAFF_SECOND_FACTOR or request.resolver_match.view_name in self.open_views:
            return None
        if not request.user.is_authenticated or not request.user.is_staff or has_passed(request):
            return None
        target = {"next": request.get_full_path()} if request.method == "GET" else {}
        return go_to(request, f"{reverse('accounts:second_factor')}?{urlencode(target)}")
