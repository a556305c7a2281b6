import logging

from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from accounts.decorators import learner_required
from accounts.views.pages import page_of
from conversion.models import CreditEntry
from conversion.services.ledger import statement_of, totals
from conversion.statement_pdf import render_statement
from conversion.typesetting import MissingGlyphError
from conversion.views.certificates import pdf_response

logger = logging.getLogger(__name__)


@learner_required
def statement(request):
    """学分对账单: the learner's own entries, newest first, with the balance after each."""
    entries = CreditEntry.objects.of(request.user)
    rows = entries.with_balance().select_related("application").order_by("-pk")
    context = {"page_obj": page_of(request, rows), "totals": totals(entries)}
    return render(request, "conversion/creditentry_list.html", context)


@learner_required
def statement_pdf(request):
    try:
        printed = statement_of(request.user.learner)
        pdf = render_statement(printed)
    except MissingGlyphError as error:
        logger.warning("statement of user %s lacks a glyph: %s", request.user.pk, error.codepoint)
        messages.error(request, _("对账单中有字库暂缺的字,为避免印错未予打印。请联系学分银行管理中心。"))
        return redirect("conversion:statement")
    return pdf_response(pdf, printed.number)
