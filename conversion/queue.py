"""Which cases a reviewer sees, which wait for him, and in what order. Reads only."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from django.core.paginator import Paginator
from django.db.models import BooleanField, Exists, ExpressionWrapper, F, OuterRef, Q, Subquery, Value
from django.db.models.fields.json import KT
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.row_urls import row_url
from conversion.models import Application, ReviewClaim, ReviewerDocument, ReviewRecord, ReviewStage
from conversion.models.application import DECIDED_BY, UNDER_REVIEW, Action, Kind, Step
from conversion.stages import stage_table, status_words

PAGE_SIZE = 25
COUNTED = 1000  # a longer queue says 「超过 1000 件」: counting all of it costs more than showing it
KIND_LABELS = dict(Kind.choices)
IN_ORDER = ("waiting_since", "pk")
ANY = Value(True)
ALL = Q()


def visible_applications(user):
    """The cases a reviewer may see: the centre all, an institution those it receives; nobody his own."""
    return visible(Application.objects.for_lists(), user)


def visible(applications, user):
    if not user.belongs_to_centre:
        applications = applications.filter(receiving_institution=user.institution_id)
    return applications.exclude(submitted_by=user)


def waiting_for(user, table=None):
    """The filter for 待我审核: the cases that `reviews.check_may_decide` would let this reviewer decide now."""
    kinds = defaultdict(list)
    for (kind, step), stage in (table or stage_table()).items():
        if user.is_staff and user.has_perm(f"conversion.{stage.permission}") and stage.may_belong_to(user):
            kinds[step, stage.owner].append(kind)
    cases = Q(pk__in=[])
    for (step, owner), kinds_of_step in kinds.items():
        unit = Q(receiving_institution=user.institution_id) if owner == ReviewStage.Owner.INSTITUTION else Q()
        cases |= Q(unit, ~_touched_by(user, step), kind__in=kinds_of_step, step=step)
    return Q(cases, ~_of(user), ~Q(step=""))  # the last for the index of waiting cases


def _touched_by(user, step):
    """The filter for cases in which a reviewer has acted in another step; what comes back, comes back to its step."""
    columns = [column for decided, column in DECIDED_BY.items() if decided != step]
    touched = Q(*((column, user.pk) for column in columns), _connector=Q.OR)
    if step == Step.FIRST:
        return touched
    # Asked once for the reviewer, not once per case that waits: his returns are few.
    returned = ReviewRecord.objects.filter(by=user, action=Action.RETURN).exclude(from_status=F("application__status"))
    return touched | Q(pk__in=returned.values("application"))


def _of(user):
    """The filter for a reviewer's own cases as a learner, by his document number."""
    document = ReviewerDocument.objects.filter(user=user).first()
    return Q(learner__document_digest=document.document_digest) if document else Q(pk__in=[])


def reviews_something(user, table=None):
    rights = {stage.permission for stage in (table or stage_table()).values()}
    return user.is_staff and any(user.has_perm(f"conversion.{right}") for right in rights)


def free_for(user):
    """The filter for cases that no other reviewer has claimed."""
    return ~Exists(ReviewClaim.objects.live().filter(application=OuterRef("pk")).exclude(by=user))


def neighbours(application, user, narrowing=ALL):
    """The cases before and after this one among those that wait for the reviewer, as ids or None."""
    mine = Application.objects.filter(waiting_for(user), free_for(user), narrowing)
    waiting = visible(mine, user).exclude(pk=application.pk)
    at, pk = application.waiting_since, application.pk
    later = waiting.filter(Q(waiting_since__gt=at) | Q(waiting_since=at, pk__gt=pk)).order_by(*IN_ORDER)
    earlier = waiting.filter(Q(waiting_since__lt=at) | Q(waiting_since=at, pk__lt=pk))
    earlier = earlier.order_by(*(f"-{column}" for column in IN_ORDER))
    return tuple(rows.values_list("pk", flat=True).first() for rows in (earlier, later))


class QueueRow(NamedTuple):
    """A line of the queue."""

    pk: int
    kind: str
    status: str
    stage_count: int
    rule_title: str | None
    source_name: str | None
    learner: str
    unit: str | None
    waiting_since: datetime
    submitted_at: datetime
    due_on: date | None
    claimed_by: str | None
    is_claimable: bool
    stages: dict  # {(kind, step): ReviewStage}

    @property
    def title(self):
        return self.rule_title or self.source_name

    @property
    def kind_label(self):
        return KIND_LABELS[self.kind]

    @property
    def status_label(self):
        return status_words(self, self.stages)

    @property
    def is_waiting(self):
        return self.status in UNDER_REVIEW

    @property
    def is_overdue(self):
        return self.is_waiting and self.due_on is not None and self.due_on < timezone.localdate()

    @property
    def url(self):
        return row_url("admin:conversion_application_review", self.pk)

    @property
    def claim_url(self):
        return row_url("admin:conversion_application_claim", self.pk)


@dataclass
class QueuePage:
    """One page of the queue; `more` says that the count stopped at `COUNTED`."""

    page_obj: object
    more: bool


def queue_page(applications, number, order=IN_ORDER, table=None, claimable=ANY):
    """The nearest page of cases, by default the longest waiting first; reaches to the first `COUNTED`.

    `claimable` is the condition on which a case can be claimed from the page (`waiting_for`).
    The ids come first: the database would take the titles out of every snapshot before it sorts.
    """
    ids = list(applications.order_by(*order).values_list("pk", flat=True)[: COUNTED + 1])
    page_obj = Paginator(ids[:COUNTED], PAGE_SIZE).get_page(number)
    rows = (
        Application.objects.filter(pk__in=page_obj.object_list)
        .order_by(*order)
        .values_list(
            "pk",
            "kind",
            "status",
            "stage_count",
            KT("snapshot__rule__title"),
            KT("snapshot__sources__0__name"),
            "learner__name",
            "receiving_institution__name",
            "waiting_since",
            "submitted_at",
            "due_on",
            Subquery(ReviewClaim.objects.live().filter(application=OuterRef("pk")).values("by__name")[:1]),
            ExpressionWrapper(claimable, BooleanField()),
        )
    )
    table = table or stage_table()
    page_obj.object_list = [QueueRow(*row, table) for row in rows]
    return QueuePage(page_obj, len(ids) > COUNTED)


class Order(NamedTuple):
    """In what order a queue is, as columns and in words."""

    columns: tuple
    words: str


LONGEST_WAITING = Order(IN_ORDER, _("等待最久的在最前"))
SCOPES = {  # value: (label, what it adds for a user and the table of stages, order)
    "mine": (_("待我审核"), waiting_for, LONGEST_WAITING),
    "overdue": (
        _("已超期"),
        lambda user, table: Q(~Q(step=""), due_on__lt=timezone.localdate()),
        Order(("due_on", *IN_ORDER), _("应办结日期最早的在最前")),
    ),
    "claimed": (_("我领取的"), lambda user, table: Q(~Q(step=""), claim__by=user), LONGEST_WAITING),
    "open": (_("审核中"), lambda user, table: ~Q(step=""), LONGEST_WAITING),
    "all": (_("全部,新的在前"), lambda user, table: Q(), Order(("-pk",), _("新提交的在最前"))),
}
