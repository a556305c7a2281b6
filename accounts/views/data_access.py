"""「谁查看过我的信息」."""

from django.shortcuts import render

from accounts.decorators import learner_required
from accounts.services.personal_data import accesses_of
from accounts.views.pages import page_of


@learner_required
def data_access(request):
    """When, which unit and why; never which person of it."""
    page_obj = page_of(request, accesses_of(request.user.learner))
    return render(request, "accounts/personaldataaccess_list.html", {"page_obj": page_obj})
