"""Links by which a learner shows a certificate for a time that he sets."""

import secrets
from datetime import datetime, time, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import RateLimit
from conversion.models import Certificate, CertificateShare


class TooManySharesError(Exception):
    """A certificate has as many open links as it may have."""

    message = _("这份证明的有效分享已达上限,请先停止不再需要的分享。")


@transaction.atomic
def create_share(*, certificate, until, note=""):
    """Make a link that works to the end of the day `until`. Raises `TooManySharesError`."""
    certificate = Certificate.objects.select_for_update().get(pk=certificate.pk)
    if certificate.shares.open().count() >= settings.SHARES_PER_CERTIFICATE:
        raise TooManySharesError
    expires_at = timezone.make_aware(datetime.combine(until + timedelta(days=1), time.min))
    token = secrets.token_urlsafe(16)
    return CertificateShare.objects.create(certificate=certificate, token=token, expires_at=expires_at, note=note)


def end_share(*, share):
    """Close a link now; ending it twice keeps the first time."""
    CertificateShare.objects.filter(pk=share.pk, ended_at=None).update(ended_at=timezone.now())


def find_shared(*, token, address):
    """Return (certificate or None, whether this address asked too often); an ended link is as one never made."""
    if not RateLimit.take("verify", address, settings.VERIFICATIONS_PER_ADDRESS):
        return None, True
    shares = CertificateShare.objects.open().select_related("certificate__replacement")
    share = shares.filter(token=token[:64].replace("\x00", "")).first()
    return (share.certificate if share else None), False
