"""Articles are written in Markdown; what reaches a page is sanitised HTML."""

import nh3
from django.utils.safestring import mark_safe
from markdown_it import MarkdownIt

RENDERER = MarkdownIt("commonmark", {"html": False}).enable("table")


def render_markdown(text):
    return mark_safe(nh3.clean(RENDERER.render(text)))  # noqa: S308 (cleaned by nh3)
