from django.urls import path

from accounts import activation_views, institution_views, views

app_name = "accounts"
urlpatterns = [
    path("sign-in/", views.sign_in, name="sign_in"),
    path("sign-out/", views.sign_out, name="sign_out"),
    path("register/", views.register, name="register"),
    path("register/institution/", institution_views.institution_register, name="register_institution"),
    path("institution/", institution_views.institution_home, name="institution_home"),
    path(
        "institution/learners/<int:pk>/activation-code/",
        institution_views.activation_code_issue,
        name="activation_code_issue",
    ),
    path("activate/", activation_views.activate, name="activate"),
    path("activate/identity/", activation_views.activate_identity, name="activate_identity"),
    path("activate/password/", activation_views.activate_password, name="activate_password"),
    path("activate/unmatched/", activation_views.activate_unmatched, name="activate_unmatched"),
    path("regions/", views.regions, name="regions"),
    path("password/change/", views.password_change, name="password_change"),
    path("password/reset/", views.password_reset, name="password_reset"),
]
