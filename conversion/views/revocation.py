"""撤销 of an approved case, in the admin."""

from django.contrib import messages
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from conversion.effects import revocation_effects
from conversion.forms.review import RevocationForm
from conversion.models.application import Action
from conversion.queue import visible_applications
from conversion.services import revocation
from conversion.services.reviews import DecidedMeanwhileError, NotAllowedError, ReasonError
from conversion.stages import status_words
from conversion.views.desk import admin_context


def application_revoke(request, pk):
    """Ask for the reason, say what follows, and revoke."""
    application = get_object_or_404(visible_applications(request.user), pk=pk)
    try:
        revocation.check_may_revoke(application=application, by=request.user)
    except NotAllowedError:
        raise Http404 from None
    if not application.allows(Action.REVOKE):
        messages.warning(request, _("这件申请不是“已通过”,不能撤销:%s。") % status_words(application))
        return redirect("admin:conversion_application_review", application.pk)
    form = RevocationForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and _revoked(request, application, form):
        return redirect("admin:conversion_application_review", application.pk)
    context = admin_context(request, _("撤销申请")) | {
        "application": application,
        "form": form,
        "effects": revocation_effects(application),
    }
    return render(request, "admin/conversion/application/revoke.html", context)


def _revoked(request, application, form):
    try:
        revocation.revoke(application=application, by=request.user, **form.cleaned_data)
    except (NotAllowedError, ReasonError, revocation.StillUsedError) as error:
        form.add_error(None, error.message)
        return False
    except DecidedMeanwhileError:
        messages.warning(request, _("这件申请已由别人处理,您的操作没有生效。"))
    else:
        messages.success(request, _("已撤销,并已通知申请人。"))
    return True
