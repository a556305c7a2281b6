"""A model field whose column holds ciphertext only."""

from django.db import models

from vault.ciphers import decrypt, encrypt


class EncryptedTextField(models.BinaryField):
    """Text, encrypted in its column. It can't be searched: store a `keyed_digest` beside it for that."""

    def _context(self):
        return f"{self.model._meta.db_table}.{self.column}"

    def get_db_prep_value(self, value, connection, prepared=False):
        if isinstance(value, str):
            value = encrypt(value, self._context())
        return super().get_db_prep_value(value, connection, prepared)

    def from_db_value(self, value, expression, connection):
        return None if value is None else decrypt(bytes(value), self._context())

    def to_python(self, value):
        return value

    def value_to_string(self, obj):
        raise TypeError("Encrypted personal data is never serialised.")
