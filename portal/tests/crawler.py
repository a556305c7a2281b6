"""Follows the links and GET forms of the portal's pages as one person would, and keeps what it read of each."""

from collections import Counter, deque
from dataclasses import dataclass, field
from html.parser import HTMLParser
from importlib import import_module
from urllib.parse import urldefrag, urlencode, urljoin, urlsplit

from django.conf import settings
from django.db import connection
from django.test import Client
from django.urls import Resolver404, resolve

from accounts.models import User

SessionStore = import_module(settings.SESSION_ENGINE).SessionStore
ORIGIN = "http://testserver"
PAGES_PER_SHAPE = 2
MOST_PAGES = 600
RESOURCES = {"img": "src", "script": "src", "link": "href"}
SINGLE_CHOICE = {"checkbox", "radio"}
STARTS = {"chushen1": ["/admin/"], "zhongshen1": ["/admin/"], "guanli1": ["/admin/"], "admin": ["/admin/"]}
# Sessions, pictures of captchas and counters of limits may come and go.
VOLATILE = {SessionStore.get_model_class()._meta.db_table, "captcha_captchastore", "accounts_ratelimit"}
NOT_TO_SEND = ("/accounts/sign-out/", "/admin/logout/")


@dataclass
class Form:
    """A form as the page shows it; `fields` are (name, value) with the first box of each kind ticked."""

    method: str
    action: str
    fields: list = field(default_factory=list)
    other_actions: list = field(default_factory=list)

    def add(self, attributes):
        name, kind = attributes.get("name"), attributes.get("type", "text")
        taken = kind in SINGLE_CHOICE and name in dict(self.fields)
        if name and not taken and kind not in {"submit", "image", "reset"}:
            self.fields.append((name, attributes.get("value") or ""))


class PageReader(HTMLParser):
    """Reads links, resources, ids and forms of a page."""

    def __init__(self, html):
        super().__init__()
        self.links, self.ids, self.forms = [], set(), []
        self._by_id, self._outside = {}, []
        self._form = self._select = None
        self.feed(html)
        for form_id, attributes in self._outside:
            if form_id in self._by_id:
                self._by_id[form_id].add(attributes)

    def handle_starttag(self, tag, pairs):
        attributes = dict(pairs)
        self.ids.add(attributes.get("id"))
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        elif tag in RESOURCES and attributes.get(RESOURCES[tag]):
            self.links.append(attributes[RESOURCES[tag]])
        elif tag == "form":
            self._open(attributes)
        elif tag in {"input", "select", "textarea", "button"}:
            self._control(tag, attributes)
        elif tag == "option" and self._select is not None and not self._select["value"]:
            self._select["value"] = attributes.get("value", "")

    def _open(self, attributes):
        self._form = Form((attributes.get("method") or "get").lower(), attributes.get("action") or "")
        self.forms.append(self._form)
        self._by_id[attributes.get("id")] = self._form

    def _control(self, tag, attributes):
        if tag == "button":
            self._button(attributes)
        elif tag == "select":
            self._select = attributes | {"type": "select", "value": "", "form_of": self._form}
        elif "form" in attributes:
            self._outside.append((attributes["form"], attributes))
        elif self._form is not None:
            self._form.add(attributes)

    def _button(self, attributes):
        if self._form is None:
            return
        if attributes.get("formaction"):
            self._form.other_actions.append(attributes["formaction"])
        elif attributes.get("name"):
            self._form.add({"name": attributes["name"], "value": attributes.get("value"), "type": "hidden"})

    def handle_endtag(self, tag):
        if tag == "form":
            self._form = None
        elif tag == "select" and self._select is not None:
            if self._select["form_of"] is not None:
                self._select["form_of"].add(self._select)
            self._select = None

    def addresses(self):
        """Where the page leads: its links, its resources and its GET forms as they stand."""
        yield from self.links
        for form in self.forms:
            if form.method == "get":
                for action in [form.action, *form.other_actions]:
                    yield f"{action.partition('?')[0]}?{urlencode(form.fields)}"


