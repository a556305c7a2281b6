"""What the centre looks at before it decides about a registering institution, inside the admin."""

from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from accounts.models import Institution
from evidence.serving import evidence_response


def may_see_licences(user):
    return user.belongs_to_centre and user.has_perm("accounts.change_institution")


@never_cache
def licence(request, pk, file_pk, thumbnail=False):
    """The licence of an institution, or its thumbnail."""
    if not may_see_licences(request.user):
        raise PermissionDenied
    institution = get_object_or_404(Institution.objects.select_related("licence"), pk=pk, licence=file_pk)
    return evidence_response(institution.licence, thumbnail)


def shown_licence(institution):
    """The licence as a piece of the institution's page."""
    files = [institution.licence] if institution.licence else []
    context = {
        "files": files,
        "owner": institution,
        "empty": _("没有上传证照。"),
        "file_view": "admin:accounts_institution_licence",
        "thumbnail_view": "admin:accounts_institution_licence_thumbnail",
    }
    return render_to_string("admin/includes/evidence_files.html", context)
