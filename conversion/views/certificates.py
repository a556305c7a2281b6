import logging

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.addresses import client_address
from accounts.decorators import learner_required
from accounts.row_ids import row_ids
from accounts.views.pages import page_of
from conversion.certificate_proof import is_genuine
from conversion.forms.applications import chosen_achievements
from conversion.forms.certificates import ShareForm
from conversion.models import Application, Certificate, CertificateShare
from conversion.services.certificates import (
    certificate_pdf_bytes,
    find_certificate,
    lacking_glyphs,
    print_certificates,
)
from conversion.services.shares import TooManySharesError, create_share, end_share, find_shared
from conversion.typesetting import MissingGlyphError
from vault import signatures
from vault.signatures import pem

logger = logging.getLogger(__name__)


@learner_required
def certificates(request):
    """打印转换证明: the certificates of the chosen achievements (all of the learner's when none is chosen)."""
    rows = own_certificates(request.user)
    chosen = chosen_achievements(request.GET, request.user)
    if chosen:
        rows = rows.filter(application__sources__achievement__in=chosen).distinct()
    page_obj = page_of(request, rows.select_related("application"))
    return render(request, "conversion/certificate_list.html", {"page_obj": page_obj, "chosen": chosen})


def own_certificates(user):
    return Certificate.objects.filter(application__in=Application.objects.of(user))


@learner_required
def certificate_pdf(request, pk):
    certificate = get_object_or_404(own_certificates(request.user), pk=pk)
    return _pdf_or_apology(request, [certificate], certificate.number, certificate_pdf_bytes)


@learner_required
def certificates_print(request):
    """The chosen certificates as one PDF for the printer."""
    ids = row_ids(request.GET.getlist("certificate"))[: settings.CERTIFICATES_PER_PRINT + 1]
    chosen = list(own_certificates(request.user).filter(pk__in=ids))
    if not chosen or len(chosen) > settings.CERTIFICATES_PER_PRINT:
        messages.warning(request, _("请选择要打印的证明,一次最多 %d 份。") % settings.CERTIFICATES_PER_PRINT)
        return redirect("conversion:certificates")
    return _pdf_or_apology(request, chosen, "certificates", print_certificates)


def _pdf_or_apology(request, certificates, name, render_pdf):
    try:
        pdf = render_pdf(certificates) if len(certificates) > 1 else certificate_pdf_bytes(*certificates)
    except MissingGlyphError as error:
        logger.warning("certificates %s lack a glyph: %s", [row.pk for row in certificates], error.codepoint)
        numbers = "、".join(certificate.number for certificate, _error in lacking_glyphs(certificates))
        text = _("证明 %s 中有字库暂缺的字,为避免印错未予打印。请联系学分银行管理中心。")
        messages.error(request, text % numbers)
        return redirect("conversion:certificates")
    return pdf_response(pdf, name)


def pdf_response(pdf, name):
    response = HttpResponse(pdf, content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{name}.pdf"'
    return response


@learner_required
def certificate_shares(request, pk):
    """分享: who may see a certificate by a link, and until when."""
    certificate = get_object_or_404(own_certificates(request.user), pk=pk)
    form = ShareForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            create_share(certificate=certificate, **form.cleaned_data)
        except TooManySharesError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, _("分享链接已生成,复制后发给查验的人即可。"))
            return redirect("conversion:certificate_shares", pk=certificate.pk)
    page_obj = page_of(request, certificate.shares.all())
    context = {"certificate": certificate, "form": form, "page_obj": page_obj, "site_url": settings.SITE_URL}
    return render(request, "conversion/certificateshare_list.html", context)


@require_POST
@learner_required
def share_end(request, pk):
    shares = CertificateShare.objects.filter(certificate__in=own_certificates(request.user))
    share = get_object_or_404(shares, pk=pk)
    end_share(share=share)
    messages.success(request, _("分享已停止,链接即刻失效。"))
    return redirect("conversion:certificate_shares", pk=share.certificate_id)


@never_cache
@require_safe
def verify(request):
    """Anybody checks a certificate by its number, or by the address in its QR code."""
    number = request.GET.get("number", "").strip()
    return _answer(request, find_certificate(number=number, address=client_address(request)), number=number)


@never_cache
@require_safe
def verify_token(request, token):
    return _answer(request, find_certificate(token=token, address=client_address(request)), asked=True)


@never_cache
@require_safe
def shared_certificate(request, token):
    """A learner's link; one that has ended looks like one that never was."""
    found = find_shared(token=token, address=client_address(request))
    return _answer(request, found, shared=True, status=200 if any(found) else 404)


def _answer(request, found, *, number="", asked=False, shared=False, status=200):
    certificate, too_many = found
    is_forged = certificate is not None and not is_genuine(certificate)
    if is_forged:
        logger.error("certificate %s is not what was signed", certificate.pk)
    context = {
        "is_forged": is_forged,
        "number": number,
        "certificate": certificate,
        "too_many": too_many,
        "asked": asked or bool(number),
        "shared": shared,
    }
    return render(request, "conversion/certificate_verify.html", context, status=429 if too_many else status)


@require_safe
def public_keys(request):
    """The keys that certificates and daily roots are signed with: what an offline check needs."""
    keys = [(key_id, pem(key)) for key_id, key in signatures.public_keys().items()]
    return render(request, "conversion/public_key_list.html", {"keys": keys[::-1]})


@require_safe
def public_key(request, key_id):
    key = signatures.public_keys().get(key_id)
    if key is None:
        raise Http404
    return HttpResponse(pem(key), content_type="application/x-pem-file")
