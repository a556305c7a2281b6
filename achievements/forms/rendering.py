"""The plain controls of a form without Django's templates for them, which take most of a long form's time."""

from django.forms.renderers import TemplatesSetting
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join

INPUTS = {f"django/forms/widgets/{name}.html" for name in ["date", "hidden", "number", "text"]}
SELECT = "django/forms/widgets/select.html"


class PlainControls(TemplatesSetting):
    """Renders inputs and selects as Django's templates would, but for blanks and the order of attributes."""

    def render(self, template_name, context, request=None):
        if template_name in INPUTS:
            return _input(context["widget"])
        if template_name == SELECT:
            return _select(context["widget"])
        return super().render(template_name, context, request)


def _input(widget):
    value = flatatt({"value": str(widget["value"])}) if widget["value"] is not None else ""
    return format_html('<input type="{}" name="{}"{}{}>', widget["type"], widget["name"], value, _attributes(widget))


def _attributes(widget):
    return flatatt(widget["attrs"])


def _select(widget):
    groups = format_html_join("", "{}", ((_group(*group),) for group in widget["optgroups"]))
    return format_html('<select name="{}"{}>{}</select>', widget["name"], _attributes(widget), groups)


def _group(name, options, _index):
    rows = ((option["value"], _attributes(option), option["label"]) for option in options)
    shown = format_html_join("", '<option value="{}"{}>{}</option>', rows)
    return format_html('<optgroup label="{}">{}</optgroup>', name, shown) if name else shown
