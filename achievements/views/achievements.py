"""成果添加, changing what was added, the details of an achievement and its evidence."""

import uuid

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.decorators import learner_required
from accounts.row_ids import row_ids
from achievements.forms.achievements import ENTRY_GONE, AchievementForm, chosen_type, filled_by, type_tree
from achievements.models import Achievement, AchievementDraft, CatalogueEntry
from achievements.models.draft import MOST_DRAFTS
from achievements.services.drafts import ForeignDraftError, discard_draft, keep_draft, remove_file
from evidence.forms import acceptable
from evidence.models import EvidenceFile
from evidence.serving import evidence_response

DRAFT_FIELDS = [
    "entry", "name", "body_name", "body_code", "certificate_number", "obtained_on", "score", "description",
    "edition",
]  # fmt: skip
LONGEST_DRAFT_VALUE = 2000  # 1000 characters, were each a line
ADD_PAGE = "achievements/achievement_form.html"
FIELDS = "achievements/includes/achievement_fields.html"
FILES = "achievements/includes/draft_files.html"


def _drafts(user):
    return AchievementDraft.objects.filter(learner=user.learner_id).select_related("type", "achievement")


def _token_or_none(text):
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return None


def _draft_of(user, token):
    return _drafts(user).filter(token=token).first() if token else None


def _entry_or_none(pk):
    rows = CatalogueEntry.objects.choosable().select_related("institution", "type")
    ids = row_ids([pk or ""])
    return rows.filter(pk__in=ids).first() if ids else None


def _own(user, pk):
    return get_object_or_404(Achievement.objects.of(user).select_related("type__parent"), pk=pk)


def _is_waiting(files):
    return any(file.state == EvidenceFile.State.CHECKING for file in files)


def _form_page(request, form, type_, tree, *, draft=None, **context):
    context |= {"form": form, "type": type_, "types": tree}
    context["limits"] = {"days": settings.ACHIEVEMENT_DRAFT_DAYS, "most": MOST_DRAFTS}
    context["waiting"] = draft is not None and _is_waiting(form.kept)
    if request.htmx and request.htmx.target == "type-form":
        return render(request, FIELDS, context)
    return render(request, ADD_PAGE, context)


@learner_required
def achievement_add(request):
    """成果添加: choose a type, then its form. 「搜索」, 「保存草稿」 and each file are submits that keep it all."""
    if request.method == "POST":
        return _achievement_post(request)
    tree = type_tree()
    draft = _draft_of(request.user, _token_or_none(request.GET.get("draft")))
    entry = _entry_or_none(request.GET.get("entry"))
    if request.GET.get("entry") and entry is None:
        messages.error(request, ENTRY_GONE)
    if draft and draft.achievement:
        return _change_page(request, draft.achievement, draft, entry)
    asked = chosen_type(request.GET, tree) or (draft and draft.type)
    type_ = entry.type if entry else asked
    if asked and type_ != asked:
        messages.info(request, _("成果分类已按所选成果改为“%s”。") % type_)
    if type_ is None:
        return _form_page(request, None, None, tree, drafts=_drafts(request.user))
    form = AchievementForm(type=type_, user=request.user, initial=_initial(request, draft, entry), **_kept(draft))
    return _form_page(request, form, type_, tree, draft=draft, drafts=() if draft else _drafts(request.user))


def _initial(request, draft, entry):
    """What the draft says, with the catalogue entry chosen since, or without one if the learner rather types."""
    chosen = filled_by(entry) if entry else {"entry": ""} if request.GET.get("typed") else {}
    return (draft.data if draft else {}) | chosen


def _kept(draft, achievement=None):
    """The token and files of a form: those of its draft, or of the achievement that it changes."""
    if draft:
        return {"token": draft.token, "kept": draft.files.all()}
    return {"token": uuid.uuid4(), "kept": achievement.files.all() if achievement else ()}


@learner_required
@require_safe
def achievement_edit(request, pk):
    achievement = _own(request.user, pk)
    if achievement.replaced_by_id is not None:  # earlier versions stay as they are
        raise Http404
    return _change_page(request, achievement)


