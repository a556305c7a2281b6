"""A version on its way: drafted by one keeper of rules with examples, for the other to publish."""

import datetime as dt
from decimal import Decimal

from conversion.models import RuleExample, RuleExampleItem, RuleSource, RuleVersion
from conversion.services.drafting import draft_from

COURSE = "EN201"  # 综合英语, which CET四级 with a least score fills
STRICTER = Decimal(450)
EXAMPLES = [("450分可以转换", 450, True), ("449分不能转换", 449, False)]


def draft_stricter_version(*, by):
    """The next version of a rule with a higher least score, and what it must answer."""
    version = RuleVersion.objects.get(course__code=COURSE, status=RuleVersion.Status.PUBLISHED)
    draft = draft_from(version=version, by=by)
    source = RuleSource.objects.get(group__version=draft)
    RuleSource.objects.filter(pk=source.pk).update(min_score=STRICTER)
    for name, score, should_match in EXAMPLES:
        example = RuleExample.objects.create(version=draft, name=name, should_match=should_match)
        RuleExampleItem.objects.create(
            example=example, entry=source.entry, score=score, obtained_on=dt.date(2023, 6, 17)
        )
