"""Which differences between two forms are signing, filling in, or something that is not permitted.

A field's appearance may change with its value only: an appearance that changes alone shows other words than those
that the form holds (the shadow attacks of 2021).
"""

from __future__ import annotations

from typing import Any

from vanthu_verify.changes import Comparison, Kind
from vanthu_verify.fields import Field, Form
from vanthu_verify.objects import Ref

_READ_ONLY = 1
_STRUCTURAL = frozenset(
    {"Parent", "P", "Kids", "V", "AP", "AS", "MK", "M", "I", "RV", "TI", "DA", "F", "Ff", "StructParent"}
)
_WITH_VALUE = frozenset({"AP", "AS", "I", "RV", "TI", "DA", "MK", "F"})
_HIDDEN, _PRINT, _NO_VIEW, _TOGGLED = 1 << 1, 1 << 2, 1 << 5, 1 << 8


def widgets_of(form: Form) -> dict[int, str]:
    """Whose widget an object is: the field's name by object number."""
    return {ref.num: one.name for one in form.fields for ref, _ in one.widgets if ref is not None}


def compare_form(c: Comparison, old: Any, new: Any) -> None:
    a, b = c.old.resolve(old), c.new.resolve(new)
    a, b = a if isinstance(a, dict) else {}, b if isinstance(b, dict) else {}
    for key in sorted((a.keys() | b.keys()) - {"Fields", "SigFlags", "DR", "DA", "NeedAppearances"}):
        c.unchanged(a.get(key), b.get(key), f"/AcroForm/{key}")
    _resources(c, a.get("DR"), b.get("DR"))
    if a and "DA" in a:
        c.unchanged(a.get("DA"), b.get("DA"), "/AcroForm/DA")
    if c.new.resolve(b.get("NeedAppearances")) is True and c.old.resolve(a.get("NeedAppearances")) is not True and a:
        c.add(Kind.FORBIDDEN, "appearances_made_anew", "/AcroForm/NeedAppearances")
    _fields(c)


def _resources(c: Comparison, old: Any, new: Any) -> None:
    """Fonts and the like may be added under new names; what a name stands for stays."""
    a, b = c.old.resolve(old), c.new.resolve(new)
    if not isinstance(a, dict):
        return
    b = b if isinstance(b, dict) else {}
    for kind, names in a.items():
        if kind == "XObject":
            continue  # no default appearance names one; a picture that changes is met where it is shown
        x, y = c.old.resolve(names), c.new.resolve(b.get(kind))
        if isinstance(x, dict) and isinstance(y, dict):
            for name, value in x.items():
                c.unchanged(value, y.get(name), f"/AcroForm/DR/{kind}/{name}")
        else:
            c.unchanged(names, b.get(kind), f"/AcroForm/DR/{kind}")


def _fields(c: Comparison) -> None:
    before, after = c.forms
    if before.nodes.isdisjoint(c.dirty) and len(before.fields) == len(after.fields) and after.nodes == before.nodes:
        return
    new = {_key(one): one for one in reversed(after.fields)}
    known = set()
    for one in before.fields:
        partner = new.get(_key(one))
        known.add(_key(one))
        if partner is None:
            c.add(Kind.FORBIDDEN, "field_removed", f"/AcroForm/{one.name}", field=one.name)
        elif partner.name != one.name or partner.kind != one.kind:
            c.add(Kind.FORBIDDEN, "field_changed", f"/AcroForm/{one.name}", field=one.name)
        else:
            _field(c, one, partner)
    _groups(c, {key for one in before.fields for key in one.parents})
    names = {one.name for one in before.fields}
    for key, one in new.items():
        if key not in known:
            _new_field(c, one, twice=one.name in names and bool(one.name))


def _key(one: Field) -> tuple[int, str]:
    return (one.ref.num, "") if one.ref is not None else (-1, one.name)


def _groups(c: Comparison, refs: set[Ref]) -> None:
    """Fields above fields: only their list of children may grow."""
    for ref in refs:
        a, b = c.old.resolve(ref), c.new.resolve(ref)
        if isinstance(a, dict) and isinstance(b, dict):
            for key in (a.keys() | b.keys()) - {"Kids", "Parent", "V"}:
                c.unchanged(a.get(key), b.get(key), f"/AcroForm/group/{key}")


def _field(c: Comparison, old: Field, new: Field) -> None:
    where = f"/AcroForm/{old.name}"
    filled = c.difference(old.value, new.value) is not None
    if old.kind == "Sig":
        if filled:
            # A field that had no place on a page may get one only as a new field may.
            _signed(c, old, new, where, appears=not old.widgets and _shown(c, new))
    elif filled:
        c.add(Kind.FORM_FILLING, "form_filled", f"{where}/V", field=old.name)
    _entries(c, old.entries, new.entries, where, old.name, filled=filled)
    if len(old.widgets) != len(new.widgets) or any(
        a[0] != b[0] for a, b in zip(old.widgets, new.widgets, strict=False)
    ):
        if old.widgets or not filled or (old.kind != "Sig" and _shown(c, new)):
            c.add(Kind.FORBIDDEN, "field_changed", f"{where}/Kids", field=old.name)
        return
    for (_, a), (_, b) in zip(old.widgets, new.widgets, strict=True):
        if a is not old.entries:
            _entries(c, a, b, where, old.name, filled=filled)


