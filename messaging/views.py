from django.shortcuts import render

from messaging.models import LocalSms


def local_sms(request):
    """What the local gateway has "sent"; the URL exists only where `SMS_PROVIDERS` names `local`."""
    return render(request, "messaging/localsms_list.html", {"messages_sent": LocalSms.objects.all()[:20]})
