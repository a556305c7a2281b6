import os
import subprocess
import sys

import pytest
from django.conf import settings

PRODUCTION = {
    "CREDITBANK_ENV": "production", "SECRET_KEY": "s" * 40, "DIGEST_KEY": "d" * 40, "PERSONAL_DATA_KEYS": "p" * 40,
    "SIGNING_KEY": "s" * 43,
    "DATABASE_URL": "postgres://host/name", "REDIS_URL": "redis://host/0",
    "ALLOWED_HOSTS": "bank.example", "SITE_URL": "https://bank.example",
}  # fmt: skip
HTTP = {"SMS_HTTP_URL": "https://sms.example", "SMS_HTTP_KEY": "key"}


def start(**environment):
    return subprocess.run(
        [sys.executable, "-c", "import creditbank.settings"],
        cwd=settings.BASE_DIR,
        env={"PATH": os.environ["PATH"]} | PRODUCTION | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_production_starts_with_a_real_provider():
    assert start(**HTTP).returncode == 0


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({}, "an https SMS_HTTP_URL and SMS_HTTP_KEY"),
        (HTTP | {"SMS_PROVIDERS": "http,local"}, "may not name local in production"),
        (HTTP | {"SMS_PROVIDERS": ""}, "comma-separated list"),
        (HTTP | {"SMS_PROVIDERS": "http,pigeon"}, "comma-separated list"),
        (HTTP | {"SMS_PROVIDERS": "http,aliyun"}, "set SMS_ALIYUN_KEY_ID"),
    ],
)
def test_production_does_not_start_without_one(environment, complaint):
    done = start(**environment)
    assert done.returncode == 1
    assert complaint in done.stderr
