"""The adapter for Alibaba Cloud SMS. What needs the SDK is skipped where requirements-aliyun.txt is not installed."""

import json
import logging
from importlib.util import find_spec

import pytest
from django.core.exceptions import ImproperlyConfigured

from messaging import apps, tasks
from messaging.gateways import aliyun
from messaging.gateways.outcomes import NotAcceptedError, RefusedError, UnknownOutcomeError
from messaging.models import SmsMessage
from messaging.tests.conftest import PHONE
from messaging.tests.stub_gateway import StubAliyun, acs3_signature
from messaging.wording import WORDINGS

SECRET = "stub-secret"
with_sdk = pytest.mark.skipif(
    find_spec("alibabacloud_dysmsapi20170525") is None, reason="requirements-aliyun.txt is not installed"
)


@pytest.fixture
def provider(settings, monkeypatch):
    for name in ["HTTP_PROXY", "http_proxy"]:
        monkeypatch.delenv(name, raising=False)
    stub = StubAliyun(SECRET)
    settings.SMS_PROVIDERS = ["aliyun", "local"]
    settings.SMS_ALIYUN_ENDPOINT, settings.SMS_ALIYUN_TIMEOUT = stub.origin, 1
    settings.SMS_ALIYUN_KEY_ID, settings.SMS_ALIYUN_KEY_SECRET = "stub-id", SECRET
    settings.SMS_ALIYUN_TEMPLATES = {purpose: f"SMS_{number}" for number, purpose in enumerate(WORDINGS)}
    yield stub
    stub.close()


def deliver(message):
    tasks.send_sms(message.pk)
    message.refresh_from_db()
    call = message.calls.get()
    return message.status, call.outcome, call.detail


def test_stub_computes_the_signature_which_the_documentation_prints():
    """The worked example of the page "V3 request structure and signature", fixed nonce and date."""
    headers = {
        "Authorization": "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;"
        "x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,Signature=",
        "host": "ecs.cn-shanghai.aliyuncs.com",
        "x-acs-action": "RunInstances",
        "x-acs-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "x-acs-date": "2023-10-26T10:22:32Z",
        "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
        "x-acs-version": "2014-05-26",
    }
    query = {"ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd", "RegionId": "cn-shanghai"}
    printed = "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    assert acs3_signature("YourAccessKeySecret", "POST", query, headers, b"") == printed


@with_sdk
@pytest.mark.django_db
def test_learner_gets_a_code_by_signed_template_and_parameters(provider, queue):
    message = queue()
    assert deliver(message) == ("sent", "accepted", "900619746936498440^0")
    [(headers, query)] = provider.requests
    assert (headers["x-acs-action"], headers["x-acs-version"]) == ("SendSms", "2017-05-25")
    assert json.loads(query.pop("TemplateParam")) == {"code": "123456"}
    assert query == {
        "OutId": str(message.pk), "PhoneNumbers": PHONE[1:], "SignName": "学分银行", "TemplateCode": "SMS_0",
    }  # fmt: skip


@with_sdk
@pytest.mark.django_db
def test_notice_has_no_parameters(provider, queue):
    assert deliver(queue("phone_changed"))[0] == "sent"
    assert "TemplateParam" not in provider.requests[0][1]


@with_sdk
@pytest.mark.django_db
def test_parameters_go_out_as_texts(provider, queue):
    assert deliver(queue("identity_approved", code="7K3M", days=30))[0] == "sent"
    assert json.loads(provider.requests[0][1]["TemplateParam"]) == {"code": "7K3M", "days": "30"}


@with_sdk
@pytest.mark.django_db
def test_stub_refuses_a_wrong_secret(provider, queue, settings):
    """Positive control: the signature is really checked."""
    settings.SMS_ALIYUN_KEY_SECRET = "another-secret"
    assert deliver(queue()) == ("created", "not_accepted", "SignatureDoesNotMatch")


