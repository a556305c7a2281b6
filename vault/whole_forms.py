"""Forms of admin pages that show a part of a row as fixed."""

from django.core.exceptions import ValidationError


class WholeRowMixin:
    """Before a `ModelForm`: checks every constraint of the row, those too that involve what the page shows as fixed.

    Django leaves these to the database, which refuses with an error page.
    """

    def _post_clean(self):
        super()._post_clean()
        if not self.errors:
            try:
                self.instance.validate_constraints()
            except ValidationError as error:
                self.add_error(None, error.messages)
