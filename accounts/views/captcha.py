"""The spoken captcha, and a new challenge without a new page."""

import re

from captcha.helpers import captcha_image_url
from captcha.models import CaptchaStore
from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.addresses import client_address
from accounts.captcha_audio import captcha_sound
from accounts.models import RateLimit


@never_cache
@require_safe
def captcha_audio(request, key):
    """The sound of a live challenge; in ranges too, which some browsers' players insist on."""
    if not RateLimit.take("captcha-audio", client_address(request), settings.CAPTCHA_SOUNDS_PER_ADDRESS):
        text = _("收听过于频繁,请几分钟后再试,或使用图片验证码。")
        return HttpResponse(text, status=429, content_type="text/plain; charset=utf-8")
    get_object_or_404(CaptchaStore, hashkey=key, expiration__gt=timezone.now())
    return _ranged(request, captcha_sound(key), "audio/wav")


def _ranged(request, content, content_type):
    """The part of `content` that one plain range asks for, else all of it (RFC 9110: a server may ignore others)."""
    asked = re.fullmatch(r"bytes=([0-9]{1,9})-([0-9]{0,9})", request.headers.get("Range", ""))
    start, end = (int(asked[1]), int(asked[2] or len(content) - 1)) if asked else (0, len(content) - 1)
    end = min(end, len(content) - 1)
    is_part = asked and start <= end
    response = HttpResponse(content[start : end + 1] if is_part else content, content_type=content_type)
    response["Accept-Ranges"] = "bytes"
    if is_part:
        response.status_code = 206
        response["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
    return response


@never_cache
@require_safe
def captcha_refresh(request):
    key = CaptchaStore.generate_key()
    audio = reverse("accounts:captcha_audio", args=[key])
    return JsonResponse({"key": key, "image_url": captcha_image_url(key), "audio_url": audio})
