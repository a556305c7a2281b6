import pytest
from django.db import connection

from accounts.models import Learner
from vault.ciphers import DecryptionError, decrypt, encrypt
from vault.digests import keyed_digest

NUMBER = "11010519491231002X"


def test_reader_with_the_key_gets_the_text_back():
    assert decrypt(encrypt(NUMBER, "table.column"), "table.column") == NUMBER


def test_thief_sees_neither_text_nor_repetition():
    first, second = encrypt(NUMBER, "table.column"), encrypt(NUMBER, "table.column")
    assert NUMBER.encode() not in first
    assert first != second


def test_value_moved_to_another_column_is_refused():
    with pytest.raises(DecryptionError):
        decrypt(encrypt(NUMBER, "table.column"), "table.other")


def test_value_with_a_changed_byte_is_refused():
    blob = bytearray(encrypt(NUMBER, "table.column"))
    blob[-1] ^= 1
    with pytest.raises(DecryptionError):
        decrypt(bytes(blob), "table.column")


def test_operator_rotates_keys_without_rewriting_rows(settings):
    settings.PERSONAL_DATA_KEYS = ["old" * 20]
    old = encrypt(NUMBER, "table.column")
    settings.PERSONAL_DATA_KEYS = ["old" * 20, "new" * 20]
    assert decrypt(old, "table.column") == NUMBER
    assert encrypt(NUMBER, "table.column")[0] == 1


def test_digest_depends_on_purpose_and_key(settings):
    document = keyed_digest("document", NUMBER)
    assert document != keyed_digest("limit:document", NUMBER)
    settings.DIGEST_KEY = "another key of this installation"
    assert document != keyed_digest("document", NUMBER)


@pytest.mark.django_db
def test_document_number_is_ciphertext_in_its_column():
    Learner.objects.create(name="张三", document_kind="resident_id", document_number=NUMBER, document_digest="d")
    with connection.cursor() as cursor:
        cursor.execute("SELECT document_number, learner::text FROM accounts_learner AS learner")
        stored, row = cursor.fetchone()
    assert NUMBER.encode() not in bytes(stored)
    assert NUMBER not in row
    assert Learner.objects.get().document_number == NUMBER
