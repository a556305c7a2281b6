"""Rows as streams from one moment of the database, and what a finding looks like."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import namedtuple
from contextlib import contextmanager
from datetime import UTC
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from django.db import connection, transaction

CHUNK = 2000


class Difference(NamedTuple):
    check: str  # which promise, as a short name
    subject: str  # which row, by its number or id
    detail: str


@contextmanager
def snapshot():
    """Let all streams inside see one moment, while the portal goes on writing."""
    with transaction.atomic():
        if len(connection.savepoint_ids) == 0:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


def stream(sql, parameters=()):
    """Yield the rows of a query as named tuples, through a cursor on the server."""
    with connection.chunked_cursor() as cursor:
        cursor.cursor.itersize = CHUNK
        cursor.execute(sql, parameters)
        row = None
        for values in cursor:
            row = row or namedtuple("Row", [column.name for column in cursor.description])
            yield row(*values)


def grouped(rows, column):
    for key, group in groupby(rows, attrgetter(column)):
        yield key, list(group)


def as_json(value):
    """A jsonb column as Python: Django hands it over as text."""
    return json.loads(value) if isinstance(value, str) else value


def as_object(value):
    """A jsonb column that should hold an object; anything else, which only tampering can have put there, as {}."""
    value = as_json(value)
    return value if isinstance(value, dict) else {}


def base64url(data):
    return urlsafe_b64encode(data).decode().rstrip("=")


def from_base64url(text):
    """The bytes of a signature; raises ValueError for another spelling of them, which the portal doesn't accept."""
    data = urlsafe_b64decode(text + "==")
    if base64url(data) != text:
        raise ValueError("not the one spelling of these bytes")
    return data


def utc(moment):
    return moment.astimezone(UTC).isoformat()
