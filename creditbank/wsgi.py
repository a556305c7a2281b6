import codecs
import os

from django.core.wsgi import get_wsgi_application
from django.utils.http import parse_header_parameters

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "creditbank.settings")
portal = get_wsgi_application()


def application(environ, start_response):
    """The portal, told of no content type that Django could stumble over.

    Before any middleware it decodes the address by the charset named there, and some of Python's encodings spell NUL
    and lone surrogates with letters, others decode no text at all.
    """
    if not _is_ours(environ.get("CONTENT_TYPE", "")):
        environ["CONTENT_TYPE"] = ""
    return portal(environ, start_response)


def _is_ours(content_type):
    """Whether it can be read and names UTF-8 or no charset."""
    try:
        _kind, parameters = parse_header_parameters(content_type)
        return codecs.lookup(parameters.get("charset", "utf-8")).name == "utf-8"
    except (LookupError, ValueError):
        return False
