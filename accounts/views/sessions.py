"""登录设备: where an account is signed in, and ending that."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.models import SignInSession
from accounts.services.sessions import end_other_sessions
from accounts.views.navigation import home_of


@login_required
def sessions(request):
    current = SignInSession.digest_of(request.session.session_key)
    rows = request.user.sessions.live().order_by("-last_seen_at")
    context = {"sessions": rows, "current": current, "home": home_of(request.user)}
    return render(request, "accounts/signinsession_list.html", context)


@require_POST
@login_required
def session_end(request):
    """End one of the account's other sessions; ending this one is 「安全退出」."""
    others = request.user.sessions.others(request.session.session_key)
    others.filter(pk=request.POST.get("session", "").replace("\x00", "")).delete()
    messages.success(request, _("已退出该设备上的登录。"))
    return redirect("accounts:sessions")


@require_POST
@login_required
def other_sessions_end(request):
    count = end_other_sessions(request=request, user=request.user)
    messages.success(request, _("已退出其他设备上的登录,共%s个。") % count)
    return redirect("accounts:sessions")
