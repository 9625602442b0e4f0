"""Checking a ledger with nothing but an export and heads that others kept: who changed what, if anybody did.

1. Every head by itself (seals.py).
2. Every entry: its place, its sequence, whether it is the leaf that the log stored, and that others' older export has.
3. The tree over the entries against every head, from wherever it came.
4. The heads against one another: deleted, replaced, out of order, of another log, too old.
5. The entries' own times against the heads that enclose them.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from vanthu_verify.ledger import seals
from vanthu_verify.ledger.comparing import SHOWN, Differences, differences
from vanthu_verify.ledger.findings import Finding, Weight
from vanthu_verify.ledger.reading import Entry, Export, Head, head_in
from vanthu_verify.ledger.seals import TOLERANCE, Believed, Judged, printed
from vanthu_verify.ledger.tree import Hashes, Stored, Tree, leaf_of

STALE = timedelta(hours=2)  # a head is due every hour
LATE = timedelta(hours=24)  # what is stated reaches the log in seconds
MISSING = bytes(32)
UNKNOWN = -(2**63)
PLACES = 2**40  # positions; a key's sequence stands above


@dataclass(slots=True)
class Result:
    """`findings` in the order in which they were found; `newest` is the newest good head."""

    findings: list[Finding] = field(default_factory=list)
    entries: int = 0
    heads: int = 0
    kept: int = 0
    newest: Judged | None = None

    @property
    def weight(self) -> Weight | None:
        """The heaviest; None when there is nothing to say at all."""
        return next((w for w in Weight if any(f.weight is w for f in self.findings)), None)


@dataclass(slots=True)
class _Log:
    """The entries as they were read: of each some two hundred bytes, whatever it says, so that millions find room."""

    leaves: Hashes = field(default_factory=Hashes)
    times: array[int] = field(default_factory=lambda: array("q"))  # microseconds since 1970, UNKNOWN of the unreadable
    heads: list[Head] = field(default_factory=list)
    last: dict[bytes, int] = field(default_factory=dict)  # of each key: sequence and position
    ids: set[bytes] = field(default_factory=set)


def check(export: Export, kept: Sequence[Head], older: Sequence[Export], believed: Believed) -> Result:
    """`kept` are heads that others kept, `older` exports that they kept."""
    result = Result(heads=len(export.heads), kept=len(kept))
    stored = Stored(export.nodes())
    log = _read(export, stored, result)
    result.entries = len(log.leaves)
    _compare(log, stored, older, result)  # 2
    judged = [each for each in (_judged(h, believed, result) for h in (*export.heads, *log.heads, *kept)) if each]  # 1
    good = sorted((j for j in judged if j.good), key=lambda j: (j.said.size, j.said.at))
    tree = Tree(log.leaves)
    _check_roots(tree, good, result)  # 3
    _check_deleted(judged, result)  # 4
    _check_order(export, judged, result)
    agreeing = [j for j in good if j.said.size <= tree.size and tree.root(j.said.size) == j.said.root]
    _check_times(log, agreeing, result)  # 5
    _sum_up(export, tree.size, agreeing, believed, result)
    return result


# --- entries


def _read(export: Export, stored: Stored, result: Result) -> _Log:
    log = _Log()
    for entry in export.entries():
        expected = len(log.leaves)
        if entry.position < expected:
            result.findings.append(Finding("entry_inserted", (entry.position,), values={"what": _what(entry)}))
            continue
        gap = tuple(range(expected, entry.position))
        if gap:
            result.findings.append(Finding("entry_removed", gap[:SHOWN]))
        for position in gap:  # what is stored of it lets the rest be checked all the same
            log.leaves.append(stored.get(0, position, MISSING))
            log.times.append(UNKNOWN)
        _take(log, entry, result)
    return log


def _take(log: _Log, entry: Entry, result: Result) -> None:
    log.leaves.append(leaf_of(entry.event))
    try:
        event: Any = json.loads(entry.event)
        source = str(event["source"])
        identity = _short(source, str(event["id"]))
        key = _short(source, entry.topic or "", str(event["subject"]))
        seq, at = int(event.get("sequence", 0)), _micro(datetime.fromisoformat(event["time"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        log.times.append(UNKNOWN)
        result.findings.append(Finding("entry_unreadable", (entry.position,)))
        return
    log.times.append(at)
    if head := head_in(event, entry.position):
        log.heads.append(head)
    if identity in log.ids:
        result.findings.append(Finding("entry_inserted", (entry.position,), values={"what": _what(entry)}))
        return
    log.ids.add(identity)
    if not seq or not entry.topic:
        return
    before, where = divmod(log.last.get(key, 0), PLACES)
    if before and seq > before + 1:
        result.findings.append(Finding("sequence_gap", (entry.position,), values={"what": _named(event)}))
    elif seq <= before:
        result.findings.append(
            Finding("entries_reordered", (where, entry.position), values={"what": f" ({_named(event)})"})
        )
    log.last[key] = max(seq, before) * PLACES + entry.position


def _short(*words: str) -> bytes:
    """Stands for the words; that two sets of words have the same is as unlikely as of a hash of 128 bits."""
    return hashlib.blake2b("\0".join(words).encode(errors="surrogatepass"), digest_size=16).digest()


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def _micro(at: datetime) -> int:
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - EPOCH) // MICROSECOND


def _moment(micro: int) -> datetime:
    return EPOCH + micro * MICROSECOND


def _named(event: dict[str, Any]) -> str:
    return f"{event.get('type')} {event.get('subject')}"[:200]


def _what(entry: Entry) -> str:
    try:
        event = json.loads(entry.event)
        return f" ({_named(event)}, {event.get('time')})"
    except (ValueError, AttributeError, RecursionError):
        return ""


def _compare(log: _Log, stored: Stored, older: Sequence[Export], result: Result) -> None:
    """With the leaves that the log keeps beside its entries, and with those of older exports: these name the entry."""
    named = set[int]()
    for before in (_row(stored), *(_leaves(export) for export in older)):
        if before:
            found = differences(before, log.leaves, grown=True)
            _tell(found, named, result)
    if not named and stored:
        pair = _first_joint(Tree(log.leaves), stored)
        if pair:
            result.findings.append(Finding("entry_changed_among", pair))


def _row(stored: Stored) -> Hashes:
    return Hashes(stored.get(0, n, MISSING) for n in range(stored.count(0)))


def _leaves(export: Export) -> Hashes:
    return Hashes(leaf_of(entry.event) for entry in export.entries())


def _tell(found: Differences, named: set[int], result: Result) -> None:
    told = {position for finding in result.findings for position in finding.positions}
    for code, positions in (
        ("entry_changed", found.changed),
        ("entry_removed", found.removed),
        ("entry_inserted", found.inserted),
        ("entries_reordered", found.moved),
    ):
        named.update(positions)
        fresh = tuple(p for p in positions if p not in told)
        if fresh:
            result.findings.append(Finding(code, fresh))


def _first_joint(tree: Tree, stored: Stored) -> tuple[int, ...]:
    """The entries beneath the lowest stored root that is not that of what stands beneath it."""
    for level, row in enumerate(tree.rows):
        for index, found in enumerate(row):
            if stored.get(level, index, found) != found:
                return tuple(range(index << level, (index + 1) << level))[:SHOWN]
    return ()


# --- heads


def _judged(head: Head, believed: Believed, result: Result) -> Judged | None:
    found = seals.judge(head, believed)
    if isinstance(found, Finding):
        result.findings.append(found)
        return None
    # Of a head that an entry or somebody else's copy repeats, the same is said once.
    result.findings += [f for f in found.findings if f not in result.findings]
    return found


def _check_roots(tree: Tree, good: Sequence[Judged], result: Result) -> None:
    """The first head that disagrees, of our own and of those that others kept; later ones disagree for the same reason."""
    for code, origins in (("rewritten", ("export", "entry")), ("kept_head_differs", ("kept",))):
        for each in (j for j in good if j.head.origin in origins):
            about = {"at": printed(each.at)}
            if each.said.size > tree.size:
                gone = tuple(range(tree.size, each.said.size))
                found = Finding("tail_removed", gone, each.said.size, about | {"what": str(tree.size)})
            elif tree.root(each.said.size) != each.said.root:
                found = Finding(code, _between(tree, good, each), each.said.size, about)
            else:
                continue
            if found not in result.findings:
                result.findings.append(found)
            break


def _between(tree: Tree, good: Sequence[Judged], differing: Judged) -> tuple[int, ...]:
    """The entries among which the change lies: after the last head before that still agrees."""
    size = differing.said.size
    agree = [j.said.size for j in good if j.said.size < size and tree.root(j.said.size) == j.said.root]
    return tuple(range(max(agree, default=0), size))


def _check_deleted(judged: Sequence[Judged], result: Result) -> None:
    """Heads that entries tell of or that others kept, and that the log does not show any more, or not as they were."""
    own = {j.head.text: j for j in judged if j.head.origin == "export"}
    newest = max(((j.said.at, j.said.size) for j in own.values()), default=None)
    for each in judged:
        if each.head.origin == "export" or not each.good:
            continue
        shown = own.get(each.head.text)
        found: Finding | None = None
        about = {"at": printed(each.said.at)}
        if shown is None:
            found = Finding("head_deleted", size=each.said.size, values=about)
        elif shown.signed is None:
            # Of the newest the entry may be here before docs has taken the seal in.
            if (each.said.at, each.said.size) != newest:
                found = Finding("head_deleted", size=each.said.size, values=about)
        elif not _continues(shown, each):
            found = Finding("head_replaced", size=each.said.size, values=about)
        if found and found not in result.findings:
            result.findings.append(found)


def _continues(shown: Judged, before: Judged) -> bool:
    """Whether it is the same signature, with the time stamps that it had; one that was owed may have been added."""
    if shown.signed is None or before.signed is None:
        return False
    same = shown.signed.signature == before.signed.signature
    return same and set(before.signed.stamps) <= set(shown.signed.stamps)


def _check_order(export: Export, judged: Sequence[Judged], result: Result) -> None:
    sealed = [j for j in judged if j.good]
    logs = {j.said.log_id for j in sealed if j.head.origin != "kept"} | ({export.log_id} if export.log_id else set())
    for each in sealed:
        about = {"at": printed(each.said.at)}
        if each.head.origin == "kept" and each.said.log_id not in logs:
            result.findings.append(Finding("other_log", size=each.said.size, values=about | {"what": each.said.log_id}))
    own = sorted((j for j in sealed if j.head.origin == "export"), key=lambda j: (j.said.at, j.said.size))
    for one, later in itertools.pairwise(own):
        if later.said.size < one.said.size:
            what = f"{one.said.size} < {later.said.size}, {printed(one.said.at)}"
            about = {"at": printed(later.said.at), "what": what}
            result.findings.append(Finding("heads_out_of_order", size=later.said.size, values=about))
    names = [seals.name_of(j.signer) for j in sealed if j.signer]
    if names:
        usual = max(set(names), key=lambda name: (names.count(name), name))
        for each in sealed:
            if each.signer and (name := seals.name_of(each.signer)) != usual:
                about = {"at": printed(each.said.at), "name": name, "what": usual}
                result.findings.append(Finding("head_signer_changed", size=each.said.size, values=about))


# --- times


def _check_times(log: _Log, agreeing: Sequence[Judged], result: Result) -> None:
    """An entry is no younger than the first head over it, and not much older than the last head before it."""
    ordered = sorted(agreeing, key=lambda j: (j.said.size, j.at))
    sizes = [j.said.size for j in ordered]
    future: list[int] = []
    late: list[int] = []
    for position, micro in enumerate(log.times):
        if micro == UNKNOWN:
            continue
        at = _moment(micro)
        place = bisect_right(sizes, position)
        if place < len(ordered) and at - max(ordered[place].at, ordered[place].said.at) > TOLERANCE:
            future.append(position)
        if place and (proven := ordered[place - 1].proven) and proven - at > LATE:
            late.append(position)
    for code, found in (("entry_from_future", future), ("entry_late", late)):
        if found:
            place = bisect_right(sizes, found[0])
            head = ordered[place] if code == "entry_from_future" else ordered[place - 1]
            values = {"what": printed(_moment(log.times[found[0]])), "at": printed(head.at)}
            result.findings.append(Finding(code, tuple(found[:SHOWN]), values=values))


def _sum_up(export: Export, size: int, agreeing: Iterable[Judged], believed: Believed, result: Result) -> None:
    newest = max(agreeing, key=lambda j: (j.said.size, j.said.at), default=None)
    result.newest = newest
    if not believed.roots:
        result.findings.append(Finding("no_trust"))
    if newest is None:
        result.findings.append(Finding("no_head"))
        return
    if export.exported_at and export.exported_at - newest.said.at > STALE:
        result.findings.append(Finding("heads_stale", size=newest.said.size, values={"at": printed(newest.said.at)}))
    if newest.said.size < size:
        result.findings.append(Finding("not_sealed_yet", tuple(range(newest.said.size, size))))
