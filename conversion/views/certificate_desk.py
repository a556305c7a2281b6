"""The centre's pages about certificates inside the admin: printing several, correcting one."""

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from conversion.forms.certificates import CorrectionForm
from conversion.models import Certificate
from conversion.services.certificates import ReplacementError, lacking_glyphs, print_certificates, replace_certificate
from conversion.typesetting import MissingGlyphError
from conversion.views.certificates import pdf_response


def visible_certificates(user):
    """The centre sees all, an institution's staff those of its own courses."""
    if user.belongs_to_centre:
        return Certificate.objects.all()
    return Certificate.objects.filter(application__receiving_institution=user.institution_id)


def may_replace(user):
    return user.belongs_to_centre and user.has_perm("conversion.replace_certificate")


def certificates_printed(request, certificates):
    """One PDF of the selected certificates; None, with a message where it needs one, when it can't be."""
    if not certificates:
        return None
    if len(certificates) > settings.CERTIFICATES_PER_PRINT:
        messages.warning(
            request,
            _("一次最多打印 %d 份。更多的证明请用命令 print_certificates 打印。") % settings.CERTIFICATES_PER_PRINT,
        )
        return None
    try:
        return pdf_response(print_certificates(certificates), "certificates")
    except MissingGlyphError:
        lacking = [f"{certificate.number}({error.codepoint})" for certificate, error in lacking_glyphs(certificates)]
        text = _("这些证明中有字库暂缺的字,为避免印错未予打印:%s。其余的证明可以另选打印。")
        messages.error(request, text % "、".join(lacking))
        return None


@never_cache
def certificate_replace(request, pk):
    """更正并重新签发: a second page on purpose, for what it does can't be undone."""
    if not may_replace(request.user):
        raise PermissionDenied
    certificate = get_object_or_404(visible_certificates(request.user), pk=pk)
    if request.method == "GET" and not certificate.is_valid:
        messages.warning(request, _("这份证明%s,不能再更正。") % certificate.state.label)
        return redirect("admin:conversion_certificate_change", certificate.pk)
    form = CorrectionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            new = replace_certificate(certificate=certificate, reason=form.cleaned_data["reason"], by=request.user)
        except ReplacementError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, _("已签发更正后的证明 %s,旧证明不再有效。") % new.number)
            return redirect("admin:conversion_certificate_change", new.pk)
    learner = certificate.application.learner
    context = {
        **admin.site.each_context(request),
        "opts": Certificate._meta,
        "title": _("更正并重新签发"),
        "certificate": certificate,
        "form": form,
        "changes": [
            (_("姓名"), certificate.content["name"], learner.name),
            (_("证件号码"), certificate.content["masked_document"], learner.masked_document),
        ],
    }
    return render(request, "admin/conversion/certificate/replace.html", context)
