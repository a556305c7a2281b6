"""Texts are put together from three tables: whoever changes one of them at the same time is waited for."""

import re
import threading
import time

import pytest
from django.db import connection, transaction

from accounts.models import Institution
from accounts.tests.factories import InstitutionFactory
from achievements.models import CatalogueAlias, CatalogueEntry
from achievements.search import Hits, terms_of
from achievements.tests.factories import EntryFactory, TypeFactory

pytestmark = pytest.mark.django_db(transaction=True)

BLOCKED = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"


@pytest.fixture(params=["guarded", "positive control"])
def guarded(request):
    """Whether the triggers wait; the positive control takes their first statement out."""
    names = ["achievements_text_of_entries", "achievements_text_of_aliases"]
    if request.param == "guarded":
        yield True
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname = ANY(%s)", [names])
        definitions = [definition for [definition] in cursor.fetchall()]
        for definition in definitions:
            cursor.execute(re.sub(r"PERFORM [^;]*;", "", definition, count=1))
    yield False
    with connection.cursor() as cursor:
        for definition in definitions:
            cursor.execute(definition)


def at_once(first, second):
    """Do both, the second from another connection before the first is committed."""

    def run():
        try:
            second()
        finally:
            connection.close()

    other = threading.Thread(target=run)
    with transaction.atomic():
        first()
        other.start()
        wait_until_blocked(other)
    other.join()


def wait_until_blocked(thread):
    for _attempt in range(200):
        with connection.cursor() as cursor:
            cursor.execute(BLOCKED)
            if cursor.fetchone()[0] or not thread.is_alive():
                return
        time.sleep(0.05)
    raise AssertionError("The second neither waits nor ends.")


def found(text):
    return [entry.pk for entry in Hits(terms_of(anywhere=text))[:]]


def test_of_two_aliases_at_once_both_are_found(guarded):
    entry = EntryFactory()
    at_once(
        lambda: CatalogueAlias.objects.create(entry=entry, name="甲名"),
        lambda: CatalogueAlias.objects.create(entry=entry, name="乙名"),
    )
    assert (found("甲名") == found("乙名") == [entry.pk]) is guarded


def test_an_entry_added_during_a_rename_is_found_by_the_new_name(guarded):
    institution, type_ = InstitutionFactory(name="旧学院"), TypeFactory()
    at_once(
        lambda: Institution.objects.filter(pk=institution.pk).update(name="新大学"),
        lambda: EntryFactory(institution=institution, type=type_),
    )
    assert (found("新大学") == [CatalogueEntry.objects.get().pk]) is guarded
