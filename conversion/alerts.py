"""What a reviewer should look at twice: the same certificate or the same file under another learner. Reads only."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from achievements.models import Achievement
from evidence.models import EvidenceFile


@dataclass(frozen=True)
class Alert:
    """A warning beside an achievement or a file of a case; never a refusal."""

    kind: str  # "number" or "file"
    row: int  # the achievement's or the file's id
    text: str


def sources_of(application):
    return Achievement.objects.filter(application_sources__application=application)


def files_of(application):
    """Every file of a case: the achievements' evidence and what was handed in with the case."""
    ids = [*application.files.values_list("pk", flat=True), *sources_of(application).values_list("files", flat=True)]
    return EvidenceFile.objects.filter(pk__in=[pk for pk in ids if pk])


def alerts_of(application):
    """The alerts of a case, certificates first."""
    return [*_same_numbers(application), *_same_files(application)]


def _same_numbers(application):
    """Certificates (number and body alike) that another learner has registered too."""
    sources = [source for source in sources_of(application) if source.certificate_key]
    keys = [source.certificate_key for source in sources]
    others = Achievement.objects.filter(certificate_key__in=keys, learner__merged_into=None)
    shared = set(others.exclude(learner=application.learner_id).values_list("certificate_key", flat=True))
    text = _("另有学习者登记了同一编号的证书。")
    return [Alert("number", source.pk, text) for source in sources if source.certificate_key in shared]


def _same_files(application):
    """Files whose bytes another learner has uploaded too."""
    files = list(files_of(application))
    others = EvidenceFile.objects.filter(sha256__in=[file.sha256 for file in files])
    others = others.exclude(uploaded_by__learner=application.learner_id).exclude(uploaded_by__learner=None)
    shared = set(others.values_list("sha256", flat=True))
    text = _("另有学习者上传过完全相同的文件。")
    return [Alert("file", file.pk, text) for file in files if file.sha256 in shared]
