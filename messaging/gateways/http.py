"""Generic JSON over HTTP, for a provider's own small bridge: the contract stands in docs/sms.md."""

import httpx
from django.conf import settings

from messaging.gateways.outcomes import NotAcceptedError, RefusedError, UnknownOutcomeError

# Busy, or this provider does not serve us (key, balance, address): another one may.
NOT_ACCEPTED = {401, 402, 403, 404, 429, 503}
BEFORE_SENDING = (
    httpx.ConnectError,  # refused, no such host, TLS
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.LocalProtocolError,  # our own settings: a key that can't be a header, say
    httpx.UnsupportedProtocol,
)


class HttpGateway:
    """POST {"id", "phone", "text"} with a bearer key; 2xx accepts."""

    def send(self, message):
        try:
            response = self._post({"id": str(message.pk), "phone": message.phone, "text": message.text})
        except BEFORE_SENDING as error:
            raise NotAcceptedError(type(error).__name__) from None
        except httpx.HTTPError as error:
            raise UnknownOutcomeError(type(error).__name__) from None
        if not response.is_success:
            raise self._failure(response.status_code)
        return f"HTTP {response.status_code}"

    def _post(self, body):
        return httpx.post(
            settings.SMS_HTTP_URL,
            json=body,
            headers={"Authorization": f"Bearer {settings.SMS_HTTP_KEY}"} if settings.SMS_HTTP_KEY else {},
            timeout=settings.SMS_HTTP_TIMEOUT,
        )

    def _failure(self, status):
        if status in NOT_ACCEPTED:
            return NotAcceptedError(f"HTTP {status}")
        return (UnknownOutcomeError if status >= 500 else RefusedError)(f"HTTP {status}")
