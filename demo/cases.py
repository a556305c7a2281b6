"""What the demonstration's learners applied for and what reviewers decided, all through the portal's services."""

import uuid
from datetime import timedelta

from django.utils import timezone

from achievements.models import CatalogueEntry
from conversion.models import Certificate, ReasonCode, RuleVersion
from conversion.models.application import Action, Kind
from conversion.services.applications import submit_conversion, submit_performance, submit_recognition
from conversion.services.reviews import decide
from conversion.services.revocation import revoke
from conversion.services.shares import create_share, end_share

CONVERSIONS = [  # (learner, achievement, course, decisions as (reviewer, action))
    ("xiaofang", "xuexi", "形势与政策", ["chushen2 first_approve", "zhongshen2 final_approve"]),
    ("xiaofang", "cet4", "综合英语", ["chushen1 first_approve", "zhongshen1 final_approve"]),
    ("xiaofang", "senior", "中国传统文化", []),
    ("xiaochu", "cloud", "集群应用系统构建与运维", []),
    ("xiaochu", "elder3", "老年护理技术", []),
    ("xiaozhong", "cloud", "容器技术与应用", ["chushen1 first_approve"]),
    ("xiaozhong", "ncre1", "办公自动化", []),
    ("xiaotong", "cet4", "综合英语", ["chushen2 first_approve", "zhongshen1 final_approve"]),
    ("xiaobo", "cloud", "项目工程管理", ["chushen1 first_approve", "zhongshen2 final_reject"]),
    ("xiaobo", "cloud", "云平台运维与开发技术", ["chushen1 first_reject"]),
    (
        "xiaobo",
        "cloud",
        "集群应用系统构建与运维",
        ["chushen2 first_approve", "zhongshen1 final_approve", "admin revoke"],
    ),
]
SHARES = [("xiaotong", "应聘示例公司", 30), ("xiaotong", "发错的链接", 0)]  # (learner, note, days; 0: ended)
RECOGNITIONS = [
    ("xiaofang", "programming", ["zhongshen1 first_approve", "zhongshen2 final_approve"]),
    ("xiaofang", "selling", ["zhongshen2 first_approve", "zhongshen1 final_approve"]),
    ("xiaotong", "competition", ["zhongshen1 first_approve", "zhongshen2 final_approve"]),
    ("xiaotong", "competition_city", ["zhongshen1 first_approve", "zhongshen2 final_approve"]),
    ("xiaochu", "training", []),
]
PERFORMANCES = [("xiaotong", "competition", "创新创业实践", [])]
REASONS = {
    Action.FIRST_REJECT: "content_mismatch",
    Action.FINAL_REJECT: "content_mismatch",
    Action.REVOKE: "source_revoked",
}
OPINIONS = {
    Action.FIRST_APPROVE: "材料齐全，符合规则条件。",
    Action.FINAL_APPROVE: "同意。",
    Action.FIRST_REJECT: "证书所含模块未覆盖目标课程的平台开发部分。",
    Action.REVOKE: "颁发机构来函：该批证书成绩复核后撤销。",
    Action.FINAL_REJECT: "证书所含模块不包括项目管理，与目标课程的相关度不足。",
}


def create_cases(learners, staff, achievements, centre):
    for username, key, decisions in RECOGNITIONS:
        achievement = achievements[username, key]
        application = submit_recognition(by=learners[username], achievement=achievement, token=uuid.uuid4())
        _decide_all(application, decisions, staff, recognised_as=_recognised_entry(achievement, centre))
        achievement.refresh_from_db()
    for username, key, course, decisions in PERFORMANCES:
        version = _versions(course).get(rule__kind=Kind.PERFORMANCE)
        by, achievement, token = learners[username], achievements[username, key], uuid.uuid4()
        application = submit_performance(by=by, version=version, achievement=achievement, token=token)
        _decide_all(application, decisions, staff)
    for username, key, course, decisions in CONVERSIONS:
        by, achievement, token = learners[username], achievements[username, key], uuid.uuid4()
        version = _versions(course).get(groups__sources__entry=achievement.entry)
        application = submit_conversion(by=by, version=version, achievements=[achievement], token=token)
        _decide_all(application, decisions, staff)
    for username, note, days in SHARES:
        _share(learners[username], note, days)


def _share(learner, note, days):
    certificate = Certificate.objects.filter(application__submitted_by=learner).latest("pk")
    share = create_share(certificate=certificate, until=timezone.localdate() + timedelta(days=days), note=note)
    if not days:
        end_share(share=share)


def _recognised_entry(achievement, centre):
    return CatalogueEntry(
        project_name="认定成果",
        name=achievement.name,
        institution=centre,
        type=achievement.type,
        framework_level=4,
        credits=4,
    )


def _versions(course):
    """The rules in force for a course; cases are about courses that one institution has."""
    return RuleVersion.objects.in_force().with_target().with_sources().filter(course__name=course)


def _decide_all(application, decisions, staff, recognised_as=None):
    for decision in decisions:
        username, name = decision.split()
        action = Action(name)
        reason = ReasonCode.objects.get(code=REASONS[action]) if action in REASONS else None
        if action == Action.REVOKE:
            revoke(application=application, by=staff[username], reason=reason, opinion=OPINIONS[action])
            continue
        decide(
            application=application,
            action=action,
            by=staff[username],
            reason=reason,
            opinion=OPINIONS[action],
            recognised_as=recognised_as if action == Action.FINAL_APPROVE else None,
        )
