"""What differs between two views of a file, and of what kind it is: the difference policy.

Whatever can be reached from the trailer is compared; what may differ is listed by its place, and everything else
that differs is a change of content. An object that is reached in two ways has to pass both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from vanthu_verify.document import View
from vanthu_verify.fields import Form, PageTree, read_form, read_pages
from vanthu_verify.objects import Damaged, Ref, Stream

MAX_CHANGES = 200
TRAILER = -1


class Kind(IntEnum):
    """How far a change goes, in the order of what DocMDP permits (ISO 32000-2, table 257)."""

    NONE = 0
    VALIDATION_DATA = 1
    FORM_FILLING = 2
    ANNOTATION = 3
    FORBIDDEN = 4


@dataclass(frozen=True, slots=True)
class Change:
    """One change. `what` is a stable code, `where` a path of names, `field` the form field's full name.

    `appears` says that something shows itself on a page where nothing was.
    """

    kind: Kind
    what: str
    where: str
    field: str | None = None
    appears: bool = False


class Comparison:
    """Two views, which objects differ, and what was found so far."""

    def __init__(self, old: View, new: View) -> None:
        self.old, self.new = old, new
        self.changes: list[Change] = []
        self.forms = read_form(old), read_form(new)
        self.pages = read_pages(old), read_pages(new)
        self.touched = _touched(old, new)
        self.owned = (_owned(old, self.forms[0], self.pages[0]), _owned(new, self.forms[1], self.pages[1]))
        self.above = _referrers(old)
        self.dirty = _leading_to(self.above, self.touched)
        self._same: set[tuple[int, int]] = set()
        self._containers()

    def _containers(self) -> None:
        """Length and bounds of a stream of objects may be objects of their own: who changes these changes what is in it."""
        for number in sorted({e.container for e in self.old.table.entries.values() if e and e.container is not None}):
            if any(ref.num in self.touched for ref in self.old.references(number)):
                self.add(Kind.FORBIDDEN, "content", f"/ObjStm[{number}]")

    def add(self, kind: Kind, what: str, where: str, **more: Any) -> None:
        if len(self.changes) < MAX_CHANGES:
            self.changes.append(Change(kind, what, where, **more))

    def unchanged(self, old: Any, new: Any, where: str, what: str = "content") -> bool:
        """Whether both are the same all through; a difference is entered as forbidden."""
        found = self.difference(old, new)
        if found is not None:
            self.add(Kind.FORBIDDEN, what, f"{where}{found}")
        return found is None

    def difference(self, old: Any, new: Any) -> str | None:
        """Where two values differ first, as a path; None when they are the same."""
        stack, met = [(old, new, "")], set[tuple[int, int]]()
        while stack:
            a, b, where = stack.pop()
            if isinstance(a, Ref) and isinstance(b, Ref):
                if a == b and (a.num not in self.dirty or a.num in self.owned[0]):
                    continue
                if (a.num in self.owned[0] or b.num in self.owned[1]) and a.num != b.num:
                    return where or "/"
                pair = (a.num, b.num)
                if pair in met or pair in self._same:
                    continue
                met.add(pair)
                if a.num in self.dirty and (_misnamed(self.old, a) or _misnamed(self.new, b)):
                    return where or "/"
            elif (isinstance(a, Ref) and a.num in self.owned[0]) or (isinstance(b, Ref) and b.num in self.owned[1]):
                return where or "/"
            if not self._alike(self.old.resolve(a), self.new.resolve(b), where, stack):
                return where or "/"
        self._same |= met
        return None

    def _alike(self, a: Any, b: Any, where: str, stack: list[tuple[Any, Any, str]]) -> bool:
        """Compare one level; what is inside goes on the stack."""
        if isinstance(a, dict) and isinstance(b, dict):
            stack.extend((a.get(key), b.get(key), f"{where}/{key}") for key in a.keys() | b.keys())
            return True
        if isinstance(a, list) and isinstance(b, list):
            stack.extend((x, y, f"{where}[{i}]") for i, (x, y) in enumerate(zip(a, b, strict=False)))
            return len(a) == len(b)
        if isinstance(a, Stream) and isinstance(b, Stream):
            return self._streams_alike(a, b, where, stack)
        if isinstance(a, bool) or isinstance(b, bool):
            return a is b
        if isinstance(a, int | float) and isinstance(b, int | float):
            return a == b
        return type(a) is type(b) and bool(a == b)

    def _streams_alike(self, a: Stream, b: Stream, where: str, stack: list[tuple[Any, Any, str]]) -> bool:
        ignored = {"Length"}
        try:
            # One stream of the file may have two lengths, where the length is an object of its own.
            same = a is b and not isinstance(a.entries.get("Length"), Ref)
            alike = same or self.old.raw(a) == self.new.raw(b)
            if not alike or (a is not b and a.owner != b.owner and self.old.document.key is not None):
                alike = self.old.content(a) == self.new.content(b)
                ignored |= {"Filter", "DecodeParms"}
        except (Damaged, ValueError):
            return False
        keys = (a.entries.keys() | b.entries.keys()) - ignored
        stack.extend((a.entries.get(key), b.entries.get(key), f"{where}/{key}") for key in keys)
        return alike


def _misnamed(view: View, ref: Ref) -> bool:
    """Whether a reference names another generation than the object has: some readers show it, others nothing."""
    return view.generation(ref.num) not in (None, ref.gen)


def _touched(old: View, new: View) -> set[int]:
    """Object numbers whose bytes lie elsewhere, or nowhere, in the new view."""
    a, b = old.table.entries, new.table.entries
    return {n for n in a.keys() | b.keys() if old.place(n) != new.place(n)}


def _owned(view: View, form: Form, tree: PageTree) -> set[int]:
    """Objects that are compared by rules of their own; references to them need only be the same."""
    owned = set(form.nodes)
    root = view.trailer.get("Root")
    owned.update(r.num for r in (root,) if isinstance(r, Ref))
    owned.update(ref.num for ref, _ in (*tree.leaves, *tree.nodes) if ref is not None)
    for _, page in tree.leaves:
        owned.update(item.num for item in annotations_of(view, page) if isinstance(item, Ref))
    return owned


def annotations_of(view: View, page: dict[str, Any]) -> list[Any]:
    found = view.resolve(page.get("Annots"))
    return found if isinstance(found, list) else []


def _referrers(view: View) -> dict[int, list[int]]:
    """Who refers to an object, of all that the trailer leads to; TRAILER is the trailer itself."""
    above: dict[int, list[int]] = defaultdict(list)
    stack = list({r.num for r in _first(view)})
    for number in stack:
        above[number].append(TRAILER)
    seen = set(stack)
    while stack:
        number = stack.pop()
        for ref in view.references(number):
            above[ref.num].append(number)
            if ref.num not in seen:
                seen.add(ref.num)
                stack.append(ref.num)
    return above


def _leading_to(above: dict[int, list[int]], touched: set[int]) -> set[int]:
    """The objects through which a touched one can be reached, these included."""
    dirty = touched & above.keys()
    stack = list(dirty)
    while stack:
        for number in above.get(stack.pop(), ()):
            if number not in dirty and number != TRAILER:
                dirty.add(number)
                stack.append(number)
    return dirty


def _first(view: View) -> Iterable[Ref]:
    stack: list[Any] = [view.trailer]
    while stack:
        one = stack.pop()
        if isinstance(one, Ref):
            yield one
        elif isinstance(one, dict):
            stack.extend(one.values())
        elif isinstance(one, list):
            stack.extend(one)
