import logging

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.decorators import learner_required
from accounts.models import Learner
from accounts.phones import mask_phone
from accounts.views.pages import page_of
from conversion.typesetting import MissingGlyphError
from portal.figures import home_figures
from portal.forms import QuestionForm
from portal.health import health
from portal.learning_record import learning_record, render_learning_record
from portal.markdown import render_markdown
from portal.models import Article, Column, Question
from portal.summary import my_achievements
from portal.timeline import timeline_page

logger = logging.getLogger(__name__)


@require_safe
def healthz(request):
    """Whether the portal works: 503 when it can serve nobody; what else is wrong is said in a 200."""
    found = health()
    return JsonResponse(found, status=503 if found["status"] == "down" else 200, headers={"Cache-Control": "no-store"})


def home(request):
    articles = Article.objects.published().filter(column=Column.NEWS)[:5]
    return render(request, "portal/home.html", {"figures": home_figures(), "latest_articles": articles})


@learner_required
def my_information(request):
    """我的信息; the folded 基本信息 is read, and sent, only when asked for with `?basic=1`."""
    counters, page_obj = my_achievements(request.user.learner_id, request.GET.get("page"))
    context = {"page_obj": page_obj, "counters": counters}
    if "basic" in request.GET:
        people = Learner.objects.select_related("region__parent__parent")
        learner = people.get(pk=request.user.learner_id)
        context |= {"learner": learner, "masked_phone": mask_phone(request.user.phone)}
    return render(request, "portal/my_information.html", context)


@learner_required
def timeline(request):
    """办理动态: what happened, newest first."""
    return render(request, "portal/timeline.html", {"page_obj": timeline_page(request.user, request.GET.get("page"))})


@learner_required
def learning_record_pdf(request):
    """学习成果清单, as of today."""
    try:
        pdf = render_learning_record(learning_record(request.user))
    except MissingGlyphError as error:
        logger.warning("learning record of learner %s lacks a glyph: %s", request.user.learner_id, error.codepoint)
        messages.error(request, _("清单中有字库暂缺的字,为避免印错未予打印。请联系学分银行管理中心。"))
        return redirect("portal:timeline")
    response = HttpResponse(pdf, content_type="application/pdf")
    response["Content-Disposition"] = content_disposition_header(False, _("学习成果清单.pdf"))
    return response


@login_required
def inbox(request):
    page_obj = page_of(request, request.user.inbox_messages.all())
    return render(request, "portal/inboxmessage_list.html", {"page_obj": page_obj})


@login_required
def inbox_message(request, pk):
    """A GET changes nothing: the message counts as read when its owner says so."""
    message = get_object_or_404(request.user.inbox_messages, pk=pk)
    if request.method == "POST":
        request.user.inbox_messages.filter(pk=pk, read_at=None).update(read_at=timezone.now())
        return redirect(message.link or "portal:inbox")
    return render(request, "portal/inboxmessage_detail.html", {"inbox_message": message})


def column(request, slug):
    if slug not in Column.values:
        raise Http404
    page_obj = page_of(request, Article.objects.published().filter(column=slug))
    return render(request, "portal/article_list.html", {"column": Column(slug), "page_obj": page_obj})


def article(request, pk):
    found = get_object_or_404(Article.objects.published(), pk=pk)
    return render(request, "portal/article_detail.html", {"article": found, "body": render_markdown(found.body)})


def questions(request):
    """在线解答: everyone reads the published answers, learners ask and see their own."""
    mine = Question.objects.none()
    form = None
    if request.user.is_authenticated:
        mine = Question.objects.filter(asked_by=request.user)
        form = QuestionForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            form.save(asked_by=request.user)
            messages.success(request, _("问题已提交,解答后会通知到您的收件箱。"))
            return redirect("portal:questions")
    page_obj = page_of(request, Question.objects.filter(is_published=True).exclude(answer=""))
    return render(request, "portal/question_list.html", {"form": form, "mine": mine[:20], "page_obj": page_obj})
