from django import forms


class Lines(forms.Textarea):
    """Counts a line's end as one character, as browsers do where they keep to `maxlength`."""

    def value_from_datadict(self, data, files, name):
        value = super().value_from_datadict(data, files, name)
        return value and value.replace("\r\n", "\n")
