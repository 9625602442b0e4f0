"""Form fields, pages and change permissions of a document, read and changed within one update (ISO 32000-2, 12.7, 12.8)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from services.signing.pdf_objects import Malformed, Name, Ref, string, text
from services.signing.pdf_update import Update
from services.signing.refusals import PDF_FIELD_LOCKED, PDF_FIELD_MISSING, PDF_NO_CHANGES_ALLOWED, PLACE_OUTSIDE_PAGE
from shared.errors import PDF_DAMAGED, Rejected

MAX_FIELDS = 100_000
MAX_DEPTH = 50
NO_CHANGES, FILL_FORMS, ANNOTATE = 1, 2, 3
SIGNATURES_EXIST, APPEND_ONLY = 1, 2
_PRINT, _LOCKED = 4, 128
_INHERITED = ("/MediaBox", "/CropBox", "/Rotate")


@dataclass(frozen=True, slots=True)
class Field:
    """A field with a name of its own. `kind` is /FT with what it inherits, `filled` says that it has a value."""

    name: str
    ref: Ref
    about: dict[str, Any]
    kind: str
    value: Any

    @property
    def filled(self) -> bool:
        return self.value is not None


def fields(update: Update) -> Iterator[Field]:
    """The terminal fields in the order of the form; Malformed for a form that runs in circles."""
    seen: set[Ref] = set()
    form = update.follow(update.catalog().get("/AcroForm"))
    todo = [(ref, "", "", 0) for ref in reversed(update.follow(form.get("/Fields")) or ())] if form else []
    while todo:
        ref, above, kind, depth = todo.pop()
        if type(ref) is not Ref:
            raise Malformed("a field that is no object of its own")
        if ref in seen or len(seen) > MAX_FIELDS or depth > MAX_DEPTH:
            raise Malformed("form fields in a circle")
        seen.add(ref)
        about = update.get(ref)
        if type(about) is not dict:
            continue
        partial = update.follow(about.get("/T"))
        name = above
        if type(partial) is bytes:
            name = f"{above}.{text(partial)}" if above else text(partial)
        kind = update.follow(about.get("/FT")) or kind
        kids = [kid for kid in update.follow(about.get("/Kids")) or () if _named(update, kid)]
        if kids:
            todo += [(kid, name, kind, depth + 1) for kid in reversed(kids)]
        else:
            yield Field(name, ref, about, str(kind), update.follow(about.get("/V")))


def _named(update: Update, kid: Any) -> bool:
    """Whether a kid is a field, not just a widget of its parent."""
    about = update.follow(kid)
    return type(about) is dict and "/T" in about


@dataclass(frozen=True, slots=True)
class Standing:
    """The form before something is done to it, by name, and what its signatures permit.

    `certified`: one of them says what may change. A name that two fields have stands for the first.
    """

    fields: dict[str, Field]
    signed: tuple[str, ...]
    certified: bool
    locks: tuple[Lock, ...]

    def open(self, name: str, kind: str) -> Field:
        """The empty field of this kind; Rejected when there is none, or when an earlier signature locks it."""
        if any(lock.covers(name) for lock in self.locks):
            raise Rejected(PDF_FIELD_LOCKED, field=name)
        field = self.fields.get(name)
        if field is None or field.kind != kind or field.filled:
            raise Rejected(PDF_FIELD_MISSING, field=name)
        return field


def standing(update: Update) -> Standing:
    """Rejected when a signature forbids every change."""
    found: dict[str, Field] = {}
    signed: list[str] = []
    certified = False
    locks: list[Lock] = []
    for field in fields(update):
        found.setdefault(field.name, field)
        if field.kind == "/Sig" and type(field.value) is dict:
            permission, locked = permissions(update, field)
            if permission == NO_CHANGES:
                raise Rejected(PDF_NO_CHANGES_ALLOWED)
            certified = certified or permission is not None
            _check_covered(update, field.value)
            signed.append(field.name)
            locks += locked
    return Standing(found, tuple(signed), certified, tuple(locks))


def _check_covered(update: Update, signature: dict[str, Any]) -> None:
    """What an earlier signature covers is all there; appending would slip new bytes into one that reaches too far."""
    numbers = [update.follow(each) for each in update.follow(signature.get("/ByteRange")) or ()]
    if not all(type(each) is int for each in numbers) or any(
        start + length > len(update.file.document) for start, length in zip(numbers[::2], numbers[1::2], strict=False)
    ):
        raise Rejected(PDF_DAMAGED)


@dataclass(frozen=True, slots=True)
class Lock:
    """FieldMDP (12.8.2.4): which fields must not change any more. `action` is All, Include or Exclude."""

    action: str
    names: tuple[str, ...]

    def covers(self, name: str) -> bool:
        listed = any(name == each or name.startswith(f"{each}.") for each in self.names)
        return (
            self.action == "/All"
            or (self.action == "/Include" and listed)
            or (self.action == "/Exclude" and not listed)
        )


def permissions(update: Update, field: Field) -> tuple[int | None, list[Lock]]:
    """The change permission that a signature or its field's lock states (12.8.2.2, 12.7.5.5), and the fields it locks."""
    permission, locks = None, []
    for each in update.follow(field.value.get("/Reference")) or ():
        entry = update.follow(each)
        parameters = update.follow(entry.get("/TransformParams")) or {}
        method = update.follow(entry.get("/TransformMethod"))
        if method == "/DocMDP":
            permission = _level(update.follow(parameters.get("/P", FILL_FORMS)))
        elif method == "/FieldMDP":
            locks.append(lock_of(update, parameters))
    lock = update.follow(field.about.get("/Lock"))
    if permission is None and type(lock) is dict and "/P" in lock:
        permission = _level(update.follow(lock["/P"]))
    return permission, locks


