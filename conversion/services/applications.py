"""What a learner does with an application: submit and withdraw."""

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Learner
from achievements.models import Achievement
from conversion import criteria, rules
from conversion.models import Application, ApplicationSource, ExclusiveUse
from conversion.models.application import Action, InvalidTransitionError, Kind
from conversion.services import clock
from conversion.services.records import write_record
from evidence.models import EvidenceFile
from evidence.services import add_evidence


class NotEligibleError(Exception):
    """The rule isn't met (any more); `assessment` explains it."""

    def __init__(self, assessment):
        super().__init__(assessment.verdict)
        self.assessment = assessment


class CorrectedMeanwhileError(Exception):
    """A chosen achievement was corrected after the page was opened: its new version has to be chosen."""

    message = gettext_lazy("所选成果刚刚更正过,请回到列表重新选择。")


class RefusedEvidenceError(Exception):
    """Files of the achievement were refused by inspection, and what is left is less than its type asks for."""

    message = gettext_lazy("这项成果的证明材料没有通过检查,请在这里上传合格的文件,或者先修改成果、更换材料。")


class AlreadyAppliedError(Exception):
    """A live application already uses what this one would use; `assessment`, where there is one, says what."""

    def __init__(self, assessment=None):
        super().__init__("already applied")
        self.assessment = assessment

    @property
    def message(self):
        conditions = self.assessment.conditions if self.assessment else []
        reasons = [row.remedy for row in conditions if not row.met and row.code != "sources"]
        where = _("请在“进度查询”中查看。")
        return _("所选成果已提交过同样的申请,") + where if not reasons else f"{'、'.join(reasons)}。{where}"


def submit_conversion(*, by, version, achievements, token, uploads=()):
    """Submit achievements of `by` under a rule version and return the application.

    A repeated token gets the first answer. Raises `NotEligibleError` or `AlreadyAppliedError`; the latter is
    the database's word, so parallel submissions can't both pass. Caps are sums, which no constraint can hold:
    submissions of one learner take turns.
    """

    @transaction.atomic
    def submit():
        take_turns(by.learner_id)
        assessment = rules.assess_submission(version, as_stored(achievements))
        _refuse_unless_match(assessment)
        case = _rule_case(Kind.CONVERSION, assessment, version.credits)
        return _create(by, token, uploads, assessment.used, case)

    return _answer_once(by, token, submit)


def submit_performance(*, by, version, achievement, token, uploads=()):
    """Submit a recognised 业绩类 achievement under a criteria table; as `submit_conversion`."""

    @transaction.atomic
    def submit():
        take_turns(by.learner_id)
        (stored,) = as_stored([achievement])
        assessment = criteria.assess_performance_submission(version, stored)
        _refuse_unless_match(assessment)
        case = _rule_case(Kind.PERFORMANCE, assessment, assessment.credits)
        return _create(by, token, uploads, [stored], case)

    return _answer_once(by, token, submit)


def submit_recognition(*, by, achievement, token, uploads=()):
    """Ask the bank to recognise an achievement off the catalogue (认定成果申请); as `submit_conversion`.

    Raises `RefusedEvidenceError` too.
    """

    @transaction.atomic
    def submit():
        take_turns(by.learner_id)
        (stored,) = as_stored([achievement])
        if stored.entry_id is not None:
            raise AlreadyAppliedError
        _refuse_without_evidence(stored, uploads)
        case = {"kind": Kind.RECOGNITION, "snapshot": {"sources": [achievement_snapshot(stored)]}}
        return _create(by, token, uploads, [stored], case)

    return _answer_once(by, token, submit)


def _refuse_without_evidence(achievement, uploads):
    """What an institution imports comes without files; what a learner added had them when it was added."""
    states = list(achievement.files.values_list("state", flat=True))
    refused = states.count(EvidenceFile.State.REFUSED)
    if refused and len(states) - refused + len(uploads) < achievement.type.min_files:
        raise RefusedEvidenceError


def take_turns(learner):
    """Hold a learner's row until the end of the transaction, so that a cap is read and used up by one at a time."""
    list(Learner.objects.select_for_update(no_key=True).filter(pk=learner).values_list("pk"))


def as_stored(achievements):
    """The achievements as they stand now, in their order, kept from edits until the end of the transaction.

    What was loaded for the page may have been edited since. Raises `CorrectedMeanwhileError`.
    """
    rows = Achievement.objects.current().select_related("type", "entry__institution", "entry__family")
    rows = rows.prefetch_related("type__extra_fields")
    stored = rows.select_for_update(of=["self"], no_key=True).in_bulk([achievement.pk for achievement in achievements])
    if len(stored) < len(achievements):
        raise CorrectedMeanwhileError
    return [stored[achievement.pk] for achievement in achievements]


