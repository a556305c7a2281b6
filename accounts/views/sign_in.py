from django.contrib import messages
from django.contrib.auth import login, logout
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.forms import SignInForm
from accounts.views.codes import as_typed
from accounts.views.navigation import auto_id, go_to, home_of, local_next


def sign_in(request):
    if request.user.is_authenticated:
        return go_to(request, local_next(request) or home_of(request.user))
    form = SignInForm(request.POST or None, request=request, auto_id=auto_id(request))
    if request.POST.get("action") == "refresh":
        as_typed(form)
    elif request.method == "POST" and form.is_valid():
        login(request, form.user)
        return go_to(request, local_next(request) or home_of(form.user))
    return render(request, "accounts/user_sign_in.html", {"form": form, "next": local_next(request)})


@require_POST
def sign_out(request):
    logout(request)
    messages.success(request, _("您已安全退出。"))
    return redirect("portal:home")