@dataclass
class Visit:
    """One page that was read: `view` names it, `reader` is None for what is no HTML."""

    url: str
    view: str
    status: int
    headers: dict
    reader: PageReader | None


def view_of(url):
    try:
        return resolve(urlsplit(url).path).view_name
    except Resolver404:
        return urlsplit(url).path


class Crawler:
    """Reads every page that can be reached from `start`, a few of one shape (view and names of parameters)."""

    def __init__(self, user=None, start=("/",)):
        self.client = Client(raise_request_exception=False)
        if user:
            self.client.force_login(user)
        self.waiting = deque((url, "the start") for url in start)
        self.visits, self.faults, self.seen, self.shapes = [], [], set(), Counter()

    def crawl(self):
        while self.waiting and len(self.visits) < MOST_PAGES:
            self._read(*self.waiting.popleft())
        return self

    def _is_enough(self, shape):
        """The admin combines sorting, filters and facets without end: there one parameter at a time is enough."""
        view, names = shape
        if view.startswith("admin:"):
            return len(names) > 1 or bool(names & {"o", "_facets"}) or bool(self.shapes[shape])
        return self.shapes[shape] == PAGES_PER_SHAPE

    def _read(self, url, origin):
        names = frozenset(pair.partition("=")[0] for pair in urlsplit(url).query.split("&"))
        shape = (view_of(url), names)
        if url in self.seen or self._is_enough(shape):
            return
        self.seen.add(url)
        self.shapes[shape] += 1
        response = self.client.get(url)
        visit = Visit(url, shape[0], response.status_code, response.headers, self._reader_of(response))
        if response.streaming:
            response.getvalue()  # read to the end, the file is closed
        self.visits.append(visit)
        if response.status_code in {301, 302}:
            self._wait_for(response["Location"], url)
        elif response.status_code != 200:
            self.faults.append(f"{response.status_code} {url} (from {origin})")
        elif visit.reader:
            self._look_around(visit)

    @staticmethod
    def _reader_of(response):
        is_page = response.get("Content-Type", "").startswith("text/html") and not response.streaming
        return PageReader(response.content.decode()) if is_page else None

    def _look_around(self, visit):
        for address in visit.reader.addresses():
            target, fragment = urldefrag(address)
            if fragment and not target and fragment not in visit.reader.ids:
                self.faults.append(f"no #{fragment} on {visit.url}")
            if target:
                self._wait_for(target, visit.url)

    def _wait_for(self, address, origin):
        parts = urlsplit(urljoin(ORIGIN + origin, address))
        if parts.scheme not in {"http", "https"}:
            self.faults.append(f"{address} on {origin}")
        elif parts.netloc == "testserver":
            self.waiting.append((parts._replace(scheme="", netloc="", fragment="").geturl(), origin))

    def pages(self):
        """The first HTML page of each view."""
        first = {}
        for visit in self.visits:
            if visit.reader and visit.status == 200:
                first.setdefault(visit.view, visit)
        return first

    def post_forms(self):
        """{(address, names of its fields): form} of every POST form of those pages, signing out left out."""
        forms = {}
        for visit in self.pages().values():
            for form in visit.reader.forms:
                address = form.action or visit.url
                if form.method == "post" and not address.startswith(NOT_TO_SEND):
                    names = tuple(sorted({name for name, _value in form.fields} - {"csrfmiddlewaretoken"}))
                    forms[address, names] = form
        return forms


class Sites(dict):
    """{username: Crawler} of the demo's people, "" for the visitor; `changed` tells which tables a crawl touched."""

    def __missing__(self, username):
        crawler = Crawler(username and User.objects.get(username=username), STARTS.get(username, ["/"]))
        before = digests()
        self[username] = crawler.crawl()
        crawler.changed = {table for table, digest in digests().items() if digest != before[table]}
        return crawler


def digests():
    """{table: digest of all its rows} of what no GET may touch."""
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor)) - VOLATILE
        return {table: _digest(cursor, table) for table in tables}


def _digest(cursor, table):
    name = connection.ops.quote_name(table)
    cursor.execute(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {name} t")
    return cursor.fetchone()[0]