@with_sdk
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("http_status", "code", "expected"),
    [
        (200, "isv.BUSINESS_LIMIT_CONTROL", ("created", "not_accepted")),
        (200, "isv.AMOUNT_NOT_ENOUGH", ("created", "not_accepted")),
        (200, "isv.MOBILE_NUMBER_ILLEGAL", ("failed", "refused")),
        (200, "isp.SYSTEM_ERROR", ("failed", "unknown")),
        (400, "Throttling.User", ("created", "not_accepted")),
        (503, "ServiceUnavailable", ("created", "not_accepted")),
        (500, "InternalError", ("failed", "unknown")),
    ],
)
def test_code_of_the_answer_decides_what_happens(provider, queue, http_status, code, expected):
    provider.status, provider.code = http_status, code
    assert deliver(queue()) == (*expected, code)
    assert len(provider.requests) == 1


@with_sdk
@pytest.mark.django_db
def test_second_provider_serves_after_a_refusal_of_the_first(provider, queue):
    provider.code = "isv.AMOUNT_NOT_ENOUGH"
    message = queue()
    deliver(message)
    SmsMessage.objects.update(next_attempt_at=message.claimed_at)
    tasks.send_sms(message.pk)
    assert [call.provider for call in message.calls.order_by("number")] == ["aliyun", "local"]


@with_sdk
@pytest.mark.django_db
def test_slow_answer_is_unknown_and_the_sdk_does_not_ask_again(provider, queue, settings):
    provider.delay, settings.SMS_ALIYUN_TIMEOUT = 5, 0.3
    assert deliver(queue())[:2] == ("failed", "unknown")
    assert len(provider.requests) == 1


@with_sdk
@pytest.mark.django_db
@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "http://nowhere.invalid"])
def test_absent_provider_surely_did_not_accept(provider, queue, settings, endpoint):
    settings.SMS_ALIYUN_ENDPOINT = endpoint
    assert deliver(queue())[:2] == ("created", "not_accepted")


@with_sdk
@pytest.mark.django_db
@pytest.mark.parametrize("code", ["OK", "isv.MOBILE_NUMBER_ILLEGAL", f"bad number {PHONE}", "isp.SYSTEM_ERROR"])
def test_neither_log_nor_attempt_holds_phone_or_code(provider, queue, monkeypatch, caplog, capfd, code):
    """Even where the SDK is told to talk, and its errors quote the whole URL."""
    monkeypatch.setenv("DEBUG", "sdk")
    caplog.set_level(logging.INFO)
    provider.code = code
    message = queue()
    _status, _outcome, detail = deliver(message)
    said = "".join([caplog.text, *capfd.readouterr(), detail, message.failure])
    assert PHONE[3:] not in said
    assert "123456" not in said


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("isv.MOBILE_NUMBER_ILLEGAL", RefusedError),
        ("isv.BUSINESS_LIMIT_CONTROL", NotAcceptedError),
        ("isv.SMS_SIGNATURE_ILLEGAL", NotAcceptedError),
        ("isp.RAM_PERMISSION_DENY", NotAcceptedError),
        ("isp.SYSTEM_ERROR", UnknownOutcomeError),
        ("SignatureNonceUsed", UnknownOutcomeError),
        ("SomethingNew", UnknownOutcomeError),
        (f"illegal: {PHONE}", UnknownOutcomeError),
        (None, UnknownOutcomeError),
    ],
)
def test_codes_fall_into_outcomes(code, error):
    failure = aliyun.failure_of_code(code)
    assert type(failure) is error
    assert PHONE not in str(failure)


def test_site_without_all_templates_does_not_start(settings):
    settings.SMS_ALIYUN_TEMPLATES = {"register": "SMS_1"}
    with pytest.raises(ImproperlyConfigured, match=r"SMS_ALIYUN_TEMPLATES .* reset"):
        apps.check_aliyun()
