from django.contrib.postgres.fields import ArrayField
from django.db import connection, models
from django.db.models import F, Func
from django.utils.translation import gettext_lazy as _

from vault.digests import keyed_digest

WINDOW = (
    "(SELECT count(*) FROM unnest(kept.hits) AS hit WHERE hit > clock_timestamp() - make_interval(secs => %s)) < %s"
)
TAKE = """
INSERT INTO accounts_ratelimit AS kept (key, hits) VALUES (%s, ARRAY[clock_timestamp()])
ON CONFLICT (key) DO UPDATE SET hits = ARRAY(
    SELECT hit FROM unnest(kept.hits) AS hit WHERE hit > clock_timestamp() - make_interval(secs => %s)
) || clock_timestamp()
WHERE {windows}
RETURNING 1
"""
WAIT = """
SELECT ceil(extract(epoch FROM (hit + make_interval(secs => %s)) - clock_timestamp()))
FROM accounts_ratelimit, unnest(hits) AS hit
WHERE key = %s ORDER BY hit DESC OFFSET %s LIMIT 1
"""
COUNT = """
SELECT count(*) FROM accounts_ratelimit, unnest(hits) AS hit
WHERE key = %s AND hit > clock_timestamp() - make_interval(secs => %s)
"""


class RateLimit(models.Model):
    """The times at which something limited happened, by a keyed digest of what is limited.

    Taking a place is one conditional statement, so parallel takers can't share one; windows slide and go by
    the database's clock. A row holds at most as many times as its largest limit (300).
    """

    key = models.CharField(_("键"), max_length=64, primary_key=True)
    hits = ArrayField(models.DateTimeField(), verbose_name=_("发生时间"))

    class Meta:
        verbose_name = verbose_name_plural = _("频率限制")

    @staticmethod
    def key_of(subject, value):
        return keyed_digest(f"limit:{subject}", str(value))

    @classmethod
    def take(cls, subject, value, windows):
        """Take one place in every window of `windows` [(times, seconds)…] or none; tell whether it was taken."""
        longest = max(seconds for _times, seconds in windows)
        parameters = [cls.key_of(subject, value), longest]
        for times, seconds in windows:
            parameters += [seconds, times]
        with connection.cursor() as cursor:
            cursor.execute(TAKE.format(windows=" AND ".join([WINDOW] * len(windows))), parameters)
            return cursor.fetchone() is not None

    @classmethod
    def wait_seconds(cls, subject, value, windows):
        """Return for how many seconds the next `take` would be refused: 0 when a place is free."""
        waits = [0]
        with connection.cursor() as cursor:
            for times, seconds in windows:
                cursor.execute(WAIT, [seconds, cls.key_of(subject, value), times - 1])
                row = cursor.fetchone()
                waits.append(int(row[0]) if row else 0)
        return max(waits)

    @classmethod
    def count(cls, subject, value, seconds):
        """Return how often it happened within the last `seconds`."""
        with connection.cursor() as cursor:
            cursor.execute(COUNT, [cls.key_of(subject, value), seconds])
            return cursor.fetchone()[0]

    @classmethod
    def give_back(cls, subject, value):
        """Free the place taken last: what was counted turned out not to count."""
        cls.objects.filter(key=cls.key_of(subject, value)).exclude(hits=[]).update(
            hits=Func(F("hits"), 1, function="trim_array")
        )

    @classmethod
    def forget(cls, subject, value):
        cls.objects.filter(key=cls.key_of(subject, value)).delete()
