import pytest
from django.core.management import call_command
from django.test import override_settings

from portal.tests.crawler import Sites


@pytest.fixture(scope="module")
def demo_site(django_db_setup, django_db_blocker, tmp_path_factory):
    """The demo data, loaded once for a module whose tests use `db` (what they change rolls back), none a browser."""
    with override_settings(MEDIA_ROOT=tmp_path_factory.mktemp("files")):
        with django_db_blocker.unblock():
            call_command("load_demo", verbosity=0)
        yield
        with django_db_blocker.unblock():
            call_command("flush", interactive=False, verbosity=0)


@pytest.fixture(scope="module")
def sites(demo_site):
    """What each person finds who follows every link: `sites["xiaofang"]` is crawled when a test first asks."""
    return Sites()


@pytest.fixture
def demo_portal(transactional_db, settings, tmp_path):
    """The demo data behind a live server, for one journey."""
    settings.MEDIA_ROOT = tmp_path
    call_command("load_demo", verbosity=0)
