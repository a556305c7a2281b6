"""Log lines as JSON, one object a line, for production (docs/deployment.md, *Logs*)."""

import datetime as dt
import json
import logging
import re
import traceback

from celery import current_task
from gunicorn.glogging import Logger

from portal.request_log import request_id

FIELDS = ["method", "route", "status", "milliseconds"]
LONGEST = 500
# Our own lines name rows by id. What other people's words may carry: phones, document numbers, e-mail addresses.
PERSONAL = re.compile(r"\d{11,}[Xx]?|\b[A-Z]{1,2}\d{7,}\b|[\w.+-]+@[\w-]+\.[\w.-]+")
# What others quote beside an error: gunicorn the address, Celery the error with the rows of its further lines.
QUOTED = re.compile(r"\s/|\n|\\n")


def masked(text):
    return PERSONAL.sub("…", text)


class JsonFormatter(logging.Formatter):
    def format(self, record):
        line = {
            "at": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": masked(_message(record)),
        }
        line |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        line |= _where()
        if record.exc_info and record.exc_info[1]:
            line["error"] = masked("".join(_told(record.exc_info[1])))
        return json.dumps(line, ensure_ascii=False)


def _message(record):
    """Django names the address that an answer is about: here it is the route."""
    text, request = record.getMessage(), getattr(record, "request", None)
    if hasattr(request, "path"):
        match = getattr(request, "resolver_match", None)
        return text.replace(request.path, f"/{match.route}" if match else "…")
    return QUOTED.split(text, maxsplit=1)[0] if record.exc_info else text


def _where():
    """The request or the task that speaks."""
    if current_task:
        return {"task": current_task.name, "task_id": current_task.request.id}
    return {"request_id": request_id.get()} if request_id.get() else {}


def _told(error):
    """Frames and first line of an error, after those that led to it: a database's further lines quote rows."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    first = next(iter(str(error).splitlines()), "")[:LONGEST]
    return [
        *(_told(before) if before else []),
        *traceback.format_tb(error.__traceback__),
        f"{type(error).__name__}: {first}\n",
    ]


class GunicornLogger(Logger):
    """gunicorn's own lines in the same form: `--logger-class creditbank.logs.GunicornLogger`."""

    def setup(self, cfg):
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(JsonFormatter())
