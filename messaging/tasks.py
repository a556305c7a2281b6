"""Tasks take the id of a row, are safe to run twice and hold no text themselves."""

from celery import shared_task

from messaging import services
from messaging.models import SmsMessage

SWEEP_SECONDS = 25  # with one slow call on top, well under the soft time limit of a task


@shared_task
def send_sms(pk):
    message = SmsMessage.objects.filter(pk=pk).first()
    if message:
        services.deliver_sms(message=message)


@shared_task
def erase_sms_phones():
    services.erase_sms_phones()


@shared_task
def sweep_sms():
    services.sweep_sms(seconds=SWEEP_SECONDS)