def _change_page(request, achievement, draft=None, entry=None):
    """The form of an achievement that exists; its type stays."""
    if entry and entry.type_id != achievement.type_id:
        messages.error(request, _("所选成果属于“%s”,和这项成果的分类不同。") % entry.type)
        entry = None
    form = AchievementForm(
        instance=achievement,
        type=achievement.type,
        user=request.user,
        initial=_initial(request, draft, entry),
        **_kept(draft, achievement),
    )
    return _form_page(request, form, achievement.type, [], draft=draft, is_settled=_is_settled(achievement))


def _is_settled(achievement):
    return achievement.is_used or achievement.origin == Achievement.Origin.IMPORTED


def _achievement_post(request):
    token = _token_or_none(request.POST.get("draft")) or uuid.uuid4()
    achievement = None
    if pk := row_ids([request.POST.get("achievement", "")]):
        achievement = _own(request.user, pk[0])
    type_ = achievement.type if achievement else chosen_type(request.POST)
    if type_ is None:
        messages.error(request, _("请先选择成果分类。"))
        return redirect("achievements:add")
    if sent := _sent_with(request.user, token):
        return _sent_before(request, sent, type_, is_change=achievement is not None)
    answer = _draft_post if _is_for_draft(request) else _save_post
    return answer(request, token, type_, achievement)


def _sent_with(user, token):
    return Achievement.objects.of(user).select_related("type__parent", "entry").filter(form_token=token).first()


def _is_for_draft(request):
    return request.POST.get("action", "save") != "save" or "remove" in request.POST


def _sent_before(request, sent, type_, *, is_change):
    """A form that comes again gets the first answer; what another tab says otherwise goes on as a new form."""
    again = AchievementForm(request.POST, instance=sent, type=sent.type, user=request.user, kept=sent.files.all())
    if not _is_for_draft(request) and type_ == sent.type and again.says_the_same:
        return _saved(request, sent, is_change=is_change)
    if request.htmx or _sends_one_by_one(request):
        raise Http404
    achievement = _own(request.user, sent.pk) if is_change else None
    token = uuid.uuid4()
    if _is_for_draft(request):
        messages.warning(request, _("原来的表单已经提交过,现在填写的内容另存为一份草稿。"))
        return _draft_post(request, token, type_, achievement)
    kept = _kept(None, achievement) | {"token": token}
    form = AchievementForm(request.POST, request.FILES, instance=achievement, type=type_, user=request.user, **kept)
    form.add_error(None, _("原来的表单已经提交过,现在填写的内容还没有保存。确实要保存的话,请核对后再提交一次。"))
    if is_change:
        form.overwrite(achievement.edition)
    return _refused(request, form, token, type_, achievement)


def _draft_post(request, token, type_, achievement):
    """Keep what was typed and uploaded, then go where the pressed button leads."""
    draft, refusals = _keep(request, token, type_, achievement)
    for pk in row_ids(request.POST.getlist("remove")):
        remove_file(draft=draft, pk=pk)
    if request.htmx or _sends_one_by_one(request):
        return HttpResponse("\n".join(refusals), status=422) if refusals else _files_piece(request, draft)
    for refusal in refusals:
        messages.error(request, refusal)
    action = request.POST.get("action", "")
    if action == "draft":
        messages.success(request, _("草稿已保存,可以稍后在“成果添加”里继续填写。"))
    page = "achievements:choose" if action == "search" else "achievements:add"
    return redirect(f"{reverse(page)}?{urlencode({'type': type_.pk, 'draft': token})}")


def _sends_one_by_one(request):
    """Whether `upload.js` sends a file by itself and shows the answer beside its name."""
    return bool(request.headers.get("X-Draft"))


def _files_piece(request, draft):
    files = draft.files.all()
    return render(request, FILES, {"token": draft.token, "files": files, "waiting": _is_waiting(files)})


