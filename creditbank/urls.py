"""The URL map: the admin, and each app's own."""

from django.contrib import admin
from django.urls import include, path

handler500 = "portal.error_views.server_error"

urlpatterns = [
    path("", include("portal.urls")),
    path("", include("messaging.urls")),
    path("", include("achievements.urls")),
    path("", include("conversion.urls")),
    path("accounts/", include("accounts.urls")),
    path("captcha/", include("captcha.urls")),
    path("admin/", admin.site.urls),
]
