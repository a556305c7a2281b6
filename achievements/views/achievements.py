"""成果添加, the details of an achievement and its evidence."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from accounts.decorators import learner_required
from accounts.row_ids import row_ids
from achievements.forms.achievements import AchievementForm, chosen_type, filled_by
from achievements.models import Achievement, AchievementType, CatalogueEntry
from evidence.models import EvidenceFile
from evidence.serving import evidence_response

DRAFT = "achievement_draft"
DRAFT_FIELDS = ["name", "body_name", "body_code", "certificate_number", "obtained_on", "score", "description"]


def _types():
    return AchievementType.objects.filter(is_active=True, parent=None).prefetch_related("children")


def _form_page(request, form, type):
    context = {"form": form, "type": type, "types": _types()}
    if request.htmx and request.htmx.target == "type-form":
        return render(request, "achievements/includes/achievement_fields.html", context)
    return render(request, "achievements/achievement_form.html", context)


@learner_required
def achievement_add(request):
    """成果添加: choose a type, then its form; 「搜索」 is a second submit that keeps what was typed."""
    if request.method == "POST":
        return _achievement_post(request)
    entry = _entry_or_none(request.GET.get("entry"))
    asked = chosen_type(request.GET)
    type_ = chosen_type({"type": entry.type_id}) if entry else asked
    if asked and type_ != asked:
        messages.info(request, _("成果分类已按所选成果改为“%s”。") % type_)
    form = AchievementForm(type=type_, user=request.user, initial=_initial(request, entry)) if type_ else None
    return _form_page(request, form, type_)


def _initial(request, entry):
    """The draft kept by 「搜索」, with the catalogue entry chosen there."""
    resumed = "entry" in request.GET or "resume" in request.GET
    draft = request.session.get(DRAFT, {}) if resumed else {}
    return draft | filled_by(entry) if entry else draft


def _entry_or_none(pk):
    rows = CatalogueEntry.objects.choosable().select_related("institution")
    ids = row_ids([pk or ""])
    return rows.filter(pk__in=ids).first() if ids else None


def _achievement_post(request):
    type_ = chosen_type(request.POST)
    if type_ is None:
        messages.error(request, _("请先选择成果分类。"))
        return redirect("achievements:add")
    action = request.POST.get("action")
    if action in {"search", "clear"}:
        extra = [key for key in request.POST if key.startswith("extra_")]
        request.session[DRAFT] = {key: request.POST.get(key, "")[:1000] for key in DRAFT_FIELDS + extra}
        page = "achievements:choose" if action == "search" else "achievements:add"
        return redirect(f"{reverse(page)}?{urlencode({'type': type_.pk, 'resume': 1})}")
    form = AchievementForm(request.POST, request.FILES, type=type_, user=request.user)
    achievement = form.save() if form.is_valid() else None
    if achievement is None:
        return _form_page(request, form, type_)
    request.session.pop(DRAFT, None)
    messages.success(request, _("已添加学习成果“%s”。证明材料正在检查,稍后即可使用。") % achievement.name)
    return redirect("portal:my_information")


@learner_required
def achievement_detail(request, pk):
    rows = Achievement.objects.of(request.user).select_related("type__parent", "entry__institution")
    achievement = get_object_or_404(rows.prefetch_related("files", "type__extra_fields"), pk=pk)
    return render(request, "achievements/achievement_detail.html", {"achievement": achievement})


@login_required
def evidence(request, pk, thumbnail=False):
    """A file that one uploaded, or of an achievement of one's own; anybody else's is not found."""
    own = Q(uploaded_by=request.user)
    if request.user.learner_id:
        own |= Q(achievements__learner=request.user.learner_id)
    return evidence_response(get_object_or_404(EvidenceFile.objects.filter(own).distinct(), pk=pk), thumbnail)
