import logging

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.addresses import client_address
from accounts.decorators import learner_required
from accounts.views.pages import page_of
from conversion.certificate_pdf import MissingGlyphError
from conversion.forms import chosen_achievements
from conversion.models import Application, Certificate
from conversion.services.certificates import certificate_pdf_bytes, find_certificate

logger = logging.getLogger(__name__)


@learner_required
def certificates(request):
    """打印转换证明: the certificates of the chosen achievements (all of the learner's when none is chosen)."""
    rows = Certificate.objects.filter(application__in=Application.objects.of(request.user))
    chosen = chosen_achievements(request.GET, request.user)
    if chosen:
        rows = rows.filter(application__sources__achievement__in=chosen).distinct()
    page_obj = page_of(request, rows.select_related("application"))
    return render(request, "conversion/certificate_list.html", {"page_obj": page_obj, "chosen": chosen})


@learner_required
def certificate_pdf(request, pk):
    certificate = get_object_or_404(Certificate, pk=pk, application__in=Application.objects.of(request.user))
    try:
        content = certificate_pdf_bytes(certificate)
    except MissingGlyphError as error:
        logger.warning("certificate %s lacks a glyph: %s", certificate.pk, error.codepoint)
        messages.error(request, _("证明中有字库暂缺的字,为避免印错未予打印。请联系学分银行管理中心。"))
        return redirect("conversion:certificates")
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{certificate.number}.pdf"'
    return response


@require_GET
def verify(request):
    """Anybody checks a certificate by its number, or by the address in its QR code."""
    number = request.GET.get("number", "").strip()
    certificate, too_many = find_certificate(number=number, address=client_address(request))
    context = {"number": number, "certificate": certificate, "too_many": too_many, "asked": bool(number)}
    return render(request, "conversion/certificate_verify.html", context)


@require_GET
def verify_token(request, token):
    certificate, too_many = find_certificate(token=token, address=client_address(request))
    context = {"number": "", "certificate": certificate, "too_many": too_many, "asked": True}
    return render(request, "conversion/certificate_verify.html", context)
