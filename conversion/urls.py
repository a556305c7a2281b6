from django.urls import path

from conversion.views import applications, certificates, ledger, recognition, rule_search, what_if

app_name = "conversion"
urlpatterns = [
    path("conversion/", applications.conversion_grid, name="grid"),
    path("conversion/apply/", applications.conversion_apply, name="apply"),
    path("conversion/progress/", applications.conversion_progress, name="progress"),
    path("conversion/applications/<int:pk>/", applications.application_detail, name="application"),
    path("conversion/applications/<int:pk>/withdraw/", applications.application_withdraw, name="withdraw"),
    path("conversion/certificates/", certificates.certificates, name="certificates"),
    path("conversion/certificates/<int:pk>.pdf", certificates.certificate_pdf, name="certificate_pdf"),
    path("conversion/certificates/print/", certificates.certificates_print, name="certificates_print"),
    path("conversion/certificates/<int:pk>/shares/", certificates.certificate_shares, name="certificate_shares"),
    path("conversion/shares/<int:pk>/end/", certificates.share_end, name="share_end"),
    path("conversion/ledger/", ledger.statement, name="statement"),
    path("conversion/ledger/statement.pdf", ledger.statement_pdf, name="statement_pdf"),
    path("recognition/", recognition.recognition_grid, name="recognition"),
    path("recognition/<int:pk>/", recognition.recognition_apply, name="recognition_apply"),
    path("performance/", recognition.performance_grid, name="performance"),
    path("performance/<int:pk>/", recognition.performance_apply, name="performance_apply"),
    path("conversion/applications/<int:pk>/resubmit/", recognition.application_resubmit, name="resubmit"),
    path("conversion/applications/<int:pk>/appeal/", recognition.application_appeal, name="appeal"),
    path("verify/", certificates.verify, name="verify"),
    path("verify/keys/", certificates.public_keys, name="public_keys"),
    path("verify/keys/<slug:key_id>.pem", certificates.public_key, name="public_key"),
    path("verify/share/<str:token>/", certificates.shared_certificate, name="shared_certificate"),
    path("verify/<str:token>/", certificates.verify_token, name="verify_token"),
    path("rules/", rule_search.rule_list, name="rules"),
    path("rules/what-if/", what_if.what_if_rules, name="what_if"),
    path("rules/courses/", what_if.course_list, name="courses"),
    path("rules/courses/<int:pk>/", what_if.course_rules, name="course_rules"),
    path("rules/<int:pk>/", rule_search.rule_detail, name="rule_detail"),
    path("rules/<int:pk>/changes/<int:number>/", rule_search.rule_changes, name="rule_changes"),
]
