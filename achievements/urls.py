from django.urls import path

from achievements.views import achievements, catalogue, standards

app_name = "achievements"
urlpatterns = [
    path("achievements/add/", achievements.achievement_add, name="add"),
    path("achievements/drafts/<uuid:token>/files/", achievements.draft_files, name="draft_files"),
    path("achievements/drafts/<uuid:token>/discard/", achievements.draft_discard, name="draft_discard"),
    path("achievements/choose/", catalogue.entry_choose, name="choose"),
    path("achievements/<int:pk>/", achievements.achievement_detail, name="detail"),
    path("achievements/<int:pk>/edit/", achievements.achievement_edit, name="edit"),
    path("catalogue/", catalogue.catalogue, name="catalogue"),
    path("catalogue/<int:pk>/", catalogue.catalogue_entry, name="catalogue_entry"),
    path("evidence/<int:pk>/", achievements.evidence, name="evidence"),
    path("evidence/<int:pk>/thumbnail/", achievements.evidence, {"thumbnail": True}, name="evidence_thumbnail"),
    path("framework/", standards.framework, name="framework"),
    path("standards/", standards.standards, name="standards"),
]
