from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("账号与名册")

    def ready(self):
        from accounts.services.sessions import note_sign_in

        user_logged_in.connect(note_sign_in, dispatch_uid="note_sign_in")
