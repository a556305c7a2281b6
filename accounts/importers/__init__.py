"""Bulk imports: reading files, checking whole columns, writing by COPY."""
