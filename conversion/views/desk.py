"""The reviewers' queue: what waits, who works on it, and several approvals at once."""

from django.contrib import admin, messages
from django.db.models import Q
from django.http import QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.row_ids import row_ids
from accounts.views.navigation import local_next
from conversion.forms.review import QueueForm
from conversion.models import Application
from conversion.queue import COUNTED, queue_page, visible_applications
from conversion.services.bulk import BULK_LIMIT, approve_in_bulk, bulk_line
from conversion.services.claims import ClaimedError, claim_case, release_case
from conversion.services.reviews import why_not

QUEUE = "admin:conversion_application_changelist"


def admin_context(request, title):
    """What the admin's frame needs, without its list of every model: a reviewer's pages have their own way back."""
    site = admin.site
    return {
        "site_title": site.site_title,
        "site_header": site.site_header,
        "site_url": site.site_url,
        "has_permission": site.has_permission(request),
        "is_nav_sidebar_enabled": False,
        "opts": Application._meta,
        "title": title,
    }


class LeftQueue:
    """The queue as it was when somebody opened a case from it: its filters travel in the address of the case.

    Not the words: they may be somebody's name.
    """

    def __init__(self, request):
        self._filters, self._user = QueryDict(request.GET.get("queue", "")), request.user

    @staticmethod
    def suffix_of(filters):
        """What an address of a case ends with, to lead back to the queue with these filters."""
        filters = filters.copy()
        filters.pop("q", None)
        return "?" + urlencode({"queue": filters.urlencode()}) if filters else ""

    @property
    def suffix(self):
        return self.suffix_of(self._filters)

    @property
    def url(self):
        return reverse(QUEUE) + ("?" + self._filters.urlencode() if self._filters else "")

    def case_url(self, pk):
        return reverse("admin:conversion_application_review", args=[pk]) + self.suffix

    @cached_property
    def narrowing(self):
        """The condition of its cases beside the scope: one goes on among them."""
        return QueueForm(self._filters, user=self._user).narrowing if self._filters else Q()


def application_queue(request):
    form = QueueForm(request.GET, user=request.user)
    page = queue_page(form.applications(), request.GET.get("page"), form.order.columns, form.stages, form.claimable)
    context = admin_context(request, _("审核申请")) | {
        "form": form,
        "page_obj": page.page_obj,
        "more": page.more,
        "counted": COUNTED,
        "scope": form.scope_shown,
        "reviews": form.reviews,
        "back": LeftQueue.suffix_of(request.GET),
    }
    return render(request, "admin/conversion/application/queue.html", context)


def _back(request):
    """The page of the queue or the case that a button was pressed on."""
    return redirect(local_next(request) or QUEUE)


@require_POST
def application_claim(request, pk):
    """Who may not decide a case may not keep others from it either."""
    application = get_object_or_404(visible_applications(request.user), pk=pk)
    try:
        why = why_not(application, request.user)
        if not why:
            claim_case(application=application, by=request.user)
    except ClaimedError as error:
        why = _("%s 正在办理这件申请。") % error.claim.by
    if why:
        messages.warning(request, _("没有领取成功:%s") % why)
    else:
        messages.success(request, _("已领取“%s”。") % application.title)
    return _back(request)


@require_POST
def application_release(request, pk):
    application = get_object_or_404(visible_applications(request.user), pk=pk)
    if release_case(application=application, by=request.user):
        messages.success(request, _("已放弃领取“%s”,其他审核员可以办理。") % application.title)
    else:
        messages.warning(request, _("“%s”不是由您领取的。") % application.title)
    return _back(request)


@require_POST
def application_bulk(request):
    """批量通过: first what it would contain and what not, and why; then, confirmed, the approvals."""
    ids = row_ids(request.POST.getlist("application"))
    chosen = list(visible_applications(request.user).filter(pk__in=ids).order_by("waiting_since", "pk"))
    if not chosen:
        messages.warning(request, _("请先在列表中选择申请。"))
        return _back(request)
    if len(chosen) > BULK_LIMIT:
        messages.warning(request, _("一次最多批量通过 %d 件。") % BULK_LIMIT)
        return _back(request)
    if "confirm" in request.POST:
        return _bulk_done(request, chosen)
    lines = [bulk_line(application, request.user) for application in chosen]
    context = admin_context(request, _("批量通过")) | {
        "fitting": [line for line in lines if not line.obstacle],
        "left": [line for line in lines if line.obstacle],
        "queue_url": local_next(request) or reverse(QUEUE),
    }
    return render(request, "admin/conversion/application/bulk.html", context)


def _bulk_done(request, chosen):
    opinion = request.POST.get("opinion", "").replace("\x00", "").replace("\r\n", "\n").strip()[:1000]
    done, left = approve_in_bulk(applications=chosen, by=request.user, opinion=opinion)
    if done:
        messages.success(request, _("已通过 %d 件。") % len(done))
    for application, why in left:
        messages.warning(request, _("“%(title)s”没有处理:%(why)s") % {"title": application.title, "why": why})
    return _back(request)
