import pytest

from messaging import services
from messaging.tests.stub_gateway import StubGateway

PHONE = "+8613800000001"


@pytest.fixture
def gateway(settings):
    """The one provider of the site, as a stub of the generic HTTP contract."""
    stub = StubGateway()
    settings.SMS_PROVIDERS, settings.SMS_HTTP_URL, settings.SMS_HTTP_KEY = ["http"], stub.url, "secret-key"
    settings.SMS_HTTP_TIMEOUT = 0.5
    yield stub
    stub.close()


@pytest.fixture
def queue():
    """Return a function that queues an SMS, by default a registration's."""

    def queue(purpose="register", **parameters):
        if purpose == "register" and not parameters:
            parameters = {"code": "123456"}
        return services.queue_sms(phone=PHONE, purpose=purpose, **parameters)

    return queue
