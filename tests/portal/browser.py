"""A browser without scripts: cookies, links followed, forms read from the page and sent as they stand there."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.support.http import PLAIN


@dataclass
class WebForm:
    """One form of a page: where it goes and what its fields hold."""

    action: str
    fields: list[tuple[str, str]] = field(default_factory=list)

    def value(self, name: str) -> str:
        return next(value for key, value in self.fields if key == name)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[WebForm] = []
        self._select: str | None = None
        self._area: list[str] | None = None
        self._area_name = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(WebForm(found.get("action", "")))
        elif not self.forms:
            return
        elif tag == "input" and found.get("type") not in {"file", "submit"} and "name" in found:
            if found.get("type") not in {"checkbox", "radio"} or "checked" in found:
                self.forms[-1].fields.append((found["name"], found.get("value", "")))
        elif tag == "select":
            self._select = found["name"]
        elif tag == "option" and self._select and "selected" in found:
            self.forms[-1].fields.append((self._select, found.get("value", "")))
        elif tag == "textarea":
            self._area, self._area_name = [], found["name"]

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self._area.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._area is not None:
            self.forms[-1].fields.append((self._area_name, "".join(self._area)))
            self._area = None
        elif tag == "select":
            self._select = None


def forms(page: httpx.Response) -> list[WebForm]:
    reader = _Forms()
    reader.feed(page.text)
    return reader.forms


class Browser:
    """One person's browser."""

    def __init__(self, url: str) -> None:
        # Of another address than a program's calls, and never closed early: the tests read pages one by one.
        self.http = httpx.Client(base_url=url, follow_redirects=True, timeout=60, verify=PLAIN)

    def close(self) -> None:
        self.http.close()

    def open(self, path: str) -> httpx.Response:
        return self.http.get(path)

    def send(self, page: httpx.Response, action: str, /, headers: Any = None, **typed: str) -> httpx.Response:
        """Fill in and send the form of this page that goes to `action`."""
        form = next(each for each in forms(page) if urlsplit(each.action).path == action)
        fields: dict[str, Any] = {}
        for name, value in form.fields:
            if name not in typed:
                fields[name] = [*fields[name], value] if name in fields else [value]
        return self.http.post(form.action, data={**fields, **typed}, headers=headers)

    def log_in(self, login: str, password: str) -> httpx.Response:
        return self.send(self.open("/login"), "/login", login=login, password=password)
