import logging

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import QueryDict
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRedirect

from accounts.decorators import learner_required
from accounts.row_ids import row_ids
from accounts.views.pages import page_of
from achievements.models import Achievement
from conversion import rules, slots
from conversion.forms.applications import ConversionForm, chosen_achievements
from conversion.forms.search import GridFilterForm, RuleFilterForm
from conversion.models import Application
from conversion.models.application import InvalidTransitionError, Kind
from conversion.services.applications import withdraw
from conversion.stages import with_stages

logger = logging.getLogger(__name__)

RULES_PER_PAGE = 20
GRIDS = {  # where the learner comes from, and goes back to
    Kind.RECOGNITION: ("conversion:recognition", gettext_lazy("认定成果申请")),
    Kind.CONVERSION: ("conversion:grid", gettext_lazy("转换成果管理")),
    Kind.PERFORMANCE: ("conversion:performance", gettext_lazy("业绩类成果转换申请")),
}


def mark_menu(request, kind):
    """Let the side menu mark where cases of this kind are applied for: their own addresses are all alike."""
    request.menu_path = resolve_url(GRIDS[kind][0])


def tell_submitted(request, application, words):
    """A page sent again gets its case again; where that has ended meanwhile, it says that nothing was submitted."""
    if application.is_live:
        messages.success(request, words)
    else:
        again = _("这个页面先前提交过的申请%s,这一次没有再提交。要重新申请,请回到列表重新选择成果。")
        messages.warning(request, again % application.get_status_display())


@learner_required
def conversion_grid(request):
    """转换成果申请: the learner's achievements with both rule counts."""
    form = GridFilterForm(request.GET)
    page_obj = rules.grid_page(request.user.learner_id, request.GET.get("page"), **form.wanted())
    return render(request, "conversion/achievement_grid.html", {"form": form, "page_obj": page_obj})


def _nothing_chosen(request):
    messages.warning(request, _("请先在列表中选择成果。"))
    url = resolve_url("conversion:grid")
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)


@learner_required
def conversion_apply(request):
    """成果转换: the rules open to the chosen achievements, each explained; submitting one of them."""
    achievements = chosen_achievements(request.POST if request.method == "POST" else request.GET, request.user)
    if not achievements:
        return _nothing_chosen(request)
    facts = {"user": request.user, "achievements": achievements, "keeps_files": bool(request.htmx)}
    form = ConversionForm(request.POST or None, request.FILES or None, **facts)
    if request.method == "POST" and form.is_valid() and (application := form.save()):
        tell_submitted(request, application, _("转换申请已提交。审核结果会发到您的收件箱。"))
        url = application.get_absolute_url()
        return HttpResponseClientRedirect(url) if request.htmx else redirect(url)
    kept = _kept_rule(request, achievements)
    context = _rule_list_context(_asked(request), achievements) | {"achievements": achievements, "kept": kept}
    if request.htmx.target == "rule-list":
        return render(request, "conversion/includes/rule_list.html", context | {"is_fragment": True})
    counts = slots.convertible_counts(achievements)
    without_rule = [achievement for achievement in achievements if achievement.pk not in counts]
    context |= {"form": form, "without_rule": without_rule, "others": _others(request.user, achievements)}
    return render(request, "conversion/application_form.html", context)


def _others(user, achievements):
    """What can be chosen too, for a rule that asks for several: a choice in the grid is of one of its pages."""
    rows = Achievement.objects.of(user).current().exclude(entry=None)
    return rows.exclude(pk__in=[achievement.pk for achievement in achievements]).order_by("-created_at", "-pk")


def _rule_list_context(asked, achievements):
    rule_filter = RuleFilterForm(asked)
    versions = rule_filter.apply(slots.open_versions(achievements)).order_by(*rules.BY_TARGET)
    page_obj = Paginator(versions, RULES_PER_PAGE).get_page(asked.get("page"))
    page_obj.object_list = rules.assess_all(page_obj.object_list, achievements)
    return {"rule_filter": rule_filter, "page_obj": page_obj, "asked": asked}


def _asked(request):
    """What the list of rules shows, as its address says it, or as the form sends it along."""
    asked = QueryDict(mutable=True)
    source = request.POST if request.method == "POST" else request.GET
    for name in [name for name in ["achievement", "q", "page"] if name in source]:
        asked.setlist(name, source.getlist(name))
    return asked


def _kept_rule(request, achievements):
    """The rule chosen on another page of the list, explained, while it can still be chosen."""
    text = (request.POST or request.GET).get("version", "")
    ids = row_ids([text])
    if not ids:
        return None
    kept = rules.assess_all(slots.open_versions(achievements).filter(pk__in=ids), achievements)
    return kept[0] if kept and kept[0].is_match else None


@learner_required
def conversion_progress(request):
    """进度查询 of the chosen achievements (all of the learner's when none is chosen)."""
    applications = Application.objects.of(request.user).for_lists().prefetch_related("records__reason", "sources")
    chosen = chosen_achievements(request.GET, request.user)
    if chosen:
        applications = applications.filter(sources__achievement__in=chosen).distinct()
    page_obj = page_of(request, applications.order_by("-submitted_at", "-pk"))
    page_obj.object_list = with_stages(page_obj.object_list)
    return render(request, "conversion/application_progress.html", {"page_obj": page_obj, "chosen": chosen})


@learner_required
def application_detail(request, pk):
    applications = Application.objects.of(request.user).for_lists()
    application = get_object_or_404(applications.prefetch_related("records__reason", "files"), pk=pk)
    grid_view, grid_label = GRIDS[application.kind]
    mark_menu(request, application.kind)
    context = {
        "application": with_stages([application])[0],
        "certificate": application.certificate,
        "successor": None if application.is_live else application.successor,
        "grid_url": resolve_url(grid_view),
        "grid_label": grid_label,
    }
    return render(request, "conversion/application_detail.html", context)


@require_POST
@learner_required
def application_withdraw(request, pk):
    application = get_object_or_404(Application.objects.of(request.user), pk=pk)
    try:
        withdraw(application=application, by=request.user)
    except InvalidTransitionError:
        messages.error(request, _("申请已经有了审核结果,不能再撤回。"))
    else:
        messages.success(request, _("申请已撤回,所用成果可以重新申请。"))
    return redirect(application)
