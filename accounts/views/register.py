from django.contrib import messages
from django.contrib.auth import login
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.http import JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.forms import RegisterForm
from accounts.models import Region
from accounts.views.codes import code_page


def register(request):
    if request.user.is_authenticated:
        return redirect("portal:my_information")
    return code_page(request, RegisterForm, "accounts/learner_register.html", _registered)


def _registered(request, form):
    try:
        user = form.save()
    except IntegrityError:
        form.add_error(None, ValidationError(_("用户名、电子邮箱或手机号码刚刚被别人使用,请修改后重新获取验证码。")))
        return None
    login(request, user, backend="accounts.backends.IdentifierBackend")
    messages.success(request, _("注册成功,欢迎您!现在可以添加您的学习成果。"))
    return redirect("portal:my_information")


@require_safe
def regions(request):
    """The divisions below `parent`, for the dependent selects."""
    children = Region.objects.filter(parent_id=request.GET.get("parent", "")[:6], valid_to=None)
    return JsonResponse(list(children.values("code", "name")), safe=False)
