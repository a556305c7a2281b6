"""The yardstick: the same rows as Django's own ListView shows them, in four queries and without the frame."""

from django.contrib.auth.mixins import LoginRequiredMixin
from django.views.generic import ListView

from achievements.models import Achievement


class PlainList(LoginRequiredMixin, ListView):
    paginate_by = 10
    template_engine = "plain"
    template_name = "plain_list.html"

    def get_queryset(self):
        return Achievement.objects.of(self.request.user).select_related("type").order_by("-obtained_on", "-pk")
