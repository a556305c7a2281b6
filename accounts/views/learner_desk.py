"""The centre's pages about one person inside the admin: the whole document number, and merging."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import CASCADE
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts.addresses import client_address
from accounts.forms.personal_data import MergeForm, UnmaskForm
from accounts.models import Learner
from accounts.services.merging import (
    MergeRefusedError,
    keep_apart,
    merge_learner,
    tell_phones_on_record,
    used_duplicates,
)
from accounts.services.personal_data import NotAllowedError


def visible_learners(user):
    """The centre sees everybody, an institution's staff those on its roster."""
    if user.belongs_to_centre:
        return Learner.objects.all()
    return Learner.objects.filter(enrolments__institution=user.institution_id).distinct()


def _page(request, learner, title):
    return {**admin.site.each_context(request), "learner": learner, "title": title, "opts": Learner._meta}


@never_cache
@require_POST
def learner_unmask(request, pk):
    """「显示完整证件号码」: written down first, then shown, this once."""
    learner = get_object_or_404(visible_learners(request.user), pk=pk)
    form, number = UnmaskForm(request.POST), ""
    if form.is_valid():
        number = reveal_or_deny(request, form, learner)
    context = {"unmask_form": form, "full_document": number}
    page = _page(request, learner, _("完整证件号码"))
    return render(request, "admin/accounts/learner/document.html", page | context)


def reveal_or_deny(request, form, learner):
    """The number that a valid `UnmaskForm` asks for; 403 without the permission."""
    try:
        return form.reveal(learner=learner, by=request.user, address=client_address(request))
    except NotAllowedError as error:
        raise PermissionDenied from error


def may_merge(user):
    return user.belongs_to_centre and user.has_perm("accounts.merge_learner")


def is_mergeable(learner):
    return not (learner.verified_at or learner.merged_into_id) and learner.verified_twin is not None


@never_cache
def learner_merge(request, pk):
    """Two records with one number side by side, and what staff decide about them."""
    if not may_merge(request.user):
        raise PermissionDenied
    learner = get_object_or_404(Learner.objects.filter(verified_at=None, merged_into=None), pk=pk)
    form = MergeForm(request.POST or None)
    if learner.verified_twin and request.method == "POST" and form.is_valid() and _settled(request, learner, form):
        return redirect("admin:accounts_learner_changelist")
    twin = learner.verified_twin
    duplicates = _duplicates(learner, twin) if twin else []
    context = {"form": form, "twin": twin, "duplicates": duplicates}
    return render(request, "admin/accounts/learner/merge.html", _page(request, learner, _("合并学习者")) | context)


def _duplicates(learner, twin):
    """What stands in both records and is used: [(UsedDuplicate, [(what uses it, its admin page or "")…])…]."""
    found = used_duplicates(unverified=learner, verified=twin)
    return [(duplicate, [_case_of(use) for use in duplicate.uses]) for duplicate in found]


def _case_of(use):
    """The record with an admin page that a use belongs to: by its own relations, since it stands above this app."""
    owners = [getattr(use, field.name) for field in use._meta.concrete_fields if _owns(field)]
    case = next((one for one in [use, *owners] if one and admin.site.is_registered(type(one))), None)
    if case is None:
        return use, ""
    return case, reverse(f"admin:{case._meta.app_label}_{case._meta.model_name}_change", args=[case.pk])


def _owns(field):
    return field.is_relation and field.remote_field.on_delete is CASCADE


def _settled(request, learner, form):
    sides = {"unverified": learner, "verified": learner.verified_twin}
    decided = {"by": request.user, "note": form.cleaned_data["note"]}
    if form.cleaned_data["decision"] == MergeForm.KEEP_APART:
        keep_apart(**sides, **decided)
        messages.success(request, _("已记录:不是同一人,不合并。"))
        return True
    try:
        merge_learner(**sides, **decided, decided=True)
    except MergeRefusedError as error:
        form.add_error(None, error.message)
        return False
    tell_phones_on_record(sides["verified"])
    messages.success(request, _("已合并:%s。") % learner)
    return True
