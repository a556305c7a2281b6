"""Copy a cohort's rules to the next: 2018级 → 2019级."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from dateutil.relativedelta import relativedelta
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from conversion.models import ConversionCap, ConversionRule, Course, Programme, RuleSource, RuleVersion
from conversion.services.drafting import content_of, copy_parts, next_draft

LONGEST_CODE = 30


class Subject(StrEnum):
    PROGRAMME = "programme"
    COURSE = "course"
    RULE = "rule"
    CAP = "cap"


SUBJECTS = {
    Subject.PROGRAMME: gettext_lazy("专业"),
    Subject.COURSE: gettext_lazy("课程"),
    Subject.RULE: gettext_lazy("规则"),
    Subject.CAP: gettext_lazy("转换上限"),
}


class Outcome(StrEnum):
    COPIED = "copied"
    EXISTED = "existed"
    SKIPPED = "skipped"


LABELS = {
    Outcome.COPIED: gettext_lazy("新建"),
    Outcome.EXISTED: gettext_lazy("已有"),
    Outcome.SKIPPED: gettext_lazy("未复制"),
}


@dataclass(frozen=True)
class Line:
    """What became of one thing of the old cohort, and why."""

    subject: Subject
    name: str
    outcome: Outcome
    reason: str = ""

    @property
    def kind(self):
        return str(SUBJECTS[self.subject])

    @property
    def label(self):
        return LABELS[self.outcome]


class CohortError(Exception):
    def __init__(self, message):
        super().__init__(message)
        self.message = message


def programme_for(*, institution, name, cohorts, total_credits=None):
    """The programme for exactly these cohorts, made where it is missing; return it and whether it is new.

    Raises `CohortError` where another one holds for some of them: for which one a rule is meant nobody could tell.
    """
    key = {"institution": institution, "name": name, "cohort": cohorts.first, "cohort_to": cohorts.last}
    try:
        return Programme.objects.get_or_create(**key, defaults={"total_credits": total_credits})
    except IntegrityError:
        other = Programme.objects.filter(institution=institution, name=name).overlapping(cohorts).first()
        if other is None:
            raise
        raise CohortError(overlap_with(other)) from None


def overlap_with(programme):
    """Why there can't be another programme of this name for some of these cohorts."""
    words = {"name": programme.name, "cohorts": programme.cohorts}
    return _("“%(name)s”专业已有%(cohorts)s级,年级不能重叠。") % words


@transaction.atomic
def copy_cohort(*, programme, to, by=None, dry_run=False):
    """Make programme, courses and drafts of the published rules for the `Cohorts` `to`; return [`Line`…].

    A second run makes only what is missing. `by` is who drafts (nobody for a command). Raises `CohortError`.
    """
    if by and by.institution_id not in (None, programme.institution_id):
        raise CohortError(_("只能维护本机构的规则。"))
    if to == programme.cohorts:
        raise CohortError(_("目标年级与原年级相同。"))
    copying = _Copying(Programme.objects.select_for_update().get(pk=programme.pk), to, by)
    copying.run()
    if dry_run:
        transaction.set_rollback(True)
    return copying.lines


