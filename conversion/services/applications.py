"""What a learner does with an application: submit and withdraw."""

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from achievements.services import add_evidence
from conversion import rules
from conversion.models import Application, ApplicationSource
from conversion.models.application import Action, InvalidTransitionError, Kind
from conversion.services.records import write_record


class NotEligibleError(Exception):
    """The rule isn't met (any more); `assessment` explains it."""

    def __init__(self, assessment):
        super().__init__(assessment.verdict)
        self.assessment = assessment


class AlreadyAppliedError(Exception):
    """A live application already uses one of the achievements for this rule."""

    message = _("所选成果已用这条规则提交过申请,请在“进度查询”中查看。")


def submit_conversion(*, by, version, achievements, token, uploads=()):
    """Submit achievements of `by` under a rule version and return the application.

    A repeated token gets the first answer. Raises `NotEligibleError` or `AlreadyAppliedError`; the latter is
    the database's word, so parallel submissions can't both pass.
    """
    if first := Application.objects.filter(submission_token=token, submitted_by=by).first():
        return first
    assessment = rules.assess_submission(version, achievements)
    if not assessment.is_match:
        raise AlreadyAppliedError if assessment.verdict == rules.Verdict.USED else NotEligibleError(assessment)
    try:
        return _create_conversion(by, assessment, uploads, token)
    except IntegrityError as error:
        if first := Application.objects.filter(submission_token=token, submitted_by=by).first():
            return first
        raise AlreadyAppliedError from error


@transaction.atomic
def _create_conversion(by, assessment, uploads, token):
    version = assessment.version
    application = Application.objects.create(
        kind=Kind.CONVERSION,
        learner=by.learner,
        submitted_by=by,
        submission_token=token,
        rule_version=version,
        receiving_institution=version.rule.institution,
        snapshot=conversion_snapshot(assessment),
    )
    ApplicationSource.objects.bulk_create(
        ApplicationSource(application=application, kind=application.kind, achievement=a, rule=version.rule)
        for a in assessment.used
    )
    application.files.set(add_evidence(uploads=uploads, by=by))
    write_record(application=application, action=Action.SUBMIT, from_status="", by=by)
    return application


def achievement_snapshot(achievement):
    """What an application freezes of an achievement, as JSON."""
    return {
        "id": achievement.pk,
        "entry_id": achievement.entry_id,
        "name": achievement.name,
        "type": achievement.type.name,
        "level": achievement.entry.get_level_display() if achievement.entry else "",
        "body_name": achievement.body_name,
        "body_code": achievement.body_code,
        "certificate_number": achievement.certificate_number,
        "obtained_on": achievement.obtained_on.isoformat(),
        "score": str(achievement.score) if achievement.score is not None else None,
    }


def conversion_snapshot(assessment):
    """What an application freezes of the rule, its target and the achievements used (domain.md §3)."""
    version = assessment.version
    course, programme = version.course, version.course.programme
    return {
        "rule": {
            "code": version.rule.code,
            "title": version.rule.title,
            "version": version.number,
            "outcome": version.get_outcome_display(),
            "credits": str(version.credits),
            "score_policy": version.get_score_policy_display(),
            "policy_basis": version.policy_basis,
        },
        "target": {
            "institution": programme.institution.name,
            "institution_code": programme.institution.bank_code,
            "programme": programme.name,
            "cohort": programme.cohort,
            "course_code": course.code,
            "course": course.name,
            "course_credits": str(course.credits),
            "course_nature": course.get_nature_display(),
        },
        "sources": [achievement_snapshot(achievement) for achievement in assessment.used],
    }


@transaction.atomic
def withdraw(*, application, by):
    """Withdraw an own application before the first decision; releases the rule for the achievement."""
    if application.learner_id != by.learner_id:
        raise InvalidTransitionError(Action.WITHDRAW)
    before = application.status
    application.move(Action.WITHDRAW, decided_at=timezone.now())
    write_record(application=application, action=Action.WITHDRAW, from_status=before, by=by)
    return application
