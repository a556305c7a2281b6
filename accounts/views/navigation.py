"""Where a view sends people, from a page or out of a dialog."""

from django.shortcuts import redirect, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect


def go_to(request, url):
    """Redirect the whole page, also out of a dialog."""
    return HttpResponseClientRedirect(resolve_url(url)) if request.htmx else redirect(url)


def auto_id(request):
    """A dialog stands above a page that may hold the same form: its ids must differ."""
    return "dialog_%s" if request.htmx else "id_%s"


def home_of(user):
    if user.is_staff:
        return "admin:index"
    return "accounts:institution_home" if user.institution_id else "portal:my_information"


def local_next(request):
    """The page to go on to, as an address from the root of the site: never another site's, nor the name of a view."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    hosts = {request.get_host()}
    is_safe = url_has_allowed_host_and_scheme(target, hosts, require_https=request.is_secure())
    return target if is_safe and target.startswith("/") else ""
