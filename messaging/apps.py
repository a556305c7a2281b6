from importlib.util import find_spec

from django.apps import AppConfig
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from messaging.wording import WORDINGS


class MessagingConfig(AppConfig):
    name = "messaging"
    verbose_name = _("消息")

    def ready(self):
        if "aliyun" in settings.SMS_PROVIDERS:
            check_aliyun()


def check_aliyun():
    """Refuse to start where a message would find no SDK or no template."""
    if missing := sorted(set(WORDINGS) - set(settings.SMS_ALIYUN_TEMPLATES)):
        raise ImproperlyConfigured(f"SMS_ALIYUN_TEMPLATES has no template code for: {', '.join(missing)}.")
    if find_spec("alibabacloud_dysmsapi20170525") is None:
        raise ImproperlyConfigured("SMS_PROVIDERS names aliyun: install requirements-aliyun.txt.")
