"""Alibaba Cloud SMS (dysmsapi 2017-05-25, SendSms) through its SDK, which requirements-aliyun.txt brings."""

import json
import logging
import re
import ssl
from urllib.parse import urlsplit

from django.conf import settings

from messaging.gateways.outcomes import NotAcceptedError, RefusedError, UnknownOutcomeError

REFUSED = {"isv.MOBILE_NUMBER_ILLEGAL"}
# isv.* are the caller's mistakes (limits, balance, signature, template); the others are answers of the API gateway
# before it passes a request on. Other isp.* and SignatureNonceUsed (this request was seen before) stay unknown.
NOT_ACCEPTED = re.compile(
    r"isv\.|isp\.RAM_PERMISSION_DENY|Throttling|ServiceUnavailable|InvalidAccessKeyId|SignatureDoesNotMatch"
    r"|IncompleteSignature|InvalidTimeStamp|Forbidden|NoPermission|Missing"
)
TOKEN = re.compile(r"[\w.:^-]{1,64}", re.ASCII)


def failure_of_code(code):
    """Return the exception for a response code other than OK; free text could hold a phone, so it is not kept."""
    if not isinstance(code, str) or not TOKEN.fullmatch(code):
        return UnknownOutcomeError("unreadable answer")
    if code in REFUSED:
        return RefusedError(code)
    return (NotAcceptedError if NOT_ACCEPTED.match(code) else UnknownOutcomeError)(code)


class AliyunGateway:
    """The SDK's errors quote the whole URL, phone and code included: none of them leaves this class."""

    def send(self, message):
        try:
            body = self._ask(message).body
        except Exception as error:  # whatever the SDK raises
            raise self._failure(error) from None
        if body.code != "OK":
            raise failure_of_code(body.code)
        return body.biz_id if TOKEN.fullmatch(body.biz_id or "") else ""

    def _ask(self, message):
        from alibabacloud_dysmsapi20170525.models import SendSmsRequest
        from darabonba.runtime import RuntimeOptions

        request = SendSmsRequest(
            out_id=str(message.pk),
            phone_numbers=message.phone.removeprefix("+"),
            sign_name=settings.SMS_SIGN,
            template_code=settings.SMS_ALIYUN_TEMPLATES[message.purpose],
            template_param=self._template_param(message.parameters),
        )
        milliseconds = int(settings.SMS_ALIYUN_TIMEOUT * 1000)
        options = RuntimeOptions(connect_timeout=milliseconds, read_timeout=milliseconds)
        return self._client().send_sms_with_options(request, options)

    def _template_param(self, parameters):
        """JSON of texts, or None: a number as a value is an isv.INVALID_JSON_PARAM."""
        return json.dumps({name: str(value) for name, value in parameters.items()}) if parameters else None

    def _client(self):
        from alibabacloud_dysmsapi20170525.client import Client
        from alibabacloud_tea_openapi.models import Config

        # At DEBUG, which its import sets, DEBUG=sdk in the environment would log every URL.
        logging.getLogger("darabonba-core").setLevel(logging.WARNING)
        endpoint = urlsplit(settings.SMS_ALIYUN_ENDPOINT)
        return Client(
            Config(
                access_key_id=settings.SMS_ALIYUN_KEY_ID,
                access_key_secret=settings.SMS_ALIYUN_KEY_SECRET,
                protocol=endpoint.scheme,
                endpoint=endpoint.netloc,
            )
        )

    def _failure(self, error):
        """HTTP errors carry a code; of the others only one raised before anything was sent is surely not accepted."""
        if code := getattr(error, "code", None):
            return failure_of_code(code)
        causes = list(_causes(error))
        names = [type(cause).__name__ for cause in causes]
        if before_sending := [name for cause, name in zip(causes, names, strict=True) if _is_before_sending(cause)]:
            return NotAcceptedError(before_sending[0])
        return UnknownOutcomeError(names[-1])


def _causes(error):
    """The error and what it was made from, down to the socket's."""
    while error is not None:
        yield error
        error = getattr(error, "inner_exception", None) or error.__cause__ or error.__context__


def _is_before_sending(error):
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

    return isinstance(error, (ConnectTimeoutError, NewConnectionError, ssl.SSLCertVerificationError))
