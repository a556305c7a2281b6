from django.urls import path

from portal import views

app_name = "portal"
urlpatterns = [
    path("", views.home, name="home"),
    path("healthz", views.healthz, name="healthz"),
    path("my/", views.my_information, name="my_information"),
    path("my/timeline/", views.timeline, name="timeline"),
    path("my/learning-record.pdf", views.learning_record_pdf, name="learning_record"),
    path("inbox/", views.inbox, name="inbox"),
    path("inbox/<int:pk>/", views.inbox_message, name="inbox_message"),
    path("columns/<slug:slug>/", views.column, name="column"),
    path("articles/<int:pk>/", views.article, name="article"),
    path("questions/", views.questions, name="questions"),
]
