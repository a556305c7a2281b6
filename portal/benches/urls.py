"""The portal's addresses and, for comparison, pages that only a bench's server has."""

from django.urls import include, path

from portal.benches import stock_admin
from portal.benches.plain import PlainList

handler500 = "portal.error_views.server_error"

urlpatterns = [
    path("bench/plain/", PlainList.as_view()),
    path("bench/stock/", stock_admin.site.urls),
    path("", include("creditbank.urls")),
]
