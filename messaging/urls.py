from django.conf import settings
from django.urls import path

from messaging import views

app_name = "messaging"
urlpatterns = [path("dev/sms/", views.local_sms, name="local_sms")] if "local" in settings.SMS_PROVIDERS else []
