"""The reviewer's pages inside the admin: one case with evidence, conditions and decision side by side."""

from django.contrib import messages
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts.forms.personal_data import UnmaskForm
from accounts.views.learner_desk import reveal_or_deny
from achievements.models import Achievement
from conversion import stages
from conversion.alerts import alerts_of, sources_of
from conversion.effects import approval_effects
from conversion.forms.review import RecognitionOutcomeForm, ReviewForm
from conversion.models import CreditEntry, ReviewClaim
from conversion.models.application import Kind, Status
from conversion.precedents import other_cases, precedents_of
from conversion.queue import neighbours, visible_applications
from conversion.services import reviews
from conversion.views.desk import LeftQueue, admin_context
from evidence.models import EvidenceFile
from evidence.serving import evidence_response, page_response


def application_review(request, pk):
    application = get_object_or_404(visible_applications(request.user), pk=pk)
    form = _review_form(application, request.POST or None)
    outcome = _outcome_form(request, application)
    if request.method == "POST":
        response = _decided(request, application, form, outcome)
        if response:
            return response
        application.refresh_from_db()
    context = _context(request, application, form) | {"outcome": outcome}
    return render(request, "admin/conversion/application/review.html", context)


def _review_form(application, data=None):
    return ReviewForm(
        data,
        choices=stages.choices_of(application),
        needs_reason=reviews.NEEDS_REASON,
        criteria=reviews.criteria_of(application),
        initial={"seen_status": application.status},
    )


def _outcome_form(request, application):
    """What the final approval of a recognition has to say: the entry; None for every other decision."""
    approval = next(iter(stages.actions_of(application)), None)
    if application.kind != Kind.RECOGNITION or not approval or application.transitions[approval][1] != Status.APPROVED:
        return None
    approves = request.POST.get("action") == approval
    achievement = Achievement.objects.select_related("type").get(application_sources__application=application)
    return RecognitionOutcomeForm(request.POST if approves else None, achievement=achievement)


def _decided(request, application, form, outcome):
    """Take the decision of a POST; None when the form has to be shown again."""
    last = application.records.last()
    if request.POST.get("seen_status") != application.status:
        _tell_who_decided(request, last)
        return redirect(LeftQueue(request).case_url(application.pk))
    if request.POST.get("seen_record", str(last.number)) != str(last.number):
        # Returned and handed in again meanwhile: the same state, but not what the reviewer has read.
        form.add_error(None, _("您打开页面之后,申请人补充了材料或说明。请看过新的内容,再提交审核结论。"))
        return None
    needs_outcome = outcome is not None and outcome.is_bound
    if not form.is_valid() or (needs_outcome and not outcome.is_valid()):
        return None
    data = form.cleaned_data
    try:
        reviews.decide(
            application=application,
            action=data["action"],
            by=request.user,
            reason=data["reason"],
            opinion=data["opinion"],
            findings=form.findings,
            recognised_as=outcome.outcome() if needs_outcome else None,
        )
    except (reviews.NotAllowedError, reviews.ConditionsUnmetError, reviews.FindingMissingError) as error:
        form.add_error(None, error.message)
        return None
    except reviews.ReasonError as error:
        form.add_error("reason", error.message)
        return None
    except reviews.DecidedMeanwhileError as error:
        _tell_who_decided(request, error.record)
        return redirect(LeftQueue(request).case_url(application.pk))
    return _next_case(request, application, data["action"])


def _next_case(request, decided, action):
    """The reviewer goes on with the next case of his queue; the last one leads back to it."""
    what = stages.action_words(action, decided.kind)
    messages.success(request, _("已记录“%(title)s”:%(what)s。") % {"title": decided.title, "what": what})
    queue = LeftQueue(request)
    earlier, later = neighbours(decided, request.user, queue.narrowing)
    pk = later or earlier
    return redirect(queue.case_url(pk) if pk else queue.url)


def _tell_who_decided(request, record):
    text = _("这件申请已由 %(who)s 处理(%(what)s),您的操作没有生效。")
    what = stages.action_words(record.action, record.application.kind)
    messages.warning(request, text % {"who": record.by, "what": what})


def _context(request, application, form):
    actions = reviews.may_decide(application, request.user)
    queue = LeftQueue(request)
    previous, following = neighbours(application, request.user, queue.narrowing)
    return admin_context(request, _("审核申请")) | {
        "subtitle": application.title,
        "application": application,
        "queue": queue,
        "here": queue.case_url(application.pk),
        "learner": application.learner,
        "sources": sources_of(application)
        .select_related("type", "entry__institution", "imported_from")
        .prefetch_related("files", "type__extra_fields", "type__materials"),
        "alerts": alerts_of(application),
        "files": application.files.all(),
        "assessment": reviews.assess_case(application),
        "precedents": precedents_of(application),
        "other_cases": stages.with_stages(other_cases(application, request.user)),
        "records": stages.with_words(application.records.select_related("by", "reason"), application.kind),
        "balance": CreditEntry.objects.filter(learner=application.learner).balance(),
        "effects": approval_effects(application) if actions else [],
        "claim": ReviewClaim.objects.live().filter(application=application).select_related("by").first(),
        "previous": previous,
        "following": following,
        "form": form if actions else None,
        "unmask_form": UnmaskForm(initial={"purpose": "review"}),
        "full_document": "",
        "may_not": "" if actions else reviews.why_not(application, request.user),
    }


@never_cache
@require_POST
def application_document(request, pk):
    """The case again with the applicant's whole document number, after the look was written down."""
    application = get_object_or_404(visible_applications(request.user), pk=pk)
    unmask_form, number = UnmaskForm(request.POST), ""
    if unmask_form.is_valid():
        number = reveal_or_deny(request, unmask_form, application.learner)
    context = _context(request, application, _review_form(application)) | {
        "outcome": _outcome_form(request, application),
        "unmask_form": unmask_form,
        "full_document": number,
    }
    return render(request, "admin/conversion/application/review.html", context)


def application_evidence(request, pk, file_pk, thumbnail=False, page=None):
    """A file of a case, its thumbnail or one page of it, for those who may see the case."""
    application = get_object_or_404(visible_applications(request.user), pk=pk)
    evidence = get_object_or_404(EvidenceFile, pk=file_pk)
    of_case = application.files.filter(pk=file_pk).exists()
    of_source = application.sources.filter(achievement__files=file_pk).exists()
    if not (of_case or of_source):
        raise Http404
    return page_response(evidence, page) if page is not None else evidence_response(evidence, thumbnail)
