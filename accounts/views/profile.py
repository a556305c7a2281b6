from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import IntegrityError
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from accounts.decorators import learner_required
from accounts.forms.profile import PhoneChangeForm, ProfileForm
from accounts.views.codes import as_typed, code_page
from accounts.views.navigation import home_of


@learner_required
def profile(request):
    form = ProfileForm(request.POST or None, user=request.user)
    if request.method == "POST" and request.POST.get("action") == "refresh":
        as_typed(form)
    elif request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("个人信息已保存。"))
        return redirect("portal:my_information")
    return render(request, "accounts/learner_profile.html", {"form": form, "learner": request.user.learner})


@login_required
def phone_change(request):
    def changed(request, form):
        try:
            form.save(request)
        except IntegrityError:
            form.add_error("phone", _("该手机号码已绑定其他账号。"))
            return None
        messages.success(request, _("手机号码已更换,其他设备上的登录已退出。"))
        return redirect(home_of(request.user))

    return code_page(request, PhoneChangeForm, "accounts/phone_change.html", changed, user=request.user)
