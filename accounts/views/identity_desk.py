"""The centre's page of one 人工核对 inside the admin."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from accounts.forms.identity import IdentityDecisionForm
from accounts.forms.personal_data import UnmaskForm
from accounts.models import IdentityCheck, User
from accounts.services.identity import CheckRefusedError, approve_check, check_may_decide, obstacle, refuse_check
from evidence.serving import evidence_response
from messaging.services import SmsBudgetError

DESK = "admin:accounts_identitycheck_desk"


def may_see_checks(user):
    return user.belongs_to_centre and user.has_perm("accounts.view_identitycheck")


def _check(request, pk):
    if not may_see_checks(request.user):
        raise PermissionDenied
    return get_object_or_404(IdentityCheck, pk=pk)


@never_cache
def identity_desk(request, pk):
    check = _check(request, pk)
    form = IdentityDecisionForm(request.POST or None, initial={"seen_status": check.status})
    if request.method == "POST" and form.is_valid() and _decided(request, check, form):
        return redirect(DESK, check.pk)
    check.refresh_from_db()
    return render(request, "admin/accounts/identitycheck/desk.html", _context(request, check, form))


def _decided(request, check, form):
    """Take the decision; whoever pressed the button on an old page is told so instead."""
    data = form.cleaned_data
    try:
        if data["seen_status"] != check.status:
            raise CheckRefusedError(_("刚刚已由别人处理,您的操作没有生效。"))
        if data["action"] == form.REFUSE:
            refuse_check(check=check, by=request.user, refusal=data["refusal"])
        else:
            approve_check(check=check, by=request.user)
    except (CheckRefusedError, SmsBudgetError) as error:
        form.add_error(None, error.message)
        return False
    messages.success(request, _("已记录。"))
    return True


def _context(request, check, form):
    learner = check.learner
    return {
        **admin.site.each_context(request),
        "title": _("人工核对"),
        "opts": IdentityCheck._meta,
        "check": check,
        "learner": learner,
        "enrolments": learner.enrolments.select_related("institution") if learner else [],
        "has_account": bool(learner) and User.objects.filter(learner=learner).exists(),
        "obstacle": obstacle(check) if check.is_open else None,
        "may_not": _why_not(check, request.user),
        "form": form,
        "unmask_form": UnmaskForm(initial={"purpose": "identity"}),
        "full_document": "",
    }


def _why_not(check, user):
    try:
        check_may_decide(check=check, by=user)
    except CheckRefusedError as error:
        return error.message
    return ""


@never_cache
def identity_evidence(request, pk, file_pk, thumbnail=False):
    """A photo of a check, for those who may see the check."""
    return evidence_response(get_object_or_404(_check(request, pk).files, pk=file_pk), thumbnail)
