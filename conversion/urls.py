from django.urls import path

from conversion import recognition_views, views

app_name = "conversion"
urlpatterns = [
    path("conversion/", views.conversion_grid, name="grid"),
    path("conversion/apply/", views.conversion_apply, name="apply"),
    path("conversion/progress/", views.conversion_progress, name="progress"),
    path("conversion/applications/<int:pk>/", views.application_detail, name="application"),
    path("conversion/applications/<int:pk>/withdraw/", views.application_withdraw, name="withdraw"),
    path("conversion/certificates/", views.certificates, name="certificates"),
    path("conversion/certificates/<int:pk>.pdf", views.certificate_pdf, name="certificate_pdf"),
    path("recognition/", recognition_views.recognition_grid, name="recognition"),
    path("recognition/<int:pk>/", recognition_views.recognition_apply, name="recognition_apply"),
    path("performance/", recognition_views.performance_grid, name="performance"),
    path("performance/<int:pk>/", recognition_views.performance_apply, name="performance_apply"),
    path("conversion/applications/<int:pk>/resubmit/", recognition_views.application_resubmit, name="resubmit"),
    path("verify/", views.verify, name="verify"),
    path("verify/<str:token>/", views.verify_token, name="verify_token"),
    path("rules/", views.rule_list, name="rules"),
    path("rules/<int:pk>/", views.rule_detail, name="rule_detail"),
]
