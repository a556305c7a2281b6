from achievements.models.achievement import Achievement
from achievements.models.catalogue import CatalogueAlias, CatalogueEntry, EntryRecord, LevelFamily
from achievements.models.catalogue_import import CatalogueImport
from achievements.models.draft import AchievementDraft
from achievements.models.imports import AchievementImport
from achievements.models.search import CatalogueText
from achievements.models.standards import FrameworkLevel, FrameworkVersion, IndustryStandard
from achievements.models.types import AchievementType, TypeField, TypeMaterial

__all__ = [
    "Achievement",
    "AchievementDraft",
    "AchievementImport",
    "AchievementType",
    "CatalogueAlias",
    "CatalogueEntry",
    "CatalogueImport",
    "CatalogueText",
    "EntryRecord",
    "FrameworkLevel",
    "FrameworkVersion",
    "IndustryStandard",
    "LevelFamily",
    "TypeField",
    "TypeMaterial",
]
