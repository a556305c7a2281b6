"""Find the Chromium that the journeys are tested with; `make browser` installs it where that is allowed."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGES = ["chromium", "fonts-noto-cjk"]
HOW_TO_GET_ONE = "apt install chromium fonts-noto-cjk, or name one: CHROMIUM=/path/to/chromium make test"


@cache
def find():
    """Return the path of a browser that starts, or None."""
    return next((path for path in _candidates() if _starts(path)), None)


def _candidates():
    named = os.environ.get("CHROMIUM")
    if named:
        return [named]
    on_path = filter(None, map(shutil.which, NAMES))
    downloads = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    return [*on_path, *map(str, sorted(downloads.glob("chromium-*/chrome-linux*/chrome"), reverse=True))]


def _starts(path):
    """Ubuntu's chromium-browser, for one, is a script that only says how to install it."""
    try:
        return not subprocess.run([path, "--version"], capture_output=True, timeout=60).returncode  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False


def has_chinese_font():
    lister = shutil.which("fc-list")
    return bool(lister) and bool(subprocess.run([lister, ":lang=zh"], capture_output=True).stdout)  # noqa: S603


def install():
    """Install browser and font as Debian packages, if we may."""
    apt = shutil.which("apt-get")
    if not apt or os.getuid() or os.environ.get("CHROMIUM"):
        return
    say(f"Installing {' and '.join(PACKAGES)} for the journeys in a browser ...")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    options = ["-qq", "-o", "DPkg::Lock::Timeout=300"]
    for command in (["update"], ["install", "-y", "--no-install-recommends", *PACKAGES]):
        subprocess.run([apt, *options, *command], env=environment, stdout=subprocess.DEVNULL)  # noqa: S603
    find.cache_clear()


def main():
    if not (find() and has_chinese_font()):
        install()
    if not find():
        say(f"There is no browser, so no journey is tested in one. To get one: {HOW_TO_GET_ONE}")
    elif not has_chinese_font():
        say("There is no Chinese font: the browser shows boxes. To get one: apt install fonts-noto-cjk")


def say(text):
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
