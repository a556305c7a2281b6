"""What is signed of a certificate, and how it stands in the QR code (docs/certificates.md)."""

import hashlib
import json

from django.conf import settings
from django.urls import reverse

from vault.signatures import current_key_id, is_signed, sign, to_text

FORMAT = "1"


def canonical(content):
    """The frozen content as the one sequence of bytes that its digest is taken of."""
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def signed_text(certificate):
    """Token, format, key, number, day, digest of number and name, digest of the content: the QR's end, unsigned."""
    content = certificate.content
    day = content["issued_on"].replace("-", "")
    name = to_text(hashlib.sha256(f"{certificate.number}{content['name']}".encode()).digest()[:9])
    digest = to_text(hashlib.sha256(canonical(content)).digest())
    return f"{certificate.token}/#{FORMAT}.{certificate.key_id}.{certificate.number}.{day}.{name}.{digest}"


def sign_certificate(certificate):
    """Fill in `key_id` and `signature` of a certificate that isn't stored yet."""
    certificate.key_id = current_key_id()
    _key, certificate.signature = sign(signed_text(certificate).encode())


def is_genuine(certificate):
    """Whether it says what was signed; a content that lacks what every certificate says is no certificate's."""
    try:
        text = signed_text(certificate)
    except (KeyError, TypeError, AttributeError):
        return False
    return is_signed(text.encode(), certificate.key_id, certificate.signature)


def qr_text(certificate):
    """An address that opens the public check; all behind # stays on the reader's device."""
    return f"{settings.SITE_URL}{reverse('conversion:verify')}{signed_text(certificate)}.{certificate.signature}"