def _keep(request, token, type_, achievement):
    """Keep the form as a draft; return it and why some of the files could not be kept."""
    names = DRAFT_FIELDS + [f"extra_{field.key}" for field in type_.extra_fields.all()]
    data = {name: request.POST.get(name, "").replace("\x00", "")[:LONGEST_DRAFT_VALUE] for name in names}
    if request.POST.get("action") == "clear":
        data["entry"] = ""
    uploads, refusals = acceptable(request.FILES.getlist("files"), named=not _sends_one_by_one(request))
    try:
        draft = keep_draft(
            token=token, by=request.user, type=type_, data=data, uploads=uploads, achievement=achievement
        )
    except ForeignDraftError:
        raise Http404 from None
    if uploads[draft.room_left :]:
        refusals.append(_("每项成果最多上传%d个文件。") % settings.EVIDENCE_FILES_PER_RECORD)
    return draft, refusals


def _save_post(request, token, type_, achievement):
    draft = _draft_of(request.user, token)
    kept = _kept(draft, achievement) | {"token": token}
    form = AchievementForm(request.POST, request.FILES, instance=achievement, type=type_, user=request.user, **kept)
    saved = form.save() if form.is_valid() else None
    if saved is None:
        return _refused(request, form, token, type_, achievement)
    if draft:
        draft.delete()
    return _saved(request, saved, is_change=achievement is not None)


def _saved(request, saved, *, is_change):
    messages.success(request, _done(saved, is_change))
    return redirect("portal:my_information")


def _done(saved, is_change):
    if not is_change:
        return _added(saved)
    if saved.earlier and saved.earlier.entry_id and not saved.entry_id:
        return _("已保存“%s”的更正。更正后的内容还没有认定,请重新申请认定。") % saved.name
    if saved.earlier:
        return _("已保存“%s”的更正。原来的版本保留在已办理的申请里。") % saved.name
    return _("已修改学习成果“%s”。") % saved.name


def _added(saved):
    words = _("已添加学习成果“%s”。") % saved.name
    if _is_waiting(saved.files.all()):
        words += _("证明材料正在检查,稍后即可使用。")
    if saved.entry_id is None:
        words += _("它不在名录中,转换之前要先在“认定成果申请”中申请认定。")
    return words


def _refused(request, form, token, type_, achievement):
    """The form again; files that came with it are kept, so that nobody has to choose them twice."""
    draft = None
    if request.FILES:
        draft, _refusals = _keep(request, token, type_, achievement)
        form.kept = list(draft.files.all())
    settled = achievement is not None and _is_settled(achievement)
    tree = [] if achievement else type_tree()
    return _form_page(request, form, type_, tree, draft=draft, is_settled=settled)


@learner_required
@require_safe
def draft_files(request, token):
    """The files of a form while a worker inspects them."""
    return _files_piece(request, get_object_or_404(_drafts(request.user), token=token))


@learner_required
@require_POST
def draft_discard(request, token):
    discard_draft(draft=get_object_or_404(_drafts(request.user), token=token))
    messages.success(request, _("草稿已删除。"))
    return redirect("achievements:add")


@learner_required
def achievement_detail(request, pk):
    related = ["type__parent", "entry__institution", "replaces", "imported_from"]
    rows = Achievement.objects.of(request.user).select_related(*related)
    achievement = get_object_or_404(rows.prefetch_related("files", "type__extra_fields"), pk=pk)
    context = {"achievement": achievement, "waiting": _is_waiting(achievement.files.all())}
    context["is_settled"] = _is_settled(achievement)
    return render(request, "achievements/achievement_detail.html", context)


@login_required
def evidence(request, pk, thumbnail=False):
    """A file that one uploaded, or of an achievement of one's own; anybody else's is not found."""
    own = Q(uploaded_by=request.user)
    if request.user.learner_id:
        own |= Q(achievements__learner=request.user.learner_id)
    return evidence_response(get_object_or_404(EvidenceFile.objects.filter(own).distinct(), pk=pk), thumbnail)
