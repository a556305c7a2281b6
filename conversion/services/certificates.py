"""转换证明: issued once, with the final approval, from the frozen data of the case."""

import re
import secrets
import unicodedata
from datetime import date
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import RateLimit
from conversion.certificate_pdf import (
    CertificateContent,
    SourceLine,
    StageLine,
    render_certificate,
    render_certificates,
)
from conversion.certificate_proof import canonical, qr_text, sign_certificate
from conversion.models import Application, Certificate
from conversion.models.application import APPROVALS, Status
from conversion.stages import with_words
from conversion.typesetting import MissingGlyphError
from messaging.services import send_inbox_message
from vault.readable import as_meant, readable_code


def new_number(year):
    """A number such as ZH2026-7K3M9QXD: random, so that numbers can't be counted through."""
    return f"ZH{year}-" + readable_code(8)


class ReplacementError(Exception):
    """This certificate can't be corrected; `message` says why."""

    message = _("只有有效的证明可以更正后重新签发。")


def issue_certificate(*, application, replaces=None):
    """Write the certificate of an approved conversion; what it says never changes afterwards."""
    now = timezone.now()
    today = timezone.localdate(now)  # of the same moment: what it says and when it was issued agree at midnight too
    certificate = Certificate(
        application=application,
        number=new_number(today.year),
        token=secrets.token_urlsafe(16),
        content=certificate_content(application, today),
        issued_at=now,
        replaces=replaces,
    )
    if replaces:
        certificate.content["replaces"] = replaces.number
    sign_certificate(certificate)
    certificate.save()
    return certificate


@transaction.atomic
def replace_certificate(*, certificate, reason, by):
    """Correct a valid certificate (a misspelt name, say): issue another one that names it; return the new one.

    The learner is told, for what he has printed counts no longer.
    Raises `ReplacementError` for a revoked or already replaced one. The text of `reason` is public.
    """
    application = Application.objects.select_for_update().get(pk=certificate.application_id)
    valid = Certificate.objects.filter(pk=certificate.pk, revoked_at=None, replaced_at=None)
    if application.status != Status.APPROVED or not valid.update(
        replaced_at=timezone.now(), replaced_by=by, replacement_reason=str(reason)
    ):
        raise ReplacementError
    new = issue_certificate(application=application, replaces=certificate)
    _tell_of_correction(application, certificate, new, reason)
    return new


def _tell_of_correction(application, old, new, reason):
    text = _("您的转换证明 %(old)s 已更正,请改用 %(new)s:旧证明不再有效,学分不变。原因:%(reason)s")
    send_inbox_message(
        recipient=application.submitted_by,
        subject=_("转换证明已更正"),
        body=text % {"old": old.number, "new": new.number, "reason": reason},
        link=application.get_absolute_url(),
    )


def revoke_certificate(*, application, reason, by):
    """Revoke the certificate of a case that was just revoked; return it, or None when there is none to revoke.

    `reason` (a text or a `ReasonCode`) is shown to whoever checks the certificate. The caller's transaction holds
    the case's row lock, as after `Application.move`.
    """
    current = Certificate.objects.filter(application=application, replaced_at=None, revoked_at=None)
    if not current.update(revoked_at=timezone.now(), revoked_by=by, revocation_reason=str(reason)[:200]):
        return None
    return application.certificate


def certificate_content(application, issued_on):
    """The frozen JSON content of a certificate."""
    learner = application.learner
    approvals = application.records.filter(action__in=APPROVALS).order_by("number")
    return {
        "name": learner.name,
        "document_kind": learner.get_document_kind_display(),
        "masked_document": learner.masked_document,
        "issued_on": issued_on.isoformat(),
        "stages": [
            {
                "stage": record.words,
                "unit": record.unit,
                "on": timezone.localdate(record.at).isoformat(),
            }
            for record in with_words(approvals, application.kind)
        ],
        **application.snapshot,
    }


def find_certificate(*, address, number="", token=""):
    """Return (certificate or None, whether this address asked too often) for the public check."""
    if not (number or token):
        return None, False
    if not RateLimit.take("verify", address, settings.VERIFICATIONS_PER_ADDRESS):
        return None, True
    key = {"token": token[:64]} if token else {"number": tidy_number(number)}
    found = Certificate.objects.filter(**key).select_related("replacement")
    return found.first(), False


def tidy_number(text):
    """A certificate number as people type it: any case and width, O for 0, I and L for 1, with or without dash."""
    compact = re.sub(r"[\s\-—]", "", unicodedata.normalize("NFKC", text)).upper()[:30]
    year, rest = compact[:6], as_meant(compact[6:])
    return f"{year}-{rest}"


def certificate_pdf_bytes(certificate):
    """Render the stored content of a certificate; raises `MissingGlyphError` rather than printing a box."""
    return render_certificate(printed_content(certificate))


def print_certificates(certificates):
    """One PDF of several certificates, for the printer; raises `MissingGlyphError`."""
    return render_certificates([printed_content(certificate) for certificate in certificates])


def lacking_glyphs(certificates):
    """[(certificate, `MissingGlyphError`)…] of those that no font at hand can show."""
    return [(certificate, error) for certificate in certificates if (error := _glyph_error(certificate))]


def _glyph_error(certificate):
    try:
        certificate_pdf_bytes(certificate)
    except MissingGlyphError as error:
        return error
    return None


def printed_content(certificate):
    content = certificate.content
    rule, target = content["rule"], content["target"]
    return CertificateContent(
        number=certificate.number,
        learner_name=content["name"],
        document_kind=content["document_kind"],
        masked_document=content["masked_document"],
        sources=tuple(_source_line(source) for source in content["sources"]),
        institution=target["institution"],
        institution_code=target["institution_code"] or "",
        programme=target["programme"],
        cohort=target["cohort"],
        course_code=target["course_code"],
        course_name=target["course"],
        course_credits=Decimal(target["course_credits"]),
        course_kind=target["course_nature"],
        outcome=rule["outcome"],
        score=rule.get("score") or "",
        credits=Decimal(rule["credits"]),
        rule_code=rule["code"],
        rule_version=rule["version"],
        rule_title=rule["title"],
        stages=tuple(
            StageLine(name=stage["stage"], unit=stage["unit"], decided_on=date.fromisoformat(stage["on"]))
            for stage in content["stages"]
        ),
        issued_on=date.fromisoformat(content["issued_on"]),
        verification_url=settings.SITE_URL + reverse("conversion:verify_token", args=[certificate.token]),
        verification_code=certificate.token,
        qr_text=qr_text(certificate),
        attached=canonical(content).decode(),
        status="" if certificate.is_valid else _("%s，不再有效") % certificate.state.label,
    )


def _source_line(source):
    return SourceLine(
        name=source["name"],
        kind=source["type"],
        level=source["level"],
        certificate_number=source["certificate_number"],
        awarding_body=source["body_name"],
        obtained_on=date.fromisoformat(source["obtained_on"]),
        score=source["score"] or "",
    )


def masked_name(name):
    """A name as the public check shows it: 王*, 欧阳**, never more than the first character."""
    return name[:1] + "*" * max(len(name) - 1, 1)
