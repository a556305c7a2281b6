"""What runs in production imports only what requirements.txt installs; development installs more and hides a slip."""

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from django.conf import settings

ROOT = settings.BASE_DIR
OWN = {path.parent.name for path in ROOT.glob("*/__init__.py")} | {path.stem for path in ROOT.glob("*.py")}
# What only developers run: tests and their plugin, benches, pictures of the guide, the font's subset.
DEVELOPMENT = re.compile(
    r"(^|/)(tests|benches)/|^(conftest|creditbank/testing|demo/screenshots|conversion/fonts/build)\.py$"
)
OPTIONAL = {"messaging/gateways/aliyun.py": "requirements-aliyun.txt"}


def pinned(name):
    """The distributions that a compiled requirements file installs, those that others need included."""
    return {normal(found) for found in re.findall(r"^([\w.-]+)(?:\[.*\])?==", (ROOT / name).read_text(), re.MULTILINE)}


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def sources():
    """The Python files that an installation runs, as paths below the root."""
    found = [path.relative_to(ROOT).as_posix() for name in OWN for path in (ROOT / name).rglob("*.py")]
    found += [path.name for path in ROOT.glob("*.py")]
    return [path for path in sorted(found) if not DEVELOPMENT.search(path)]


def imported(source):
    """The top-level names that a module imports anywhere, inside functions too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition(".")[0]


def missing(source, allowed):
    """Names that a module imports and no distribution of `allowed` brings."""
    names = set(imported(source)) - sys.stdlib_module_names - OWN
    return {name for name in names if not {normal(found) for found in DISTRIBUTIONS.get(name, [])} & allowed}


DISTRIBUTIONS = packages_distributions()


def test_running_code_imports_what_requirements_install():
    always = pinned("requirements.txt")
    optional = {path: pinned(name) for path, name in OPTIONAL.items()}
    found = {
        path: missing(Path(ROOT, path).read_text("utf-8"), always | optional.get(path, set())) for path in sources()
    }
    assert {path: names for path, names in found.items() if names} == {}


def test_apps_and_middleware_are_installed_in_production():
    named = {name.partition(".")[0] for name in [*settings.INSTALLED_APPS, *settings.MIDDLEWARE]}
    assert missing("\n".join(f"import {name}" for name in named), pinned("requirements.txt")) == set()


@pytest.mark.parametrize(
    "source", ["import pytest", "def later():\n    from playwright.sync_api import Page", "import import_export.admin"]
)
def test_an_import_of_a_development_tool_would_be_found(source):
    assert missing(source, pinned("requirements.txt"))
    assert not missing(source, pinned("requirements-dev.txt"))


def test_the_checked_files_are_those_that_run():
    found = sources()
    assert {"manage.py", "creditbank/settings.py", "portal/views.py", "demo/papers.py"} <= set(found)
    assert not [path for path in found if "/tests/" in path]
