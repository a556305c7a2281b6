from django.contrib import messages
from django.contrib.auth import login, logout
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.http import JsonResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRedirect

from accounts.code_views import CodeAnswer, answer_code_request, flow_of
from accounts.forms import PasswordChangeForm, PasswordResetForm, RegisterForm, SignInForm
from accounts.models import Region


def _local_next(request):
    """The page to go on to; never another site's."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    return target if safe else ""


def _go(request, url):
    """Redirect the whole page, also out of a dialog."""
    return HttpResponseClientRedirect(resolve_url(url)) if request.htmx else redirect(url)


def _auto_id(request):
    """A dialog stands above a page that may hold the same form: its ids must differ."""
    return "dialog_%s" if request.htmx else "id_%s"


def _home_of(user):
    if user.is_staff:
        return "admin:index"
    return "accounts:institution_home" if user.institution_id else "portal:my_information"


def sign_in(request):
    if request.user.is_authenticated:
        return _go(request, _local_next(request) or _home_of(request.user))
    form = SignInForm(request.POST or None, request=request, auto_id=_auto_id(request))
    if request.method == "POST" and form.is_valid():
        login(request, form.user)
        return _go(request, _local_next(request) or _home_of(form.user))
    return render(request, "accounts/user_sign_in.html", {"form": form, "next": _local_next(request)})


@require_POST
def sign_out(request):
    logout(request)
    messages.success(request, _("您已安全退出。"))
    return redirect("portal:home")


def _code_page(request, form_class, template, on_valid):
    """A page around a `PhoneCodeForm`: 「获取验证码」 and the saving are two submits of one form."""
    kwargs = {"flow": flow_of(request, form_class.purpose)}
    answer, form = CodeAnswer(), form_class(**kwargs)
    if request.method == "POST" and request.POST.get("action") == "send_code":
        form, answer = answer_code_request(request, form_class, **kwargs)
        if request.htmx:
            return render(request, "accounts/includes/code_block.html", {"form": form, "answer": answer})
    elif request.method == "POST" and request.POST.get("action") == "refresh":
        form = form_class.after_request(request.POST, form_class(), **kwargs)
    elif request.method == "POST":
        form = form_class(request.POST, **kwargs)
        if form.is_valid() and (response := on_valid(request, form)):
            return response
    return render(request, template, {"form": form, "answer": answer})


def register(request):
    if request.user.is_authenticated:
        return redirect("portal:my_information")
    return _code_page(request, RegisterForm, "accounts/learner_register.html", _registered)


def _registered(request, form):
    try:
        user = form.save()
    except IntegrityError:
        form.add_error(None, ValidationError(_("用户名、电子邮箱或手机号码刚刚被别人使用,请修改后重新获取验证码。")))
        return None
    login(request, user, backend="accounts.backends.IdentifierBackend")
    messages.success(request, _("注册成功,欢迎您!现在可以添加您的学习成果。"))
    return redirect("portal:my_information")


def password_reset(request):
    return _code_page(request, PasswordResetForm, "accounts/password_reset.html", _password_was_reset)


def _password_was_reset(request, form):
    if form.save() is None:
        form.add_error("phone", _("该手机号码没有对应的账号。请先注册或激活账号。"))
        return None
    messages.success(request, _("密码已重新设置,请用新密码登录。"))
    return redirect("accounts:sign_in")


@login_required
def password_change(request):
    form = PasswordChangeForm(request.POST or None, user=request.user, auto_id=_auto_id(request))
    if request.method == "POST" and form.is_valid():
        form.save(request)
        messages.success(request, _("密码修改成功"))
        return _go(request, _home_of(request.user))
    return render(request, "accounts/password_change.html", {"form": form})


@require_GET
def regions(request):
    """The divisions below `parent`, for the dependent selects."""
    children = Region.objects.filter(parent_id=request.GET.get("parent", "")[:6], valid_to=None)
    return JsonResponse(list(children.values("code", "name")), safe=False)
