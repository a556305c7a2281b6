"""The child process: a request as JSON on stdin, an answer as JSON on stdout, the clean copy in a file.

It starts without Django, so it starts fast and holds no secrets.
"""

import json
import math
import os
import resource
import signal
import sys

from .limits import Limits, RefusalCode, RefusedError, kind_of


def main():
    json.dump(answer_to(json.load(sys.stdin)), sys.stdout)


def answer_to(request):
    limits = Limits(**request["limits"])
    if "page" in request:
        return draw(request, limits)
    examiner = examiner_of(request["kind"])
    try:
        data = read(request["source"])
        confine(limits)
        examined = examine(data, request["kind"], examiner, limits)
        write(request["clean"], examined.clean)
        if examined.thumbnail:
            write(request["thumbnail"], examined.thumbnail)
    except RefusedError as refusal:
        return {"refused": refusal.code, "cause": type(refusal.__cause__).__name__}
    except MemoryError:
        return {"refused": RefusalCode.TOO_COMPLEX, "cause": "MemoryError"}
    except OSError as fault:
        return {"fault": fault.errno}
    return {"findings": examined.findings()}


def draw(request, limits):
    """Write one page of a clean PDF as a picture."""
    from .pages import draw_page

    try:
        data = read(request["source"])
        confine(limits)
        write(request["picture"], draw_page(data, request["page"], limits))
    except OSError as fault:
        return {"fault": fault.errno}
    except Exception as error:  # whatever goes wrong inside the library is the file's fault
        return {"refused": RefusalCode.TOO_COMPLEX, "cause": type(error).__name__}
    return {"findings": {}}


def examiner_of(kind):
    """Import one kind's libraries, before the memory limit is set: that is for the file alone."""
    if kind == "pdf":
        from .pdfs import examine_pdf as examiner
    else:
        from .pictures import examine_picture as examiner
    return examiner


def confine(limits):
    """Bound this process. The alarm ends it even when the parent was killed; a parent that lives is quicker."""
    with open("/proc/self/statm") as statm:
        own = int(statm.read().split()[0]) * resource.getpagesize()
    seconds = math.ceil(limits.seconds)
    resource.setrlimit(resource.RLIMIT_AS, (own + limits.memory,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(math.ceil(limits.patience) + 1)


def examine(data, kind, examiner, limits):
    """Examine a file's bytes; whatever goes wrong inside a decoder is a refusal."""
    if kind_of(data) != kind:
        raise RefusedError(RefusalCode.WRONG_CONTENT)
    try:
        examined = examiner(data, kind, limits)
    except (RefusedError, MemoryError):
        raise
    except Exception as error:
        is_short = "out of memory" in str(error)  # Pillow's encoders raise an OSError for want of it
        raise RefusedError(RefusalCode.TOO_COMPLEX if is_short else RefusalCode.DAMAGED) from error
    if len(examined.clean) > limits.clean_size:
        raise RefusedError(RefusalCode.TOO_COMPLEX)
    return examined


def read(path):
    with open(path, "rb") as source:
        return source.read()


def write(path, content):
    """Write durably: a row that says "passed" must not outlive its file."""
    with open(path, "wb") as target:
        target.write(content)
        target.flush()
        os.fsync(target.fileno())
