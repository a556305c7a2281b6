"""成果状态: what recognition has said about an achievement, or its place in the catalogue. Reads only."""

from django.db.models import CharField, Func
from django.utils.translation import gettext_lazy as _

from conversion.models import ApplicationSource
from conversion.models.application import UNDER_REVIEW, Kind, Status


class AchievementStatus:
    """成果状态 as the grid shows it."""

    LISTED, RECOGNISED, UNDER_RECOGNITION, REFUSED, UNLISTED = "listed", "recognised", "under", "refused", "unlisted"


STATUS_LABELS = {
    AchievementStatus.LISTED: _("名录成果"),
    AchievementStatus.RECOGNISED: _("已认定"),
    AchievementStatus.UNDER_RECOGNITION: _("认定中"),
    AchievementStatus.REFUSED: _("认定未通过"),
    AchievementStatus.UNLISTED: _("非名录成果"),
}


class LatestWord(Func):
    """成果状态 of (achievement id, entry id). In SQL: Case and three Exists took the ORM longer than the database."""

    output_field = CharField()
    sql = """(
        SELECT CASE
            WHEN bool_or(application_status = %s) THEN %s
            WHEN {entry} IS NOT NULL THEN %s
            WHEN bool_or(application_status IN (%s, %s, %s, %s, %s)) THEN %s
            WHEN bool_or(application_status = %s) THEN %s
            ELSE %s
        END
        FROM {sources} WHERE achievement_id = {achievement} AND kind = %s
    )"""
    parameters = (
        *(Status.APPROVED, AchievementStatus.RECOGNISED),
        AchievementStatus.LISTED,
        *(*UNDER_REVIEW, Status.RETURNED, AchievementStatus.UNDER_RECOGNITION),
        *(Status.REJECTED, AchievementStatus.REFUSED),
        AchievementStatus.UNLISTED,
        Kind.RECOGNITION,
    )

    def as_sql(self, compiler, connection):
        achievement, entry = (compiler.compile(column)[0] for column in self.get_source_expressions())
        return self.spelt(achievement, entry)

    @classmethod
    def spelt(cls, achievement, entry):
        """The expression and its parameters, for SQL in which the two columns have these names."""
        sql = cls.sql.format(achievement=achievement, entry=entry, sources=ApplicationSource._meta.db_table)
        return sql, [str(parameter) for parameter in cls.parameters]


def with_status(achievements):
    """Annotate `status`: what the latest recognition of an achievement says, or its place in the catalogue."""
    return achievements.annotate(status=LatestWord("pk", "entry_id"))
