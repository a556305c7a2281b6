"""The network address of a client, behind a known number of reverse proxies."""

from django.conf import settings


def client_address(request):
    """Return the client's address; forwarded ones count only as far as our own proxies wrote them."""
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    proxies = settings.TRUSTED_PROXIES
    if proxies and len(hops) >= proxies:
        return hops[-proxies]
    return request.META.get("REMOTE_ADDR", "")
