from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from accounts.forms import PasswordChangeForm, PasswordResetForm
from accounts.views.codes import code_page
from accounts.views.navigation import auto_id, go_to, home_of


def password_reset(request):
    return code_page(request, PasswordResetForm, "accounts/password_reset.html", _password_was_reset)


def _password_was_reset(request, form):
    if form.save() is None:
        form.add_error("phone", _("该手机号码没有对应的账号。请先注册或激活账号。"))
        return None
    messages.success(request, _("密码已重新设置,请用新密码登录。"))
    return redirect("accounts:sign_in")


@login_required
def password_change(request):
    form = PasswordChangeForm(request.POST or None, user=request.user, auto_id=auto_id(request))
    if request.method == "POST" and form.is_valid():
        form.save(request)
        messages.success(request, _("密码修改成功"))
        return go_to(request, home_of(request.user))
    return render(request, "accounts/password_change.html", {"form": form})
