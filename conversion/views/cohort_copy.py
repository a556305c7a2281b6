"""复制到下一年级, in the admin: first what it would make, then, confirmed, the drafts."""

from django.contrib import messages
from django.utils.translation import gettext as _

from conversion.forms.rules import CohortCopyForm
from conversion.services.cohorts import CohortError, Outcome, Subject, copy_cohort
from conversion.views.rule_keeping import keeping_page


def cohort_copy(request):
    form = CohortCopyForm(request.POST or None, initial={"programme": request.GET.get("programme")}, user=request.user)
    lines, is_done = [], False
    if request.method == "POST" and form.is_valid():
        is_done = "confirm" in request.POST
        lines = _lines(form, by=request.user, dry_run=not is_done)
        if is_done and lines:
            count = _copied_rules(lines)
            told = (
                _("已新建 %d 条规则草稿,请逐条核对后由另一人发布。") % count if count else _("没有新的规则可以复制。")
            )
            messages.success(request, told)
    counts = {outcome.value: sum(line.outcome == outcome for line in lines) for outcome in Outcome}
    context = {"form": form, "lines": lines, "is_done": is_done, "counts": counts}
    return keeping_page(request, "programme/cohort_copy.html", _("复制到下一年级"), **context)


def _lines(form, **options):
    """What a copy makes; nothing where it is refused, which is told beside the field."""
    try:
        return copy_cohort(**form.cleaned_data, **options)
    except CohortError as error:
        form.add_error("to", error.message)
        return []


def _copied_rules(lines):
    return sum(line.subject == Subject.RULE and line.outcome == Outcome.COPIED for line in lines)
