"""Bulk imports: reading files, checking whole columns, reporting (docs/roster-import.md tells how to add a kind)."""
