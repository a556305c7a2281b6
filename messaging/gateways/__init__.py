"""SMS gateways, by the names that `SMS_PROVIDERS` uses.

`send(message)` asks its provider exactly once. It returns what the provider answered when it accepted (a receipt
number, perhaps nothing) and raises one of `outcomes` otherwise; neither holds personal data.
"""

from django.conf import settings
from django.utils.module_loading import import_string

GATEWAYS = {
    "http": "messaging.gateways.http.HttpGateway",
    "aliyun": "messaging.gateways.aliyun.AliyunGateway",
    "local": "messaging.gateways.local.LocalGateway",
}


def provider_of_attempt(number):
    """Name the provider of the 1st, 2nd … attempt: they take turns."""
    return settings.SMS_PROVIDERS[(number - 1) % len(settings.SMS_PROVIDERS)]


def gateway(provider):
    return import_string(GATEWAYS[provider])()
