from functools import wraps

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect
from django.utils.translation import gettext as _


def learner_required(view):
    """Only learners' accounts have achievements; others are told so and led to where they work."""

    @wraps(view)
    def guarded(request, *args, **kwargs):
        if request.user.learner_id is None:
            messages.info(request, _("该页面供学习者使用。您登录的是工作账号或机构账号。"))
            return redirect("portal:home")
        return view(request, *args, **kwargs)

    return login_required(guarded)
