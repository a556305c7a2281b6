from functools import wraps

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts.models import Institution


def learner_required(view):
    """Only learners' accounts have achievements; others are told so and led to where they work."""

    @wraps(view)
    def guarded(request, *args, **kwargs):
        if request.user.learner_id is None:
            messages.info(request, _("该页面供学习者使用。您登录的是工作账号或机构账号。"))
            return redirect("portal:home")
        return view(request, *args, **kwargs)

    return login_required(guarded)


def institution_required(view):
    """Only the account of an institution that stands in the 资历名册; the view gets it as `institution`."""

    @wraps(view)
    def guarded(request, *args, **kwargs):
        return view(request, *args, institution=listed_institution(request.user), **kwargs)

    return login_required(guarded)


def listed_institution(user):
    """The institution an account works for; raise `PermissionDenied` for staff, learners, and unlisted ones."""
    if user.institution_id is None or user.is_staff:
        raise PermissionDenied
    if not Institution.objects.listed().filter(pk=user.institution_id).exists():
        raise PermissionDenied
    return user.institution
