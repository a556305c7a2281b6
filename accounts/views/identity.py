"""「申请人工核对」: for whom the activation found nothing; the same pages whatever number was typed."""

import json

from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

from accounts.forms.identity import IdentityCheckForm
from vault.ciphers import seal, unseal

SESSION_KEY = "identity_check"
CONTEXT = "session.identity_check"


def offer_check(request, *, document_number, name, phone):
    """Keep (encrypted) what a visitor with a proven phone has told, so that a check can be asked for."""
    told = json.dumps({"document_number": document_number, "name": name, "phone": phone})
    request.session[SESSION_KEY] = seal(told, CONTEXT)


def is_offered(request):
    return SESSION_KEY in request.session


def withdraw_offer(request):
    request.session.pop(SESSION_KEY, None)


@never_cache
def identity_check(request):
    if not is_offered(request):
        return redirect("accounts:activate")
    told = json.loads(unseal(request.session[SESSION_KEY], CONTEXT))
    form = IdentityCheckForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid() and form.save(**told):
        withdraw_offer(request)
        return redirect("accounts:identity_check_done")
    return render(request, "accounts/identitycheck_form.html", {"form": form, "name": told["name"]})


@never_cache
def identity_check_done(request):
    return render(request, "accounts/identitycheck_done.html")
