"""What happens to a version of a rule beside being filled in: moves, drafts made from it, examples, differences.

Each view gets a version that the admin has found for this person, with the right it takes (`RuleVersionAdmin`).
"""

from django.contrib import admin, messages
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from conversion.examples import run_examples
from conversion.forms.rules import RuleMoveForm
from conversion.models import RuleVersion
from conversion.rules import differences
from conversion.services.drafting import DraftExistsError, draft_from, list_higher_levels
from conversion.services.publishing import PublishingError

PAGE = "admin:conversion_ruleversion_change"


def keeping_page(request, template, title, **context):
    shared = {**admin.site.each_context(request), "opts": RuleVersion._meta, "title": title}
    return render(request, f"admin/conversion/{template}", shared | context)


@require_POST
def version_move(request, version):
    """发布、暂停、恢复, and 停用, which is asked for twice; a failing example is shown with its trace."""
    form = RuleMoveForm(request.POST)
    if form.is_final and not (form.is_valid() and "confirm" in request.POST):
        return keeping_page(request, "ruleversion/retire.html", _("停用规则版本"), version=version, form=form)
    if not form.is_valid():
        messages.error(request, next(iter(form.errors.values()))[0])
        return redirect(PAGE, version.pk)
    try:
        form.move(version=version, by=request.user)
    except PublishingError as error:
        messages.error(request, error.message)
        return redirect("admin:conversion_ruleversion_examples" if error.failing else PAGE, version.pk)
    messages.success(request, _("“%(version)s”已%(done)s。") % {"version": version, "done": _done(form)})
    return redirect(PAGE, version.pk)


def _done(form):
    return dict(form.fields["action"].choices)[form.cleaned_data["action"]]


@require_POST
def version_draft(request, version):
    """由此版本新建草稿; where the rule has one already, that one."""
    try:
        draft = draft_from(version=version, by=request.user)
    except DraftExistsError as error:
        messages.warning(request, error.message)
        draft = error.draft
    except PublishingError as error:
        messages.error(request, error.message)
        draft = version
    else:
        messages.success(request, _("已新建草稿第%d版,内容与原版本相同,请修改。") % draft.number)
    return redirect(PAGE, draft.pk)


@require_POST
def version_levels(request, version, group):
    """把更高等级也列入: what 及以上 means has to stand in the group."""
    group = get_object_or_404(version.groups.prefetch_related("sources__entry"), pk=group)
    try:
        names = list_higher_levels(group=group, by=request.user)
    except PublishingError as error:
        messages.error(request, error.message)
    else:
        told = _("已列入“%s”,要求与较低的等级相同,请核对最低成绩等要求。") % "”“".join(names)
        messages.success(request, told if names else _("同系列更高的等级都已列入。"))
    return redirect(PAGE, version.pk)


@require_safe
def version_examples(request, version):
    """运行例子: what the engine says to each, condition by condition."""
    return keeping_page(
        request, "ruleversion/examples.html", _("运行例子"), version=version, results=run_examples(version)
    )


@require_safe
def version_changes(request, version, number):
    """What this version says that another of the rule doesn't."""
    other = get_object_or_404(version.rule.versions.with_target(), number=number)
    if other.pk == version.pk:
        raise Http404
    before, after = sorted([other, version], key=lambda row: row.number)
    return keeping_page(
        request,
        "ruleversion/changes.html",
        _("版本之间的不同"),
        version=version,
        before=before,
        after=after,
        changes=differences(before, after, for_staff=True),
    )
