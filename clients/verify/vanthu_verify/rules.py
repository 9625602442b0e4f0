"""Which differences between two views are which kind of change: trailer, catalogue, pages, annotations, structure.

The lists here are the whole of what may differ. Where ISO 32000-2 (12.8.2.2) leaves room, the narrower reading is
taken: what a reader is shown may only change where somebody signs or fills a field.
"""

from __future__ import annotations

from typing import Any

from vanthu_verify.changes import Change, Comparison, Kind, annotations_of
from vanthu_verify.document import View
from vanthu_verify.form_rules import compare_form, widgets_of
from vanthu_verify.objects import Damaged, Ref, Stream

# AdditionalStreams and DocChecksum are what office suites put there for themselves; no reader shows them.
_OF_THE_FILE = frozenset(
    {
        "AdditionalStreams",
        "DocChecksum",
        "Size",
        "Prev",
        "XRefStm",
        "ID",
        "Type",
        "W",
        "Index",
        "Length",
        "Filter",
        "DecodeParms",
        "DL",
        "Root",
        "Info",
    }
)
# Sticky notes and pop-ups are drawn by the reader beside the page; everything else can be made to cover text.
_HARMLESS = frozenset({"Text", "Popup"})


def compare(old: View, new: View) -> tuple[Change, ...]:
    """What became different from `old` to `new`, none twice; empty when a reader is shown the same."""
    try:
        comparison = Comparison(old, new)
        _trailer(comparison)
        _catalogue(comparison)
    except Damaged:
        return (Change(Kind.FORBIDDEN, "unreadable", "/"),)
    return tuple(dict.fromkeys(comparison.changes))


def _trailer(c: Comparison) -> None:
    old, new = c.old.trailer, c.new.trailer
    for key in new.keys() - _OF_THE_FILE | old.keys() & {"Encrypt"}:
        c.unchanged(old.get(key), new.get(key), f"/{key}")
    a, b = c.old.resolve(old.get("Info")), c.new.resolve(new.get("Info"))
    if not isinstance(b, dict):
        if isinstance(b, Stream):
            c.add(Kind.FORBIDDEN, "content", "/Info")
        return
    if a != b:
        c.add(Kind.VALIDATION_DATA, "metadata", "/Info")


def _catalogue(c: Comparison) -> None:
    old, new = c.old.catalogue, c.new.catalogue
    for key in sorted(old.keys() | new.keys()):
        a, b = old.get(key), new.get(key)
        rule = _RULES.get(key)
        if rule is not None:
            rule(c, a, b)
        else:
            c.unchanged(a, b, f"/Root/{key}")


def _nothing(_c: Comparison, _old: Any, _new: Any) -> None:
    """Handled elsewhere, or shown to nobody."""


def _version(c: Comparison, old: Any, new: Any) -> None:
    a, b = c.old.resolve(old), c.new.resolve(new)
    if a != b and not (isinstance(b, str) and len(b) < 8):
        c.add(Kind.FORBIDDEN, "content", "/Root/Version")


def _validation_data(c: Comparison, old: Any, new: Any) -> None:
    """EN 319 142-1, 5.4.2: a DSS dictionary is for validators only."""
    a, b = c.old.resolve(old), c.new.resolve(new)
    if b is None and a is None:
        return
    if not isinstance(b, dict):
        c.add(Kind.FORBIDDEN, "validation_data_removed", "/Root/DSS")
    elif c.difference(old, new) is not None:
        c.add(Kind.VALIDATION_DATA, "validation_data", "/Root/DSS")


def _extensions(c: Comparison, old: Any, new: Any) -> None:
    if c.difference(old, new) is not None:
        b = c.new.resolve(new)
        harmless = isinstance(b, dict) and all(_plain(c.new, value) for value in b.values())
        c.add(Kind.VALIDATION_DATA if harmless else Kind.FORBIDDEN, "extensions", "/Root/Extensions")


def _plain(view: View, value: Any, depth: int = 0) -> bool:
    """Whether a value is made of names, numbers and texts only."""
    value = view.resolve(value)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return not isinstance(value, Stream) and depth < 4 and all(_plain(view, one, depth + 1) for one in inner)


def _metadata(c: Comparison, old: Any, new: Any) -> None:
    if c.difference(old, new) is not None:
        harmless = isinstance(c.new.resolve(new), Stream | None)
        c.add(Kind.VALIDATION_DATA if harmless else Kind.FORBIDDEN, "metadata", "/Root/Metadata")


def _permissions(c: Comparison, old: Any, new: Any) -> None:
    """A certification may be entered where none was; one that stands stays."""
    a, b = c.old.resolve(old), c.new.resolve(new)
    a, b = a if isinstance(a, dict) else {}, b if isinstance(b, dict) else {}
    for key in a.keys() | b.keys():
        if key == "DocMDP" and key not in a:
            c.add(Kind.FORM_FILLING, "certification", "/Root/Perms/DocMDP")
        else:
            c.unchanged(a.get(key), b.get(key), f"/Root/Perms/{key}")


