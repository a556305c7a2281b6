"""领取 and 放弃领取: who is working on a case, so that two reviewers don't read the same one."""

from datetime import timedelta

from django.conf import settings
from django.db import connection

from conversion.models import ReviewClaim

# One statement: of two at once, one gets the case. A claim of one's own is renewed, one that has ended is taken over.
CLAIM = """
INSERT INTO conversion_reviewclaim AS held (application_id, by_id, at) VALUES (%s, %s, now())
ON CONFLICT (application_id) DO UPDATE SET by_id = EXCLUDED.by_id, at = now()
WHERE held.by_id = EXCLUDED.by_id OR held.at <= now() - %s
"""


class ClaimedError(Exception):
    """Somebody else is working on the case; `claim` says who and since when."""

    def __init__(self, claim):
        super().__init__("claimed")
        self.claim = claim


def claim_case(*, application, by):
    """Take a case for oneself; raises `ClaimedError` while another reviewer holds it."""
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, [application.pk, by.pk, timedelta(hours=settings.REVIEW_CLAIM_HOURS)])
        taken = cursor.rowcount
    if not taken:
        raise ClaimedError(ReviewClaim.objects.select_related("by").get(application=application))


def release_case(*, application, by):
    """Give a case of one's own back and tell whether it was; somebody else's stays his."""
    given_back, _rows = ReviewClaim.objects.filter(application=application, by=by).delete()
    return bool(given_back)


def end_claim(*, application):
    """A decision ends the claim, whoever held it."""
    ReviewClaim.objects.filter(application=application).delete()


def held_by_other(application, by):
    """The live claim of another reviewer, or None."""
    others = ReviewClaim.objects.live().filter(application=application).exclude(by=by)
    return others.select_related("by").first()
