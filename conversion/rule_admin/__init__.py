"""Where rules are kept: rules, versions and their parts, programmes and courses, caps and exclusivity groups."""

from conversion.rule_admin import parts, policies, rules, targets, versions

__all__ = ["parts", "policies", "rules", "targets", "versions"]
