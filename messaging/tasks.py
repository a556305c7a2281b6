"""Tasks take the id of a row, are safe to run twice and hold no text themselves."""

from celery import shared_task

from messaging import services
from messaging.models import SmsMessage


@shared_task
def send_sms(pk):
    message = SmsMessage.objects.filter(pk=pk).first()
    if message:
        services.deliver_sms(message=message)


@shared_task
def sweep_sms():
    """Deliver what a lost ring, a killed worker or an absent broker left behind."""
    for message in services.sweep_sms():
        services.deliver_sms(message=message)
