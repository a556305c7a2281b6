"""What a reviewer should look at twice. Reads only.

A person nobody has verified yet; the same certificate or file under another learner; a file that can't be seen;
an achievement that corrects another version, or was corrected.
"""

from dataclasses import dataclass

from django.db.models import Q
from django.utils.translation import gettext as _

from achievements.models import Achievement
from evidence.models import EvidenceFile


@dataclass(frozen=True)
class Alert:
    """A warning beside the applicant, an achievement or a file of a case: never a refusal, but no bulk approval."""

    kind: str  # "person", "number", "file", "unseen" or "version"
    row: int  # the learner's, the achievement's or the file's id
    text: str


def sources_of(application):
    return Achievement.objects.filter(application_sources__application=application)


def files_of(application):
    """Every file of a case: the achievements' evidence and what was handed in with the case."""
    ids = [*application.files.values_list("pk", flat=True), *sources_of(application).values_list("files", flat=True)]
    return EvidenceFile.objects.filter(pk__in=[pk for pk in ids if pk])


def alerts_of(application):
    """The alerts of a case: the person, the certificates, the files."""
    files = list(files_of(application))
    return [
        *_person(application),
        *_same_numbers(application),
        *_same_files(application, files),
        *_unseen_files(files),
        *_versions(application),
    ]


def _person(application):
    """An applicant whose identity the final approval would prove (promises.md, Identity)."""
    if application.learner.verified_at is None:
        yield Alert("person", application.learner_id, _("申请人尚未实名核验,请对照证明材料核对姓名和证件。"))


def _unseen_files(files):
    """Files that no reviewer can have seen: still under inspection, or refused by it."""
    words = {
        EvidenceFile.State.CHECKING: _("文件“%s”还在检查,暂时不能查看。"),
        EvidenceFile.State.REFUSED: _("文件“%s”没有通过检查,不能查看。"),
    }
    return [Alert("unseen", file.pk, words[file.state] % file.name) for file in files if file.state in words]


def _same_numbers(application):
    """Certificates whose number another learner has registered too: of the same body, or of one named otherwise."""
    sources = [source for source in sources_of(application) if source.number_key]
    others = Achievement.objects.with_numbers([source.number_key for source in sources])
    others = others.filter(learner__merged_into=None).exclude(learner=application.learner_id)
    keys = set(others.values_list("certificate_key", flat=True))
    numbers = {key.partition("|")[0] for key in keys}
    for source in sources:
        if source.certificate_key in keys:
            yield Alert("number", source.pk, _("另有学习者登记了同一编号的证书。"))
        elif source.number_key in numbers:
            yield Alert("number", source.pk, _("另有学习者登记了同一编号、机构写法不同的证书,请核对是不是同一份。"))


def _same_files(application, files):
    """Files that another learner has uploaded too: the same bytes, the same picture with other metadata, or a copy
    that somebody fetched from the portal.
    """
    hashes = {sha256 for file in files for sha256 in (file.sha256, file.clean_sha256) if sha256}
    others = EvidenceFile.objects.filter(Q(sha256__in=hashes) | Q(clean_sha256__in=hashes))
    others = others.exclude(uploaded_by__learner=application.learner_id).exclude(uploaded_by__learner=None)
    shared = {sha256 for pair in others.values_list("sha256", "clean_sha256") for sha256 in pair if sha256}
    text = _("另有学习者上传过完全相同的文件。")
    return [Alert("file", file.pk, text) for file in files if {file.sha256, file.clean_sha256} & shared]


def _versions(application):
    """Achievements that the learner corrected, before the case or since."""
    for source in sources_of(application).select_related("replaces"):
        if source.earlier:
            text = _("“%(name)s”是更正后的版本,原来为:%(before)s。")
            yield Alert("version", source.pk, text % {"name": source.name, "before": _difference(source)})
        if source.replaced_by_id:
            text = _("申请人提交后更正了“%(name)s”,这里是更正前的版本。")
            yield Alert("version", source.pk, text % {"name": source.name})


def _difference(source):
    """What the earlier version said otherwise, as 「证书编号 SL-1」…"""
    earlier = source.earlier
    names = ["name", "body_name", "certificate_number", "obtained_on", "score"]
    changed = [name for name in names if getattr(earlier, name) != getattr(source, name)]
    parts = [f"{source._meta.get_field(name).verbose_name} {getattr(earlier, name) or '-'}" for name in changed]
    return "、".join(parts) or _("材料或其他内容不同")
