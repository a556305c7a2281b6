from achievements.models.achievement import Achievement
from achievements.models.catalogue import AchievementType, CatalogueEntry, TypeField
from achievements.models.evidence import EvidenceFile
from achievements.models.standards import FrameworkLevel, FrameworkVersion, IndustryStandard

__all__ = [
    "Achievement",
    "AchievementType",
    "CatalogueEntry",
    "EvidenceFile",
    "FrameworkLevel",
    "FrameworkVersion",
    "IndustryStandard",
    "TypeField",
]
