from achievements.models.achievement import Achievement
from achievements.models.catalogue import AchievementType, CatalogueEntry, TypeField
from achievements.models.standards import FrameworkLevel, FrameworkVersion, IndustryStandard

__all__ = [
    "Achievement",
    "AchievementType",
    "CatalogueEntry",
    "FrameworkLevel",
    "FrameworkVersion",
    "IndustryStandard",
    "TypeField",
]
