"""Publishing rule versions."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from conversion.models import RuleVersion


class PublishingError(Exception):
    def __init__(self, message):
        super().__init__(message)
        self.message = message


@transaction.atomic
def publish_version(*, version, by):
    """Publish a draft and retire the version it supersedes; drafting and publishing take two people."""
    if version.drafted_by_id == by.pk:
        raise PublishingError(_("起草人不能发布自己的规则。"))
    has_sources = version.groups.filter(sources__isnull=False).exists()
    if not (has_sources or version.criteria.filter(tests__isnull=False).exists()):
        raise PublishingError(_("规则还没有来源成果或业绩标准。"))
    drafts = RuleVersion.objects.filter(pk=version.pk, status=RuleVersion.Status.DRAFT)
    RuleVersion.objects.filter(rule=version.rule_id, status=RuleVersion.Status.PUBLISHED).update(
        status=RuleVersion.Status.RETIRED
    )
    if not drafts.update(status=RuleVersion.Status.PUBLISHED, published_by=by, published_at=timezone.now()):
        raise PublishingError(_("只有草稿可以发布。"))
    version.refresh_from_db()
    return version
