"""The controls that we spell ourselves are Django's."""

from html.parser import HTMLParser

import pytest
from django.forms.renderers import TemplatesSetting

from accounts.tests.factories import UserFactory
from achievements.forms.achievements import AchievementForm
from achievements.models import AchievementType
from portal.management.commands.load_reference import load_types

pytestmark = pytest.mark.django_db
ODD = {"name": "<b>\"'&", "obtained_on": "not a day", "score": "1e3", "description": "</textarea>"}


@pytest.fixture
def user():
    load_types()
    return UserFactory()


class Reader(HTMLParser):
    """What a browser reads: tags with their attributes, in whatever order, and texts."""

    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, sorted(attrs)))

    def handle_endtag(self, tag):
        self.found.append(tag)

    def handle_data(self, data):
        self.found.append(data.strip())


def controls(form):
    return [[found for found in Reader(str(field)).found if found] for field in form]


@pytest.mark.parametrize("data", [None, {}, ODD], ids=["unbound", "empty", "odd"])
def test_every_types_form_looks_as_django_renders_it(user, data):
    for type_ in AchievementType.objects.filter(parent__isnull=False):
        choice = {f"extra_{field.key}": field.choice_list[-1:] or ["<i>"] for field in type_.extra_fields.all()}
        odd = data and data | {name: values[0] for name, values in choice.items()}
        own, theirs = (AchievementForm(odd, type=type_, user=user) for _form in range(2))
        theirs.renderer = TemplatesSetting()
        assert controls(own) == controls(theirs)
