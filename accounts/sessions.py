"""The session engine: sessions know whose they are, end when unused, and can be ended one by one.

All of it rides on the one query by which Django loads a session anyway.
"""

from datetime import timedelta

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as PackagedSessionStore
from django.utils import timezone

from accounts.models.session import SignInSession, end_of

SIGN_IN = "sign_in"  # what was noted at the sign-in: see `accounts.services.sessions.note_sign_in`
BETWEEN_NOTES = timedelta(seconds=60)


class SessionStore(PackagedSessionStore):
    has_ended = False  # the visitor brought a session that is no longer there
    last_seen_at = None

    @classmethod
    def get_model_class(cls):
        return SignInSession

    def load(self):
        digest, now = SignInSession.digest_of(self.session_key), timezone.now()
        rows = SignInSession.objects.values_list("session_data", "last_seen_at")
        try:
            session_data, self.last_seen_at = rows.get(session_key=digest, expire_date__gt=now)
        except SignInSession.DoesNotExist:
            self._session_key = None
            self.has_ended = True
            return {}
        return self.decode(session_data)

    def exists(self, session_key):
        return super().exists(SignInSession.digest_of(session_key))

    def delete(self, session_key=None):
        if session_key := session_key or self.session_key:
            SignInSession.objects.filter(pk=SignInSession.digest_of(session_key)).delete()

    def create_model_instance(self, data):
        row = super().create_model_instance(data)
        row.session_key = SignInSession.digest_of(row.session_key)
        row.last_seen_at = timezone.now()
        if SESSION_KEY in data:
            row.belong_to(data[SESSION_KEY], data[SIGN_IN])
        return row

    def touch(self):
        """Note that a signed-in person is still there, at most once a minute: it moves the idle limit."""
        sign_in, now = self.get(SIGN_IN), timezone.now()
        if sign_in is None or self.last_seen_at is None or now - self.last_seen_at < BETWEEN_NOTES:
            return
        rows = SignInSession.objects.filter(pk=SignInSession.digest_of(self.session_key))
        rows = rows.filter(last_seen_at__lte=now - BETWEEN_NOTES)
        rows.update(last_seen_at=now, expire_date=end_of(sign_in, now))
