"""The catalogue: 成果选择 behind 「搜索」, and its public pages."""

import json

from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from accounts.decorators import learner_required
from accounts.views.pages import page_of
from achievements.forms.achievements import chosen_type, filled_by
from achievements.forms.catalogue import CatalogueSearchForm
from achievements.models import CatalogueEntry


def _found(request, form):
    hits = form.hits()
    return {"form": form, "page_obj": page_of(request, hits), "terms": hits.terms if hits else []}


@learner_required
def entry_choose(request):
    """成果选择: the dialog (or page) behind 「搜索」."""
    form, type_ = CatalogueSearchForm(request.GET), chosen_type(request.GET)
    context = _found(request, form)
    page_obj = context["page_obj"]
    page_obj.object_list = [_with_fill(entry, type_) for entry in page_obj.object_list]
    draft = request.GET.get("draft", "")
    form_of = {"type": type_.pk, "draft": draft} if type_ else {}
    context |= {"type": type_, "draft": draft, "back_url": _add_page(form_of)}
    context["typing_url"] = _add_page(form_of | {"typed": 1})
    return render(request, "achievements/catalogueentry_choose.html", context)


def _add_page(query):
    return f"{reverse('achievements:add')}?{urlencode(query)}"


def _with_fill(entry, type_):
    """Give an entry what dialog_fill.js fills in; one of another type loads the page with that type's form."""
    fits = type_ is not None and entry.type_id == type_.pk
    filling = {f"id_{name}": value for name, value in filled_by(entry).items()}
    entry.fill = json.dumps(filling, ensure_ascii=False) if fits else ""
    return entry


@require_safe
def catalogue(request):
    context = _found(request, CatalogueSearchForm(request.GET))
    return render(request, "achievements/catalogueentry_list.html", context)


@require_safe
def catalogue_entry(request, pk):
    rows = CatalogueEntry.objects.public().select_related("institution", "type__parent", "family")
    entry = get_object_or_404(rows.prefetch_related("aliases"), pk=pk)
    context = {"entry": entry, "changes": entry.records.after_approval()}
    return render(request, "achievements/catalogueentry_detail.html", context)
