"""The URL map: the admin, and each app's own."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

handler500 = "portal.error_views.server_error"

urlpatterns = [
    path("", include("portal.urls")),
    path("", include("messaging.urls")),
    path("", include("achievements.urls")),
    path("", include("conversion.urls")),
    path("accounts/", include("accounts.urls")),
    path("captcha/", include("captcha.urls")),
    path("admin/", admin.site.urls),
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}logo.svg")),
]
