"""An institution's own entries of the catalogue: drafting, submitting, seeing why one came back."""

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.decorators import institution_required
from accounts.views.pages import page_of
from achievements.forms.entries import OwnEntryForm, OwnEntrySearchForm, StopForm
from achievements.models import CatalogueEntry
from achievements.services import catalogue
from achievements.services.catalogue import EntryError

PAGE_SIZE = 20


@institution_required
def own_entries(request, institution):
    """All entries under the institution's name; those that the centre keeps are for reading."""
    rows = CatalogueEntry.objects.shared().filter(institution=institution).select_related("type")
    form = OwnEntrySearchForm(request.GET)
    page_obj = page_of(request, form.among(rows).order_by("-created_at", "-pk"), PAGE_SIZE)
    context = {"institution": institution, "page_obj": page_obj, "form": form}
    return render(request, "achievements/own_entry_list.html", context)


@institution_required
def own_entry_add(request, institution):
    return _form_page(request, CatalogueEntry())


@institution_required
def own_entry_edit(request, pk, institution):
    entry = _kept_by(institution, pk)
    if not entry.is_editable_draft:
        messages.warning(request, _("这项成果已提交或已批准,不能再修改。"))
        return redirect("achievements:own_entry", pk)
    return _form_page(request, entry)


def _kept_by(institution, pk):
    rows = CatalogueEntry.objects.filter(institution=institution, keeper=CatalogueEntry.Keeper.INSTITUTION)
    return get_object_or_404(rows, pk=pk)


def _form_page(request, entry):
    form = OwnEntryForm(request.POST or None, instance=entry, user=request.user)
    if request.method == "POST" and form.is_valid() and (saved := form.save()):
        return _saved(request, saved)
    return render(request, "achievements/own_entry_form.html", {"form": form, "entry": entry})


def _saved(request, entry):
    if request.POST.get("action") == "submit":
        return _done(request, entry, catalogue.submit_entry, _("已提交管理中心审核,结果会发到收件箱。"))
    messages.success(request, _("已保存草稿“%s”。") % entry.name)
    return redirect("achievements:own_entry", entry.pk)


@institution_required
def own_entry(request, pk, institution):
    """One entry: what it says, what happened to it, and what the institution can do now."""
    rows = CatalogueEntry.objects.shared().filter(institution=institution)
    rows = rows.select_related("type__parent", "institution", "family")
    entry = get_object_or_404(rows.prefetch_related("aliases", "records"), pk=pk)
    is_own = entry.keeper == CatalogueEntry.Keeper.INSTITUTION
    context = {"entry": entry, "is_own": is_own, "stop_form": StopForm() if is_own else None}
    return render(request, "achievements/own_entry_detail.html", context)


@require_POST
@institution_required
def own_entry_submit(request, pk, institution):
    entry = _kept_by(institution, pk)
    return _done(request, entry, catalogue.submit_entry, _("已提交管理中心审核,结果会发到收件箱。"))


@require_POST
@institution_required
def own_entry_take_back(request, pk, institution):
    return _done(request, _kept_by(institution, pk), catalogue.take_back_entry, _("已撤回,可以继续修改。"))


@require_POST
@institution_required
def own_entry_resume(request, pk, institution):
    return _done(request, _kept_by(institution, pk), catalogue.resume_entry, _("已恢复启用。"))


def _done(request, entry, verb, told):
    try:
        verb(entry=entry, by=request.user)
    except EntryError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, told)
    return redirect("achievements:own_entry", entry.pk)


@require_POST
@institution_required
def own_entry_delete(request, pk, institution):
    entry = _kept_by(institution, pk)
    try:
        catalogue.delete_draft(entry=entry, by=request.user)
    except EntryError as error:
        messages.error(request, error.message)
        return redirect("achievements:own_entry", pk)
    messages.success(request, _("已删除草稿“%s”。") % entry.name)
    return redirect("achievements:own_entries")


@require_POST
@institution_required
def own_entry_stop(request, pk, institution):
    entry, form = _kept_by(institution, pk), StopForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("停用时请填写原因。"))
        return redirect("achievements:own_entry", pk)
    return _done(request, entry, form.stop, _("已停用,不能再选择。"))
