from django.urls import path

from achievements import views

app_name = "achievements"
urlpatterns = [
    path("achievements/add/", views.achievement_add, name="add"),
    path("achievements/choose/", views.entry_choose, name="choose"),
    path("achievements/<int:pk>/", views.achievement_detail, name="detail"),
    path("catalogue/", views.catalogue, name="catalogue"),
    path("catalogue/<int:pk>/", views.catalogue_entry, name="catalogue_entry"),
    path("evidence/<int:pk>/", views.evidence, name="evidence"),
    path("evidence/<int:pk>/thumbnail/", views.evidence, {"thumbnail": True}, name="evidence_thumbnail"),
    path("framework/", views.framework, name="framework"),
    path("standards/", views.standards, name="standards"),
]
