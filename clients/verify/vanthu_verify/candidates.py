"""Every signature of a file: from the form of the newest view, and from earlier ones where a later revision hid it."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import Any

from vanthu_verify.coverage import CONTIGUOUS, UNCLEAR, Covered, covered
from vanthu_verify.document import Document, View
from vanthu_verify.fields import Field, read_form, text
from vanthu_verify.objects import Damaged, Ref, only_blank

STAMP_FILTER = "ETSI.RFC3161"
CMS_FILTERS = frozenset({"ETSI.CAdES.detached", "adbe.pkcs7.detached", "adbe.pkcs7.sha1", STAMP_FILTER})
RAW_FILTER = "adbe.x509.rsa_sha1"
_ENDS = re.compile(rb"%%EOF[\0\t\n\f\r ]{0,2}")
MAX_REVISIONS = 128


@dataclass(slots=True, eq=False)
class Candidate:
    """A filled signature field. `stamp` says that it is a document time stamp; `hidden` that only an earlier view has it."""

    name: str
    value: dict[str, Any]
    sub_filter: str | None
    stamp: bool
    covered: Covered
    field: Field
    also: list[str] = dataclasses.field(default_factory=list)
    hidden: bool = False
    certification: int | None = None
    permission: int | None = None
    locked: tuple[tuple[str, frozenset[str]], ...] = ()
    why: str | None = None

    @property
    def end(self) -> int:
        return self.covered.end

    @property
    def whole(self) -> bool:
        return self.covered.shape not in (CONTIGUOUS, UNCLEAR)


def collect(document: Document) -> tuple[list[Candidate], list[str]]:
    """The signatures in the order of their revisions, and the names of signature fields that are empty."""
    view = document.current
    found, empty = _of_view(document, view)
    if len({id(one.value) for one in found}) < document.data.count(b"/ByteRange"):
        found += _hidden(document, found)
    if view.table.repaired or read_form(view).broken:
        found += _lost(document, view, found)
    for one in found:
        _permissions(document, one)
    return sorted(found, key=lambda one: (one.end, one.name)), empty


def _of_view(document: Document, view: View) -> tuple[list[Candidate], list[str]]:
    found: dict[object, Candidate] = {}
    empty = []
    for one in read_form(view).fields:
        if one.kind != "Sig":
            continue
        value = view.resolve(one.value)
        if not isinstance(value, dict):
            if one.value is not None and value is not None:
                found[id(one)] = _unreadable(one)
            else:
                empty.append(one.name)
            continue
        key = one.value.num if isinstance(one.value, Ref) else id(value)
        if key in found:
            found[key].also.append(one.name)
            continue
        found[key] = _candidate(document, view, one, value)
    return list(found.values()), empty


def _unreadable(one: Field) -> Candidate:
    return Candidate(one.name, {}, None, stamp=False, covered=Covered(UNCLEAR, (), 0, "no_dictionary"), field=one)


def _candidate(document: Document, view: View, one: Field, value: dict[str, Any]) -> Candidate:
    holder = one.value if isinstance(one.value, Ref) else one.ref
    place = view.place(holder.num) if holder is not None else None
    sub_filter = view.resolve(value.get("SubFilter"))
    kind = view.resolve(value.get("Type"))
    cover = covered(document, value, place)
    candidate = Candidate(
        one.name,
        value,
        str(sub_filter) if isinstance(sub_filter, str) else None,
        # Some writers leave the type out, or call a time stamp a signature (EN 319 142-1, 5.4.3 asks for DocTimeStamp).
        stamp=sub_filter == STAMP_FILTER or (kind == "DocTimeStamp" and sub_filter is None),
        covered=cover,
        field=one,
    )
    if candidate.whole:
        candidate.why = _not_in_its_revision(document, candidate, holder, place)
    return candidate


def _not_in_its_revision(
    document: Document, candidate: Candidate, holder: Ref | None, place: tuple[int, int] | None
) -> str | None:
    """The signed revision must hold this very dictionary, in a field of the same name."""
    if only_blank(document.data, candidate.end, len(document.data)):
        return None
    try:
        then = document.view(candidate.end)
        form = read_form(then)
    except Damaged:
        return "signed_revision_unreadable"
    if holder is None or then.place(holder.num) != place:
        return "not_in_signed_revision"
    names = {one.name for one in form.fields if one.kind == "Sig" and then.resolve(one.value) is not None}
    return None if candidate.name in names else "not_in_signed_revision"


def _hidden(document: Document, known: list[Candidate]) -> list[Candidate]:
    """Signatures that only earlier revisions show: their field was taken away, or the form replaced."""
    found: dict[tuple[tuple[int, int], ...], Candidate] = {}
    visible = {one.covered.parts for one in known}
    ends = [match.end() for match in _ENDS.finditer(document.data)]
    for end in ends[:-1][-MAX_REVISIONS:]:
        try:
            view = document.view(end)
            there, _ = _of_view(document, view)
        except Damaged:
            continue
        if view.table.repaired:
            continue
        for one in there:
            if one.covered.parts and one.covered.parts not in visible and one.end <= end:
                one.hidden = True
                found.setdefault(one.covered.parts, one)
    return list(found.values())


def _lost(document: Document, view: View, known: list[Candidate]) -> list[Candidate]:
    """Signatures of a damaged file to which no field leads any more: one changed byte in a field's header must not do
    away with the time stamp that covers it.
    """
    visible = {one.covered.parts for one in known}
    found = []
    for number in sorted(view.table.entries):
        value = view.resolve(Ref(number, view.generation(number) or 0))
        if not isinstance(value, dict) or not ("ByteRange" in value and "Contents" in value):
            continue
        ref = Ref(number, 0)
        one = _candidate(document, view, Field(f"({number})", ref, {}, "Sig", ref, []), value)
        if one.covered.parts not in visible:
            one.hidden = True
            found.append(one)
    return found


def _permissions(document: Document, one: Candidate) -> None:
    """DocMDP and FieldMDP from the signature's references (ISO 32000-2, 12.8.2), and the field's lock (12.7.5.5)."""
    view = document.current
    locked: list[tuple[str, frozenset[str]]] = []
    references = view.resolve(one.value.get("Reference"))
    for item in references if isinstance(references, list) else []:
        reference = view.resolve(item)
        if not isinstance(reference, dict):
            continue
        method = view.resolve(reference.get("TransformMethod"))
        parameters = view.resolve(reference.get("TransformParams"))
        parameters = parameters if isinstance(parameters, dict) else {}
        if method == "DocMDP":
            level = view.resolve(parameters.get("P", 2))
            one.certification = level if level in (1, 2, 3) else 2
        elif method == "FieldMDP":
            locked.append(_lock(view, parameters))
    lock = view.resolve(one.field.entries.get("Lock"))
    if isinstance(lock, dict):
        locked.append(_lock(view, lock))
        level = view.resolve(lock.get("P"))
        one.permission = level if level in (1, 2, 3) else None
    one.locked = tuple(locked)


def _lock(view: View, parameters: dict[str, Any]) -> tuple[str, frozenset[str]]:
    names = view.resolve(parameters.get("Fields"))
    values = [view.resolve(name) for name in names] if isinstance(names, list) else []
    return str(view.resolve(parameters.get("Action"))), frozenset(text(v) for v in values if isinstance(v, bytes))


def is_locked(one: Candidate, name: str) -> bool:
    """Whether FieldMDP or the lock freezes a field of this name, or a field above it."""
    for action, names in one.locked:
        named = any(name == lock or name.startswith(f"{lock}.") for lock in names)
        if action == "All" or (action == "Include" and named) or (action == "Exclude" and not named):
            return True
    return False
