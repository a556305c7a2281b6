"""认定成果申请 and 业绩类成果转换申请, handing in what a returned case asked for, and appeals."""

from django.contrib import messages
from django.db.models import Q
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from accounts.decorators import learner_required
from accounts.views.pages import page_of
from achievements.models import Achievement
from conversion import criteria
from conversion.forms.applications import AppealForm, PerformanceForm, RecognitionForm, ResubmissionForm
from conversion.models import Application
from conversion.models.application import REJECTIONS, Action, Kind
from conversion.services.appeals import may_appeal
from conversion.stages import stage_of
from conversion.statuses import AchievementStatus, with_status
from conversion.views.applications import mark_menu, tell_submitted

OPEN = {AchievementStatus.UNLISTED, AchievementStatus.REFUSED}


@learner_required
def recognition_grid(request):
    """认定成果申请: achievements off the catalogue, and those that were recognised."""
    cases = Q(application_sources__kind=Kind.RECOGNITION)
    rows = with_status(Achievement.objects.of(request.user).current().filter(Q(entry=None) | cases).distinct())
    page_obj = page_of(request, rows.select_related("type").order_by("-created_at", "-pk"))
    latest = _latest_cases(page_obj.object_list, Kind.RECOGNITION)
    for achievement in page_obj.object_list:
        achievement.case = latest.get(achievement.pk)
        achievement.is_open = achievement.status in OPEN
    return render(request, "conversion/recognition_grid.html", {"page_obj": page_obj})


def _latest_cases(achievements, kind):
    """{achievement id: its newest application of that kind}."""
    cases = Application.objects.filter(kind=kind, sources__achievement__in=[a.pk for a in achievements])
    pairs = cases.order_by("pk").values_list("sources__achievement", "pk", "status")
    return {achievement: {"pk": pk, "status": status} for achievement, pk, status in pairs}


@learner_required
def recognition_apply(request, pk):
    achievements = (
        Achievement.objects.of(request.user).current().select_related("type__parent").prefetch_related("files")
    )
    achievement = get_object_or_404(achievements, pk=pk)
    form = RecognitionForm(request.POST or None, request.FILES or None, user=request.user, achievement=achievement)
    if request.method == "POST" and form.is_valid() and (application := form.save()):
        tell_submitted(request, application, _("认定申请已提交。审核结果会发到您的收件箱。"))
        return redirect(application)
    return render(request, "conversion/recognition_form.html", {"form": form, "achievement": achievement})


@learner_required
def performance_grid(request):
    """业绩类成果转换申请: recognised first, then converted under an institution's criteria table."""
    rows = with_status(Achievement.objects.of(request.user).current().filter(type__is_performance=True))
    page_obj = page_of(request, rows.select_related("type").order_by("-created_at", "-pk"))
    latest = _latest_cases(page_obj.object_list, Kind.PERFORMANCE)
    for achievement in page_obj.object_list:
        achievement.case = latest.get(achievement.pk)
        achievement.is_recognised = achievement.entry_id is not None
        achievement.is_open = achievement.status in OPEN
    return render(request, "conversion/performance_grid.html", {"page_obj": page_obj})


@learner_required
def performance_apply(request, pk):
    achievements = Achievement.objects.of(request.user).current().select_related("type__parent", "entry")
    achievement = get_object_or_404(achievements.filter(type__is_performance=True), pk=pk)
    form = PerformanceForm(request.POST or None, request.FILES or None, user=request.user, achievement=achievement)
    if request.method == "POST" and form.is_valid() and (application := form.save()):
        tell_submitted(request, application, _("业绩类成果转换申请已提交。审核结果会发到您的收件箱。"))
        return redirect(application)
    options = criteria.performance_options(achievement)
    can_apply = any(option.is_match for option in options)
    context = {"form": form, "achievement": achievement, "options": options, "can_apply": can_apply}
    return render(request, "conversion/performance_form.html", context)


@learner_required
def application_resubmit(request, pk):
    """Hand in the material a returned case asked for."""
    application = get_object_or_404(Application.objects.of(request.user).for_lists(), pk=pk)
    if not application.allows(Action.RESUBMIT):
        messages.warning(request, _("这件申请现在没有要求补充材料,可能已经提交过了。"))
        return redirect(application)
    mark_menu(request, application.kind)
    form = ResubmissionForm(request.POST or None, request.FILES or None, user=request.user, application=application)
    if request.method == "POST" and form.is_valid() and form.save():
        stage = stage_of(application.kind, application.step)
        messages.success(request, _("材料已补充,申请重新进入%s。") % stage.name)
        return redirect(application)
    returned = application.records.filter(action=Action.RETURN).select_related("reason").last()
    context = {"form": form, "application": application, "returned": returned}
    return render(request, "conversion/application_resubmit.html", context)


@learner_required
def application_appeal(request, pk):
    """申诉: ask once for another decision on a refused case."""
    application = get_object_or_404(Application.objects.of(request.user).for_lists(), pk=pk)
    if not may_appeal(application):
        messages.warning(request, _("这件申请现在不能申诉,可能已经申诉过了。每件申请只能申诉一次。"))
        return redirect(application)
    if request.method == "GET" and application.successor:
        messages.warning(request, _("所用成果已用于另一件有效的申请,不能同时申诉这一件。"))
        return redirect(application)
    mark_menu(request, application.kind)
    form = AppealForm(request.POST or None, request.FILES or None, user=request.user, application=application)
    if request.method == "POST" and form.is_valid() and form.save():
        messages.success(request, _("申诉已提交,由没有参与过审核的人裁决。结果会发到您的收件箱。"))
        return redirect(application)
    refusal = application.records.filter(action__in=REJECTIONS).select_related("reason").last()
    context = {"form": form, "application": application, "refusal": refusal}
    return render(request, "conversion/application_appeal.html", context)