def _first_answer(by, token):
    return Application.objects.filter(submission_token=token, submitted_by=by).first()


def _answer_once(by, token, submit):
    """Answer a repeated token with its application, also when the repetition runs beside the first."""
    if first := _first_answer(by, token):
        return first
    try:
        return submit()
    except (IntegrityError, AlreadyAppliedError, NotEligibleError) as error:
        if first := _first_answer(by, token):
            return first
        if isinstance(error, IntegrityError):
            raise AlreadyAppliedError from error
        raise


def _refuse_unless_match(assessment):
    if not assessment.is_match:
        is_used = assessment.verdict == rules.Verdict.USED
        raise AlreadyAppliedError(assessment) if is_used else NotEligibleError(assessment)


def _rule_case(kind, assessment, credits):
    """The columns of an application under a rule, which freezes it."""
    version = assessment.version
    return {
        "kind": kind,
        "rule_version": version,
        "receiving_institution": version.rule.institution,
        "snapshot": conversion_snapshot(assessment, credits),
    }


@transaction.atomic
def _create(by, token, uploads, achievements, case):
    application = Application.objects.create(
        learner=by.learner, submitted_by=by, submission_token=token, **clock.opening(case["kind"]), **case
    )
    rule = application.rule_version.rule if application.rule_version else None
    ApplicationSource.objects.bulk_create(
        ApplicationSource(application=application, kind=application.kind, achievement=achievement, rule=rule)
        for achievement in achievements
    )
    if application.rule_version:
        keys = rules.exclusive_keys(application.rule_version, achievements)
        ExclusiveUse.objects.bulk_create(
            ExclusiveUse(application=application, learner=application.learner, key=key) for key in keys
        )
    application.files.set(add_evidence(uploads=uploads, by=by))
    write_record(application=application, action=Action.SUBMIT, from_status="", by=by)
    return application


def achievement_snapshot(achievement):
    """What an application freezes of an achievement, as JSON."""
    entry, event = achievement.entry, rules.event_of(achievement)
    return {
        "id": achievement.pk,
        "line": achievement.line,
        "entry_id": achievement.entry_id,
        "name": achievement.name,
        "type": achievement.type.name,
        "level": entry.get_level_display() if entry else "",
        "body_name": achievement.body_name,
        "body_code": achievement.body_code,
        "certificate_number": achievement.certificate_number,
        "obtained_on": achievement.obtained_on.isoformat(),
        "score": achievement.score_text or None,
        "framework_level": entry.framework_level if entry else None,
        "family_id": entry.family_id if entry else None,
        "family_rank": entry.family_rank if entry else None,
        "extra": dict(achievement.extra_rows),
        "extra_values": achievement.extra,
        "event": event and event._asdict(),
    }


def conversion_snapshot(assessment, credits):
    """What an application freezes of the rule, its target and the achievements used (domain.md §3)."""
    version = assessment.version
    course, programme = version.course, version.course.programme
    return {
        "rule": {
            "code": version.rule.code,
            "title": version.rule.title,
            "version": version.number,
            "outcome": version.get_outcome_display(),
            "credits": str(credits),
            "score_policy": version.get_score_policy_display(),
            "score": rules.resulting_score(version, assessment.used),
            "use_policy": version.get_use_policy_display(),
            "policy_basis": version.policy_basis,
        },
        "target": {
            "institution": programme.institution.name,
            "institution_code": programme.institution.bank_code,
            "programme": programme.name,
            "cohort": str(programme.cohorts),
            "course_code": course.code,
            "course": course.name,
            "course_credits": str(course.credits),
            "course_nature": course.get_nature_display(),
        },
        "sources": [achievement_snapshot(achievement) for achievement in assessment.used],
    }


@transaction.atomic
def resubmit(*, application, by, uploads=(), explanation=""):
    """Hand in the material a returned case asked for; it waits again for the stage that returned it."""
    if application.learner_id != by.learner_id:
        raise InvalidTransitionError(Action.RESUBMIT)
    before = application.status
    application.move(Action.RESUBMIT, **clock.resubmitted(application))
    application.files.add(*add_evidence(uploads=uploads, by=by))
    write_record(application=application, action=Action.RESUBMIT, from_status=before, by=by, opinion=explanation)
    return application


@transaction.atomic
def withdraw(*, application, by):
    """Withdraw an own application before the first decision; releases the rule for the achievement."""
    if application.learner_id != by.learner_id:
        raise InvalidTransitionError(Action.WITHDRAW)
    before = application.status
    application.move(Action.WITHDRAW, **clock.closed())
    write_record(application=application, action=Action.WITHDRAW, from_status=before, by=by)
    return application
