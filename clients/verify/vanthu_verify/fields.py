"""The form of a view: every field by its full name, and which of them hold signatures (ISO 32000-2, 12.7)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from vanthu_verify.document import View
from vanthu_verify.objects import Ref

MAX_FIELDS = 50_000
MAX_NESTING = 64
MAX_PAGES = 100_000
_INHERITED = ("FT", "Ff", "V", "DV")


@dataclass(slots=True, eq=False)
class Field:
    """A terminal field. `value` is V as it stands (often a reference), `widgets` where it shows itself."""

    name: str
    ref: Ref | None
    entries: dict[str, Any]
    kind: str
    value: Any
    widgets: list[tuple[Ref | None, dict[str, Any]]]
    parents: tuple[Ref, ...] = ()


@dataclass(slots=True)
class Form:
    """All fields in the order of the form, and every object that is part of the field tree. `broken`: a reference of
    the tree leads to an object that is there and can't be read as what it names.
    """

    fields: list[Field]
    nodes: set[int]
    broken: bool = False

    def named(self) -> dict[str, Field]:
        """By full name; the first of a name counts."""
        found: dict[str, Field] = {}
        for one in self.fields:
            found.setdefault(one.name, one)
        return found


def read_form(view: View) -> Form:
    """Walk the field tree; what refers to itself is passed over."""
    form = Form([], set())
    acroform = view.resolve(view.catalogue.get("AcroForm"))
    roots = view.resolve(acroform.get("Fields")) if isinstance(acroform, dict) else None
    stack = [_Node(item, "", {}) for item in reversed(roots)] if isinstance(roots, list) else []
    while stack and len(form.fields) < MAX_FIELDS:
        _visit(view, stack.pop(), form, stack)
    return form


@dataclass(slots=True)
class _Node:
    item: Any
    prefix: str
    inherited: dict[str, Any]
    parents: tuple[Ref, ...] = field(default=())


def _visit(view: View, node: _Node, form: Form, stack: list[_Node]) -> None:
    ref = node.item if isinstance(node.item, Ref) else None
    entries = view.resolve(node.item)
    form.broken |= _leads_astray(view, node.item)
    if not isinstance(entries, dict) or len(node.parents) > MAX_NESTING:
        return
    if ref is not None:
        if ref.num in form.nodes:
            return
        form.nodes.add(ref.num)
    title = view.resolve(entries.get("T"))
    if view.document.blind and isinstance(title, bytes):
        title = f"({ref.num if ref is not None else ''})".encode()  # the name is encrypted
    name = node.prefix
    if isinstance(title, bytes):
        name = f"{name}.{text(title)}" if name else text(title)
    inherited = node.inherited | {key: entries[key] for key in _INHERITED if key in entries}
    kids = view.resolve(entries.get("Kids"))
    kids = kids if isinstance(kids, list) else []
    form.broken |= any(_leads_astray(view, kid) for kid in kids)
    kids = [kid for kid in kids if isinstance(view.resolve(kid), dict)]
    inner = [kid for kid in kids if "T" in view.resolve(kid)]
    if inner:
        parents = (*node.parents, ref) if ref is not None else node.parents
        stack.extend(_Node(kid, name, inherited, parents) for kid in reversed(kids))
        return
    form.nodes.update(kid.num for kid in kids if isinstance(kid, Ref))
    widgets = [(kid if isinstance(kid, Ref) else None, view.resolve(kid)) for kid in kids]
    if "Rect" in entries or entries.get("Subtype") == "Widget":
        widgets.insert(0, (ref, entries))
    kind = view.resolve(inherited.get("FT"))
    form.fields.append(Field(name, ref, entries, str(kind or ""), inherited.get("V"), widgets, node.parents))


def _leads_astray(view: View, item: Any) -> bool:
    return isinstance(item, Ref) and view.resolve(item) is None and view.place(item.num) is not None


def text(raw: bytes) -> str:
    """A text string (7.9.2.2)."""
    if raw.startswith(b"\xfe\xff"):
        return raw[2:].decode("utf-16-be", "replace")
    if raw.startswith(b"\xff\xfe"):
        return raw[2:].decode("utf-16-le", "replace")
    if raw.startswith(b"\xef\xbb\xbf"):
        return raw[3:].decode("utf-8", "replace")
    return re.sub(r"[\x00-\x08\x0b-\x1f]", "", raw.decode("latin-1"))


@dataclass(slots=True)
class PageTree:
    """The leaves in order, each once, and the nodes above them; `again` are those that stand there once more, and where."""

    leaves: list[tuple[Ref | None, dict[str, Any]]]
    nodes: list[tuple[Ref | None, dict[str, Any]]]
    again: list[tuple[int, int]]


def read_pages(view: View) -> PageTree:
    tree, seen = PageTree([], [], []), set[int]()
    stack = [view.catalogue.get("Pages")]
    while stack and len(tree.leaves) < MAX_PAGES:
        item = stack.pop()
        if isinstance(item, Ref):
            if item.num in seen:
                tree.again.append((item.num, len(tree.leaves)))
                continue
            seen.add(item.num)
        node = view.resolve(item)
        if not isinstance(node, dict):
            continue
        kids = view.resolve(node.get("Kids"))
        inner = isinstance(kids, list) and view.resolve(node.get("Type")) != "Page"
        (tree.nodes if inner else tree.leaves).append((item if isinstance(item, Ref) else None, node))
        if inner and isinstance(kids, list):
            stack.extend(reversed(kids))
    return tree
