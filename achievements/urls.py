from django.urls import path

from achievements.views import achievements, catalogue, catalogue_files, imports, own_entries, standards

app_name = "achievements"
urlpatterns = [
    path("achievements/add/", achievements.achievement_add, name="add"),
    path("achievements/drafts/<uuid:token>/files/", achievements.draft_files, name="draft_files"),
    path("achievements/drafts/<uuid:token>/discard/", achievements.draft_discard, name="draft_discard"),
    path("achievements/choose/", catalogue.entry_choose, name="choose"),
    path("achievements/<int:pk>/", achievements.achievement_detail, name="detail"),
    path("achievements/<int:pk>/edit/", achievements.achievement_edit, name="edit"),
    path("achievements/imports/", imports.achievement_upload, name="imports"),
    path("achievements/imports/<int:pk>/", imports.achievement_import, name="import"),
    path("achievements/imports/<int:pk>/report.csv", imports.achievement_report, name="import_report"),
    path("catalogue/", catalogue.catalogue, name="catalogue"),
    path("catalogue/<int:pk>/", catalogue.catalogue_entry, name="catalogue_entry"),
    path("catalogue/own/", own_entries.own_entries, name="own_entries"),
    path("catalogue/own/import/", catalogue_files.import_upload, name="catalogue_import_upload"),
    path("catalogue/own/import/<int:pk>/", catalogue_files.import_job, name="catalogue_import"),
    path("catalogue/own/import/<int:pk>/report.csv", catalogue_files.import_report, name="catalogue_import_report"),
    path("catalogue/own/export/<slug:kind>/", catalogue_files.own_entries_export, name="own_entries_export"),
    path("catalogue/own/add/", own_entries.own_entry_add, name="own_entry_add"),
    path("catalogue/own/<int:pk>/", own_entries.own_entry, name="own_entry"),
    path("catalogue/own/<int:pk>/edit/", own_entries.own_entry_edit, name="own_entry_edit"),
    path("catalogue/own/<int:pk>/submit/", own_entries.own_entry_submit, name="own_entry_submit"),
    path("catalogue/own/<int:pk>/take-back/", own_entries.own_entry_take_back, name="own_entry_take_back"),
    path("catalogue/own/<int:pk>/delete/", own_entries.own_entry_delete, name="own_entry_delete"),
    path("catalogue/own/<int:pk>/stop/", own_entries.own_entry_stop, name="own_entry_stop"),
    path("catalogue/own/<int:pk>/resume/", own_entries.own_entry_resume, name="own_entry_resume"),
    path("evidence/<int:pk>/", achievements.evidence, name="evidence"),
    path("evidence/<int:pk>/thumbnail/", achievements.evidence, {"thumbnail": True}, name="evidence_thumbnail"),
    path("framework/", standards.framework, name="framework"),
    path("framework/<int:pk>/", standards.framework, name="framework_version"),
    path("standards/", standards.standards, name="standards"),
]
