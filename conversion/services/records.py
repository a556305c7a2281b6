"""The append-only record of a case."""

import hashlib
import json
from datetime import UTC

from django.utils import timezone

from conversion.models import ReviewRecord
from conversion.models.application import Action


def record_hash(record):
    """SHA-256 over the previous record's hash and everything this one says."""
    content = [
        record.previous_hash,
        record.application_id,
        record.number,
        record.action,
        record.from_status,
        record.to_status,
        record.by_id,
        record.unit,
        record.reason_id,
        record.opinion,
        record.at.isoformat(),
        *([record.findings] if record.findings else []),
        *([record.frozen_digest] if record.frozen_digest else []),
    ]
    return hashlib.sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def frozen_digest(application):
    """SHA-256 over what a case froze at its submission, which nothing changes afterwards (trigger `frozen`)."""
    frozen = [
        application.kind,
        application.submitted_at.astimezone(UTC).isoformat(),
        application.stage_count,
        application.rule_version_id,
        application.receiving_institution_id,
        application.snapshot,
    ]
    return hashlib.sha256(json.dumps(frozen, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def write_record(*, application, action, from_status, by, unit="", reason=None, opinion="", findings=()):
    """Append what has just happened to a case; the caller's transaction holds the case's row lock."""
    last = application.records.order_by("-number").first()
    record = ReviewRecord(
        application=application,
        number=last.number + 1 if last else 1,
        action=action,
        from_status=from_status,
        to_status=application.status,
        by=by,
        unit=unit,
        reason=reason,
        opinion=opinion,
        findings=list(findings),
        frozen_digest=frozen_digest(application) if action == Action.SUBMIT else "",
        at=timezone.now(),
        previous_hash=last.hash if last else "",
    )
    record.hash = record_hash(record)
    record.save()
    return record
