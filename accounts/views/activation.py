"""激活账号 in three steps: 登录账号, 身份验证, 设置密码 (promises: Identity)."""

import json

from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

from accounts.forms.activation import ActivationIdentityForm, ActivationNumberForm, ActivationPasswordForm
from accounts.services import activation
from accounts.services.codes import new_flow
from accounts.views.codes import as_typed, code_page
from accounts.views.identity import is_offered, offer_check, withdraw_offer
from vault.ciphers import seal, unseal

SESSION_KEY = "activation"
CONTEXT = "session.activation"


def _load(request):
    """What the steps so far have told, or None: kept encrypted, since sessions lie in the database."""
    blob = request.session.get(SESSION_KEY)
    return json.loads(unseal(blob, CONTEXT)) if blob else None


def _keep(request, state):
    request.session[SESSION_KEY] = seal(json.dumps(state), CONTEXT)


def activate(request):
    """Step 1: every well-formed number goes on."""
    form = ActivationNumberForm(request.POST or None)
    if request.POST.get("action") == "refresh":
        as_typed(form)
    elif request.method == "POST" and form.is_valid():
        withdraw_offer(request)
        _keep(request, {"number": form.cleaned_data["document_number"], "flow": new_flow(), "phone": ""})
        return redirect("accounts:activate_identity")
    return render(request, "accounts/activation_number.html", {"form": form, "step": 1})


@never_cache
def activate_identity(request):
    """Step 2: only after the right code the server compares; whatever differs shows one and the same page."""
    state = _load(request)
    if state is None:
        return redirect("accounts:activate")

    def compare(request, form):
        return _compare(request, state, form.cleaned_data)

    return code_page(
        request,
        ActivationIdentityForm,
        "accounts/activation_identity.html",
        compare,
        document=state["number"],
        context={"step": 2, "proven_phone": state["phone"]},
        flow=state["flow"],
        proven_phone=state["phone"],
    )


def _compare(request, state, data):
    identity = {key: data[key] for key in ["name", "phone", "activation_code"]}
    state |= {"phone": data["phone"], "identity": identity}
    _keep(request, state)
    offer_check(request, document_number=state["number"], name=data["name"], phone=data["phone"])
    if not activation.take_name_attempt(state["flow"]):
        return _start_again(request)
    try:
        activation.find_person(document_number=state["number"], **identity)
    except activation.NotBoundError:
        state.pop("identity")
        _keep(request, state)
        return redirect("accounts:activate_unmatched")
    return redirect("accounts:activate_password")


def _start_again(request):
    request.session.pop(SESSION_KEY, None)
    return redirect("accounts:activate_unmatched")


@never_cache
def activate_unmatched(request):
    """The one page for every outcome but success: says what to do next, never what differed."""
    context = {"can_retype": _load(request) is not None, "can_ask": is_offered(request)}
    return render(request, "accounts/activation_unmatched.html", context)


@never_cache
def activate_password(request):
    """Step 3: the account is made, and only now."""
    state = _load(request)
    if state is None or "identity" not in state:
        return redirect("accounts:activate")
    form = ActivationPasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            activation.activate(
                document_number=state["number"], password=form.cleaned_data["password"], **state["identity"]
            )
        except activation.NotBoundError:
            return _start_again(request)
        request.session.pop(SESSION_KEY, None)
        withdraw_offer(request)
        return render(request, "accounts/activation_done.html")
    return render(request, "accounts/activation_password.html", {"form": form, "step": 3})