class _Copying:
    def __init__(self, programme, to, by):
        self.programme, self.to, self.by = programme, to, by
        self.lines, self.courses = [], {}

    def run(self):
        self._copy_programme()
        for course in self.programme.courses.all():
            self._copy_course(course)
        rules = ConversionRule.objects.filter(versions__course__programme=self.programme).distinct()
        for rule in rules.order_by("code"):
            self._copy_rule(rule)
        for cap in ConversionCap.objects.filter(programme=self.programme).select_related("institution"):
            self._tell(Subject.CAP, str(cap), Outcome.SKIPPED, _("专业的上限即刻生效,请核对后另行设置"))

    def _tell(self, subject, name, outcome, reason=""):
        self.lines.append(Line(subject, name, outcome, str(reason)))

    def _copy_programme(self):
        source = self.programme
        self.target, made = programme_for(
            institution=source.institution, name=source.name, cohorts=self.to, total_credits=source.total_credits
        )
        self._tell(Subject.PROGRAMME, str(self.target), Outcome.COPIED if made else Outcome.EXISTED)

    def _copy_course(self, course):
        fields = {"name": course.name, "credits": course.credits, "nature": course.nature}
        copy, made = Course.objects.get_or_create(programme=self.target, code=course.code, defaults=fields)
        self.courses[course.pk] = copy
        differs = any(getattr(copy, name) != value for name, value in fields.items())
        reason = _("与原年级不同(名称、学分或性质),请核对转换学分") if differs else ""
        self._tell(Subject.COURSE, f"{course.code} {course.name}", Outcome.COPIED if made else Outcome.EXISTED, reason)

    def _copy_rule(self, rule):
        outcome, reason = self._outcome_of(rule)
        self._tell(Subject.RULE, f"{rule.code} {rule.title}", outcome, reason)

    def _outcome_of(self, rule):
        """Copy a rule unless something speaks against it: (outcome, why)."""
        version = rule.versions.filter(status=RuleVersion.Status.PUBLISHED).select_related("rule", "course").first()
        if version is None:
            return Outcome.SKIPPED, self._why_unpublished(rule)
        if version.course_id not in self.courses:
            return Outcome.SKIPPED, _("现行版本的目标课程属于另一专业或年级")
        code = self._code(rule)
        if len(code) > LONGEST_CODE:
            return Outcome.SKIPPED, _("新编号“%s”过长") % code
        copy, _made = ConversionRule.objects.get_or_create(code=code, defaults=self._copied(rule))
        if copy.copied_from_id != rule.pk:
            return Outcome.SKIPPED, _("编号“%s”已被占用") % code
        if copy.versions.exists():
            return Outcome.EXISTED, code
        self._draft(copy, version)
        return Outcome.COPIED, code + self._note(version)

    def _note(self, version):
        """What somebody has to look at: days at which certificates had to be obtained don't move with the cohort."""
        dated = Q(obtained_from__isnull=False) | Q(obtained_to__isnull=False)
        has_days = RuleSource.objects.filter(dated, group__version=version).exists()
        by_obtained = version.version_selected_by == RuleVersion.SelectedBy.OBTAINED
        if has_days or by_obtained:
            return _(",其中的取得时间没有顺延,请核对")
        return _(",失效日期按最先的年级顺延,请核对") if version.valid_to and self._are_more_or_fewer else ""

    @property
    def _are_more_or_fewer(self):
        """Whether the cohorts differ in number from those before: then the last day moves by a guess."""
        before = self.programme.cohorts
        return self.to.last - self.to.first != before.last - before.first

    def _why_unpublished(self, rule):
        last = rule.versions.order_by("-number").first()
        return _("没有已发布的版本(第%(number)d版%(status)s)") % {
            "number": last.number,
            "status": last.get_status_display(),
        }

    def _code(self, rule):
        """GZ000001 → GZ000001-2019, and that → GZ000001-2020: of several cohorts by the first."""
        return f"{rule.code.removesuffix(f'-{self.programme.cohort}')}-{self.to.first}"

    def _copied(self, rule):
        """What a copy of a rule is made with, beside its code."""
        title = rule.title.replace(f"{self.programme.cohorts}级", f"{self.to}级")
        return {"title": title, "kind": rule.kind, "institution": rule.institution, "copied_from": rule}

    def _draft(self, copy, version):
        content = content_of(version) | {"course": self.courses[version.course_id]} | self._validity(version)
        reason = _("由%(code)s第%(number)d版复制") % {"code": version.rule.code, "number": version.number}
        copy_parts(version, next_draft(rule=copy, by=self.by, reason=reason, **content))

    def _validity(self, version):
        """The validity moves with the cohort, unless it is about when certificates were obtained."""
        if version.version_selected_by == RuleVersion.SelectedBy.OBTAINED:
            return {}
        years = self.to.first - self.programme.cohort
        return {
            "valid_from": _moved(version.valid_from, years),
            "valid_to": version.valid_to and _moved(version.valid_to, years),
        }


def _moved(day, years):
    """A day so many years later; what was written for "without end" (9999-12-31) stays."""
    return day + relativedelta(years=years) if dt.MINYEAR <= day.year + years <= dt.MAXYEAR else day
