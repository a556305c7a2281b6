"""SMS gateways. Each takes a phone and a text; what it raises tells whether the provider may have accepted."""

import httpx
from django.conf import settings

from messaging.models import LocalSms


class NotAcceptedError(Exception):
    """The provider surely did not take the message: it may be tried again."""


class UnknownOutcomeError(Exception):
    """The provider may have taken the message: sending it again could deliver it twice."""


class RefusedError(Exception):
    """The provider refused this message for good."""


class HttpGateway:
    """Generic JSON over HTTP: POST {"id", "phone", "text"} with a bearer key; 2xx accepts."""

    def send(self, *, message_id, phone, text):
        try:
            response = httpx.post(
                settings.SMS_HTTP_URL,
                json={"id": str(message_id), "phone": phone, "text": text},
                headers={"Authorization": f"Bearer {settings.SMS_HTTP_KEY}"},
                timeout=settings.SMS_HTTP_TIMEOUT,
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise NotAcceptedError(type(error).__name__) from error
        except httpx.HTTPError as error:
            raise UnknownOutcomeError(type(error).__name__) from error
        if response.is_success:
            return
        failure = f"HTTP {response.status_code}"
        if response.status_code in {429, 503}:
            raise NotAcceptedError(failure)
        if response.status_code >= 500:
            raise UnknownOutcomeError(failure)
        raise RefusedError(failure)


class LocalGateway:
    """Keeps messages in a table which `/dev/sms/` shows; settings refuse it in production."""

    def send(self, *, message_id, phone, text):
        LocalSms.objects.create(phone=phone, text=text)


GATEWAYS = {"http": HttpGateway, "local": LocalGateway}


def current_gateway():
    return GATEWAYS[settings.SMS_GATEWAY]()