def _pages(c: Comparison, _old: Any, _new: Any) -> None:
    a, b = c.pages
    for what, x, y in (("nodes", a.nodes, b.nodes), ("leaves", a.leaves, b.leaves)):
        if len(x) != len(y) or any(p[0] != q[0] for p, q in zip(x, y, strict=True)):
            c.add(Kind.FORBIDDEN, "pages", f"/Root/Pages ({what})")
            return
    if a.again != b.again:
        c.add(Kind.FORBIDDEN, "pages", "/Root/Pages (a page once more)")
        return
    for (_, old), (_, new) in zip(a.nodes, b.nodes, strict=True):
        for key in (old.keys() | new.keys()) - {"Kids", "Count", "ITXT"}:
            c.unchanged(old.get(key), new.get(key), f"/Root/Pages/{key}")
    fields = widgets_of(c.forms[1])
    for number, ((_, old), (_, new)) in enumerate(zip(a.leaves, b.leaves, strict=True), start=1):
        _page(c, old, new, f"/Page[{number}]", fields)


def _page(c: Comparison, old: dict[str, Any], new: dict[str, Any], where: str, fields: dict[int, str]) -> None:
    for key in (old.keys() | new.keys()) - {"Annots", "LastModified", "Metadata", "PieceInfo"}:
        if key in ("Tabs", "StructParents") and key not in old:
            continue
        c.unchanged(old.get(key), new.get(key), f"{where}/{key}")
    before, after = annotations_of(c.old, old), annotations_of(c.new, new)
    if before is after:
        return
    rest = list(after)
    for item in before:
        known = next((i for i, one in enumerate(rest) if _same_item(item, one)), None)
        if known is not None:
            # What stands between is new, and lies above what came before it.
            _added(c, rest[:known], where, fields)
            rest = rest[known + 1 :]
            _standing(c, item, where)
        elif c.old.resolve(item) is not None:
            c.add(Kind.FORBIDDEN, "annotation_removed", f"{where}/Annots")
    _added(c, rest, where, fields)


def _same_item(a: Any, b: Any) -> bool:
    return a == b if isinstance(a, Ref) or isinstance(b, Ref) else a is b or (isinstance(a, dict) and a == b)


def _standing(c: Comparison, item: Any, where: str) -> None:
    """An annotation that was there: a field's widget is compared with its field, another one stays as it was."""
    if isinstance(item, Ref) and (item.num in c.forms[0].nodes or item.num not in c.dirty):
        return
    a, b = c.old.resolve(item), c.new.resolve(item)
    if not isinstance(a, dict) or not isinstance(b, dict):
        c.unchanged(a, b, f"{where}/Annots", "annotation_changed")
        return
    for key in (a.keys() | b.keys()) - {"P", "Parent"}:
        c.unchanged(a.get(key), b.get(key), f"{where}/Annots/{key}", "annotation_changed")


def _added(c: Comparison, items: list[Any], where: str, fields: dict[int, str]) -> None:
    for item in items:
        if isinstance(item, Ref) and item.num in fields:
            continue
        entries = c.new.resolve(item)
        if entries is None:
            continue
        kind = str(c.new.resolve(entries.get("Subtype"))) if isinstance(entries, dict) else ""
        harmless = kind in _HARMLESS and "AP" not in entries and "A" not in entries and "AA" not in entries
        c.add(
            Kind.ANNOTATION if harmless else Kind.FORBIDDEN,
            "annotation_added",
            f"{where}/Annots ({kind[:32] or 'unknown'})",
            appears=True,
        )


def _structure(c: Comparison, old: Any, new: Any) -> None:
    """The structure tree may grow, for a new field has its place there; nothing in it may be replaced."""
    stack, seen, grown = [(old, new)], set[int](), False
    while stack:
        x, y = stack.pop()
        if isinstance(x, Ref):
            if x.num in seen or (x == y and x.num not in c.dirty):
                continue
            seen.add(x.num)
        a, b = c.old.resolve(x), c.new.resolve(y)
        if a is None and b is not None and x is old:
            grown = True
            continue
        if not isinstance(a, dict) or not isinstance(b, dict):
            if c.difference(x, y) is not None:
                c.add(Kind.FORBIDDEN, "structure_changed", "/Root/StructTreeRoot")
            continue
        for key in (a.keys() | b.keys()) - {"P", "ParentTree", "ParentTreeNextKey", "IDTree", "K", "RoleMap"}:
            c.unchanged(a.get(key), b.get(key), f"/Root/StructTreeRoot/{key}", "structure_changed")
        pairs = _grown(c, a.get("K"), b.get("K"))
        if pairs is None:
            c.add(Kind.FORBIDDEN, "structure_changed", "/Root/StructTreeRoot/K")
            continue
        grown = grown or c.difference(a.get("K"), b.get("K")) is not None
        stack.extend(pairs)
    if grown:
        c.add(Kind.FORM_FILLING, "structure", "/Root/StructTreeRoot")


def _grown(c: Comparison, old: Any, new: Any) -> list[tuple[Any, Any]] | None:
    """The children that were there, beside what they are now; None when one is gone."""
    a = c.old.resolve(old) if not (isinstance(old, Ref) and isinstance(c.old.resolve(old), dict)) else [old]
    b = c.new.resolve(new) if not (isinstance(new, Ref) and isinstance(c.new.resolve(new), dict)) else [new]
    a, b = a if isinstance(a, list) else [a], b if isinstance(b, list) else [b]
    pairs, rest = [], iter(b)
    for item in a:
        if item is None:
            continue
        partner = next((one for one in rest if _same_item(item, one) or one == item), None)
        if partner is None:
            return None
        if isinstance(item, Ref | dict):
            pairs.append((item, partner))
    return pairs


_RULES = {
    "Type": _nothing,
    "AcroForm": compare_form,
    "DSS": _validation_data,
    "Extensions": _extensions,
    "Metadata": _metadata,
    "Perms": _permissions,
    "Pages": _pages,
    "StructTreeRoot": _structure,
    "Version": _version,
}
