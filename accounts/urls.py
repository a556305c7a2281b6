from django.urls import path

from accounts.views import activation, institution, passwords, profile, register, sign_in

app_name = "accounts"
urlpatterns = [
    path("sign-in/", sign_in.sign_in, name="sign_in"),
    path("sign-out/", sign_in.sign_out, name="sign_out"),
    path("register/", register.register, name="register"),
    path("register/institution/", institution.institution_register, name="register_institution"),
    path("institution/", institution.institution_home, name="institution_home"),
    path("institution/activation-codes/", institution.activation_code_sheet, name="activation_code_sheet"),
    path("institution/rosters/", institution.roster_upload, name="roster_upload"),
    path("institution/rosters/<int:pk>/", institution.roster_import, name="roster_import"),
    path("institution/rosters/<int:pk>/report.csv", institution.roster_report, name="roster_report"),
    path("activate/", activation.activate, name="activate"),
    path("activate/identity/", activation.activate_identity, name="activate_identity"),
    path("activate/password/", activation.activate_password, name="activate_password"),
    path("activate/unmatched/", activation.activate_unmatched, name="activate_unmatched"),
    path("profile/", profile.profile, name="profile"),
    path("profile/phone/", profile.phone_change, name="phone_change"),
    path("regions/", register.regions, name="regions"),
    path("password/change/", passwords.password_change, name="password_change"),
    path("password/reset/", passwords.password_reset, name="password_reset"),
]
