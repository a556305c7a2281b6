"""What gunicorn serves in a bench: the portal under its production settings, and the plain page beside it.

Run as a program it collects the static files that this server needs.
A request with the header X-Bench learns in the answer's X-Bench-Queries how many queries it took.
"""

import os

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db import connection

STATIC_ROOT = "BENCH_STATIC_ROOT"
PLAIN_ENGINE = {
    "NAME": "plain",
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "DIRS": [os.path.join(os.path.dirname(__file__), "templates")],
    "OPTIONS": {
        "context_processors": [
            "django.template.context_processors.request",
            "django.contrib.auth.context_processors.auth",
            "django.contrib.messages.context_processors.messages",
        ]
    },
}


def bench_settings():
    """Return what differs from the portal's own settings."""
    templates = [settings.TEMPLATES[0] | {"NAME": "django"}, PLAIN_ENGINE]
    return {"ROOT_URLCONF": "portal.benches.urls", "STATIC_ROOT": os.environ[STATIC_ROOT], "TEMPLATES": templates}


def configure():
    for name, value in bench_settings().items():
        setattr(settings, name, value)


def bench_application():
    configure()
    portal = get_wsgi_application()

    def application(environ, start_response):
        if "HTTP_X_BENCH" in environ:
            return counted(portal, environ, start_response)
        return portal(environ, start_response)

    return application


def counted(portal, environ, start_response):
    queries = []

    def count(execute, sql, *arguments):
        queries.append(sql)
        return execute(sql, *arguments)

    def start(status, headers, *rest):
        return start_response(status, [*headers, ("X-Bench-Queries", str(len(queries)))], *rest)

    with connection.execute_wrapper(count):
        return portal(environ, start)


if __name__ == "__main__":
    configure()
    django.setup()
    call_command("collectstatic", interactive=False, verbosity=0)
elif STATIC_ROOT in os.environ:
    application = bench_application()
