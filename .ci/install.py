"""Make .venv and install one hash-checked requirements file into it, if that is not done yet.

Started by whatever `python3` is, so the syntax must be readable for old ones. Usage: install.py REQUIREMENTS
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys

OLDEST = (3, 11)
FREE_BYTES = 1500 * 1024**2
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
VENV_PYTHON = os.path.join(VENV, "bin", "python")


def main(requirements):
    os.chdir(ROOT)
    with open(".ci/install.py") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two makes at once
        stamp = os.path.join(VENV, f"{requirements}.installed")
        wanted = digest_of(requirements)
        if runs("pass") and read(stamp) == wanted:
            return
        need_python()
        need_disk()
        if not runs(f"import sys, pip; sys.exit(sys.version_info < {OLDEST})"):
            make_venv()
        say(f"Installing the packages of {requirements} into .venv, which takes a minute or two ...")
        install(requirements)
        with open(stamp, "w") as file:
            file.write(wanted)


def need_python():
    if sys.version_info >= OLDEST:
        return
    newer = next(filter(None, (shutil.which(f"python3.{minor}") for minor in range(14, 10, -1))), None)
    if newer:
        os.execv(newer, [newer, *sys.argv])  # noqa: S606
    found = ".".join(map(str, sys.version_info[:3]))
    sys.exit(f"Python 3.11 or newer is needed, this is {found}: install one, or name it: make PYTHON=/path/to/it")


def need_disk():
    if shutil.disk_usage(ROOT).free < FREE_BYTES:
        sys.exit("The disk of this folder has less than 1.5 GB free: the packages need that much.")


def make_venv():
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        package = "python{}.{}-venv".format(*sys.version_info)
        sys.exit(f"This Python can't make a virtual environment: apt install {package}")
    say("Making .venv ...")
    if call([sys.executable, "-m", "venv", "--clear", VENV]):
        sys.exit("The virtual environment .venv could not be made: the messages are above.")


def install(requirements):
    # The files are compiled: everything is in them. Left to resolve by itself, pip 23 refuses them on the day that
    # an extra ("coverage[toml]") has a newer release than the one pinned.
    options = ["-qq", "--disable-pip-version-check", "--no-input", "--require-hashes", "--no-deps"]
    # A user install, as some people's pip.conf asks for, is refused inside a virtual environment.
    if call([VENV_PYTHON, "-m", "pip", "install", *options, "-r", requirements], PIP_USER="0"):
        sys.exit("The packages could not be installed: pip's messages are above.")


def call(command, **environment):
    return subprocess.call(command, env=dict(os.environ, **environment))  # noqa: S603 - our own commands


def runs(code):
    try:
        return subprocess.run([VENV_PYTHON, "-c", code], capture_output=True).returncode == 0  # noqa: S603
    except OSError:
        return False


def digest_of(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


main(sys.argv[1])