def _level(value: Any) -> int:
    if value not in (NO_CHANGES, FILL_FORMS, ANNOTATE):
        raise Malformed("change permission")
    return int(value)


def lock_of(update: Update, about: dict[str, Any]) -> Lock:
    """A lock dictionary or transform parameters as a Lock."""
    action = update.follow(about.get("/Action"))
    names = [update.follow(each) for each in update.follow(about.get("/Fields")) or ()]
    if action not in ("/All", "/Include", "/Exclude") or not all(type(each) is bytes for each in names):
        raise Malformed("lock of fields")
    return Lock(str(action), tuple(text(each) for each in names))


def form(update: Update) -> tuple[dict[str, Any], Ref | None]:
    """The interactive form's dictionary, and its reference when it is an object of its own."""
    where = update.catalog().get("/AcroForm")
    about = update.follow(where)
    return (dict(about) if type(about) is dict else {}), (where if type(where) is Ref else None)


def set_form(update: Update, about: dict[str, Any], ref: Ref | None) -> None:
    """Put the form's changed dictionary back where it was, or into the catalog."""
    if ref is not None:
        update.set(ref, about)
    else:
        update.set(update.root, {**update.catalog(), "/AcroForm": about})


def flag_signatures(update: Update, flags: int) -> None:
    """/SigFlags with at least these bits (12.7.3)."""
    about, ref = form(update)
    now = update.follow(about.get("/SigFlags"))
    now = now if type(now) is int else 0
    if now | flags != now:
        set_form(update, {**about, "/SigFlags": now | flags}, ref)


def add_fields(update: Update, made: Sequence[tuple[Ref, Ref]]) -> None:
    """Fields that are their own only widget, each as (field, page), into the form and onto their pages."""
    about, ref = form(update)
    where = about.get("/Fields")
    names = [*(update.follow(where) or ()), *(field for field, _ in made)]
    if type(where) is Ref:
        update.set(where, names)
    else:
        set_form(update, {**about, "/Fields": names}, ref)
    for field, page in made:
        on = update.get(page)
        annots = on.get("/Annots")
        shown = [*(update.follow(annots) or ()), field]
        if type(annots) is Ref:
            update.set(annots, shown)
        else:
            update.set(page, {**on, "/Annots": shown})


def new_signature_field(
    update: Update, name: str, page: Ref, rectangle: Sequence[float], *, label: str = "", rotation: int = 0
) -> tuple[Ref, dict[str, Any]]:
    """An empty signature field that is its own widget. Without an appearance: replacing one alarms EU DSS."""
    about: dict[str, Any] = {
        "/Type": Name("/Annot"),
        "/Subtype": Name("/Widget"),
        "/FT": Name("/Sig"),
        "/T": string(name),
        "/F": _PRINT | _LOCKED,
        "/Rect": [round(float(v), 3) for v in rectangle],
        "/P": page,
    }
    if label:
        about["/TU"] = string(label)
    if rotation:
        about["/MK"] = {"/R": rotation}
    ref = update.add(about)
    return ref, about


def page(update: Update, number: int, field: str) -> tuple[Ref, dict[str, Any]]:
    """Reference and dictionary of page 1, 2, …, with what it inherits; Rejected(place_outside_page) without such a page.

    Leaves are counted one by one, as viewers do: /Count may be wrong.
    """
    left = number
    for ref, about in _leaves(update):
        left -= 1
        if not left:
            return ref, about
    raise Rejected(PLACE_OUTSIDE_PAGE, field=field, page=number)


def _leaves(update: Update) -> Iterator[tuple[Ref, dict[str, Any]]]:
    todo: list[tuple[Any, dict[str, Any], int]] = [(update.catalog().get("/Pages"), {}, 0)]
    seen: set[Ref] = set()
    while todo:
        node, inherited, depth = todo.pop()
        about = update.follow(node)
        if type(about) is not dict:
            continue  # a kid that is not there is no page
        if type(node) is not Ref or node in seen or depth > MAX_DEPTH:
            raise Malformed("page tree")
        seen.add(node)
        if "/Kids" in about:
            inherited = inherited | {key: about[key] for key in _INHERITED if key in about}
            todo += [(kid, inherited, depth + 1) for kid in reversed(update.follow(about["/Kids"]) or ())]
        else:
            yield node, inherited | about
