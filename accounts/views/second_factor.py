"""The second factor of staff: setting it up at the first sign-in, then a code at every sign-in."""

from functools import wraps

import segno
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.forms.second_factor import SecondFactorForm, SecondFactorSetUpForm
from accounts.models import StaffTotp
from accounts.services.second_factor import RECOVERY_DIGITS, AlreadySetUpError, has_passed, note_passed, set_up
from accounts.totp import app_uri, new_secret
from accounts.views.navigation import home_of, local_next
from vault.ciphers import seal, unseal

SESSION_KEY = CONTEXT = "session.second_factor"


def staff_required(view):
    @wraps(view)
    def guarded(request):
        return view(request) if request.user.is_staff else redirect(home_of(request.user))

    return login_required(guarded)


def _has_app(user):
    return StaffTotp.objects.filter(user=user).exists()


@staff_required
def second_factor(request):
    """Ask for a code, once per sign-in."""
    target = local_next(request)
    if has_passed(request):
        return redirect(target or home_of(request.user))
    if not _has_app(request.user):
        return redirect(f"{reverse('accounts:second_factor_set_up')}?{request.GET.urlencode()}")
    form = SecondFactorForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        note_passed(request)
        if len(form.cleaned_data["code"]) == RECOVERY_DIGITS:
            _tell_codes_left(request)
        return redirect(target or home_of(request.user))
    return render(request, "accounts/second_factor.html", {"form": form, "next": target})


def _tell_codes_left(request):
    left = request.user.recovery_codes.filter(used_at=None).count()
    messages.warning(
        request,
        _("您使用了一个恢复码,还剩%s个。如更换了手机或恢复码将用完,请联系管理员重置您的两步验证。") % left,
    )


@staff_required
def second_factor_set_up(request):
    """Show the secret until one code proves that an app holds it, then the recovery codes, once."""
    if _has_app(request.user):
        return redirect("accounts:second_factor")
    secret = _pending_secret(request)
    form = SecondFactorSetUpForm(request.POST or None, secret=secret)
    if request.method == "POST" and form.is_valid():
        return _finish(request, secret, form.step)
    uri = app_uri(secret, issuer=_("广东学分银行"), account=request.user.username)
    context = {
        "form": form,
        "next": local_next(request),
        "uri": uri,
        "qr_code": segno.make_qr(uri).svg_data_uri(scale=5, border=4, light="#fff"),
        "secret_groups": [secret[at : at + 4] for at in range(0, len(secret), 4)],
    }
    return render(request, "accounts/second_factor_set_up.html", context)


def _finish(request, secret, step):
    try:
        codes = set_up(user=request.user, secret=secret, step=step)
    except AlreadySetUpError:
        return redirect("accounts:second_factor")
    del request.session[SESSION_KEY]
    note_passed(request)
    context = {"codes": codes, "next": local_next(request) or reverse("admin:index")}
    return render(request, "accounts/second_factor_codes.html", context)


def _pending_secret(request):
    """The secret shown to this session: not the account's before a code has proven it, and kept encrypted."""
    if SESSION_KEY not in request.session:
        request.session[SESSION_KEY] = seal(new_secret(), CONTEXT)
    return unseal(request.session[SESSION_KEY], CONTEXT)