def _signed(c: Comparison, old: Field, new: Field, where: str, *, appears: bool) -> None:
    value = c.new.resolve(new.value)
    if c.old.resolve(old.value) is not None or not isinstance(value, dict):
        c.add(Kind.FORBIDDEN, "signature_changed", f"{where}/V", field=old.name)
        return
    stamp = c.new.resolve(value.get("SubFilter")) == "ETSI.RFC3161"
    kind = Kind.VALIDATION_DATA if stamp and not appears else Kind.FORM_FILLING
    c.add(kind, "document_time_stamp" if stamp else "signature", f"{where}/V", field=old.name, appears=appears)


def _entries(c: Comparison, a: dict[str, Any], b: dict[str, Any], where: str, name: str, *, filled: bool) -> None:
    for key in (a.keys() | b.keys()) - _STRUCTURAL:
        if key == "Lock" and filled and key not in a:
            continue
        c.unchanged(a.get(key), b.get(key), f"{where}/{key}", "field_changed")
    flags = [v if isinstance(v, int) else 0 for v in (c.old.resolve(a.get("Ff")), c.new.resolve(b.get("Ff")))]
    if flags[0] | _READ_ONLY != flags[1] | _READ_ONLY:
        c.add(Kind.FORBIDDEN, "field_changed", f"{where}/Ff", field=name)
    for key in (a.keys() | b.keys()) & _WITH_VALUE:
        if not filled and c.difference(a.get(key), b.get(key)) is not None:
            c.add(Kind.FORBIDDEN, "appearance_changed", f"{where}/{key}", field=name)
    if filled and _used_elsewhere(c, a.get("AP")):
        c.add(Kind.FORBIDDEN, "appearance_used_elsewhere", f"{where}/AP", field=name)


def _used_elsewhere(c: Comparison, appearance: Any) -> bool:
    """Whether an appearance that gives way is also something else than the appearance of fields."""
    inner = c.old.resolve(appearance)
    refs = [r for r in (appearance, *(inner.values() if isinstance(inner, dict) else ())) if isinstance(r, Ref)]
    dictionaries = {r.num for r in refs[:1] if r is appearance}
    fields = c.forms[0].nodes | dictionaries
    return any(by not in fields and not _is_appearance(c, by) for r in refs for by in c.above.get(r.num, ()))


def _is_appearance(c: Comparison, number: int) -> bool:
    """Whether an object is an appearance dictionary or a dictionary of resources for fields."""
    entries = c.old.get(Ref(number, 0)) if number >= 0 else None
    return isinstance(entries, dict) and "Type" not in entries and ("N" in entries or "Font" in entries)


def _new_field(c: Comparison, one: Field, *, twice: bool) -> None:
    where = f"/AcroForm/{one.name}"
    if one.kind != "Sig" or twice:
        c.add(Kind.FORBIDDEN, "field_added", where, field=one.name)
        return
    value = c.new.resolve(one.value)
    appears = _shown(c, one)
    if not isinstance(value, dict):
        drawn = appears and any("AP" in entries for _, entries in one.widgets)
        kind = Kind.FORBIDDEN if drawn else Kind.FORM_FILLING
        c.add(kind, "signature_field_added", where, field=one.name, appears=appears)
        return
    stamp = c.new.resolve(value.get("SubFilter")) == "ETSI.RFC3161"
    kind = Kind.VALIDATION_DATA if stamp and not appears else Kind.FORM_FILLING
    c.add(kind, "document_time_stamp" if stamp else "signature", where, field=one.name, appears=appears)


def _shown(c: Comparison, one: Field) -> bool:
    return any(_visible(c, entries) for _, entries in one.widgets)


def _visible(c: Comparison, widget: dict[str, Any]) -> bool:
    """Whether the widget takes room on the page and is shown there, if only on paper (12.5.3)."""
    box = c.new.resolve(widget.get("Rect"))
    corners = [c.new.resolve(n) for n in box] if isinstance(box, list) else []
    if len(corners) != 4 or not all(isinstance(n, int | float) for n in corners):
        return False
    flags = c.new.resolve(widget.get("F"))
    flags = flags if isinstance(flags, int) else 0
    hidden = bool(flags & _HIDDEN) or (flags & _NO_VIEW and not flags & (_PRINT | _TOGGLED))
    return not hidden and corners[0] != corners[2] and corners[1] != corners[3]
