"""Certificate paths: from a certificate to a trust anchor, and what RFC 5280 (clause 6) demands of each step.

Building and checking signatures is remembered per process by digest; what depends on time is decided anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from vanthu_verify import certificates
from vanthu_verify.algorithms import Unsupported, algorithm_of, verify
from vanthu_verify.certificates import BROKEN, Certificate

MAX_LENGTH = 10
MAX_TRIES = 400


@dataclass(frozen=True, slots=True)
class Anchors:
    """Whom we believe. Certificates by subject, for finding an issuer quickly."""

    by_name: dict[str, list[Certificate]]
    digests: frozenset[str]

    @staticmethod
    def of(roots: Iterable[bytes]) -> Anchors:
        return _anchors(tuple(roots))


@lru_cache(maxsize=32)
def _anchors(roots: tuple[bytes, ...]) -> Anchors:
    loaded = [one for one in map(certificates.load, roots) if one is not None]
    by_name: dict[str, list[Certificate]] = {}
    for one in loaded:
        by_name.setdefault(one.subject_name, []).append(one)
    return Anchors(by_name, frozenset(one.sha256 for one in loaded))


@dataclass(slots=True)
class Pool:
    """Certificates that came with the file: believed in nothing, used to build paths."""

    by_name: dict[str, list[Certificate]] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)

    def add(self, found: Iterable[Certificate]) -> None:
        for one in found:
            if one.sha256 not in self.known:
                self.known.add(one.sha256)
                self.by_name.setdefault(one.subject_name, []).append(one)

    def __iter__(self) -> Iterator[Certificate]:
        return (one for many in self.by_name.values() for one in many)


@lru_cache(maxsize=8192)
def _issued(subject: str, issuer: str) -> bool:
    """Whether the certificate with one digest was signed with the key of the other; see issued."""
    child, parent = _by_digest[subject], _by_digest[issuer]
    try:
        tbs = child.asn1["tbs_certificate"].dump()
        algorithm = algorithm_of(child.asn1["signature_algorithm"])
        value = child.asn1["signature_value"].native
        return verify(parent.key, algorithm, value, tbs, default_hash="sha256")
    except (Unsupported, *BROKEN):
        return False


_by_digest: dict[str, Certificate] = {}


def issued(child: Certificate, parent: Certificate) -> bool:
    if not child.named_by(parent) or parent.key is None:
        return False
    key = child.authority_key_identifier
    if key is not None and parent.key_identifier is not None and key != parent.key_identifier:
        return False
    if len(_by_digest) > 16384:
        _by_digest.clear()
        _issued.cache_clear()
    _by_digest[child.sha256], _by_digest[parent.sha256] = child, parent
    return _issued(child.sha256, parent.sha256)


def build(certificate: Certificate, anchors: Anchors, pool: Pool) -> list[tuple[Certificate, ...]]:
    """Every path from the certificate (first) to an anchor (last), shortest first, with signatures that verify."""
    found: list[tuple[Certificate, ...]] = []
    stack: list[tuple[Certificate, ...]] = [(certificate,)]
    tries = 0
    while stack and tries < MAX_TRIES and len(found) < 8:
        tries += 1
        path = stack.pop(0)
        last = path[-1]
        if last.sha256 in anchors.digests:
            found.append(path)
            continue
        if len(path) >= MAX_LENGTH:
            continue
        above = [*anchors.by_name.get(last.issuer_name, []), *pool.by_name.get(last.issuer_name, [])]
        met = {one.spki + one.subject for one in path}
        stack += [(*path, one) for one in above if one.spki + one.subject not in met and issued(last, one)]
    return found


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with a path: a sub-indication, a stable code, and with which certificate."""

    failure: str
    why: str
    index: int


def check(path: tuple[Certificate, ...], at: datetime) -> Trouble | None:
    """RFC 5280, 6.1, without policies: nothing in the file says which of them to ask for."""
    return next((t for t in (_check_one(path, index, at) for index in range(len(path) - 1)) if t is not None), None)


def _check_one(path: tuple[Certificate, ...], index: int, at: datetime) -> Trouble | None:
    """One certificate below the anchor.

    1. It is in its validity.
    2. Above the first, it may issue certificates, and so many below it.
    3. No critical extension is unknown; the names below a constraint keep to it.
    """
    one, below = path[index], sum(c.subject != c.issuer for c in path[1:index])
    found: tuple[str, str] | None = None
    if at < one.not_before:  # 1
        found = "NOT_YET_VALID", "expired"
    elif at > one.not_after:
        found = "OUT_OF_BOUNDS_NO_POE", "expired"
    elif one.unknown_critical:  # 3
        found = "CHAIN_CONSTRAINTS_FAILURE", "extension_unknown"
    elif index and not one.is_authority:  # 2
        found = "CERTIFICATE_CHAIN_GENERAL_FAILURE", "issuer_not_authority"
    elif index and one.path_length is not None and below > one.path_length:
        found = "CHAIN_CONSTRAINTS_FAILURE", "path_too_long"
    elif not _names_permitted(one, path[:index]):
        found = "CHAIN_CONSTRAINTS_FAILURE", "name_not_permitted"
    return None if found is None else Trouble(*found, index)


def _names_permitted(authority: Certificate, below: tuple[Certificate, ...]) -> bool:
    """Name constraints on directory names (RFC 5280, 4.2.1.10), the only ones that people's certificates carry."""
    constraints = authority.asn1.name_constraints_value
    if constraints is None or not below:
        return True
    permitted, excluded = (_subtrees(constraints[part]) for part in ("permitted_subtrees", "excluded_subtrees"))
    for one in below:
        name = _parts(one.asn1.subject)
        if any(name[: len(tree)] == tree for tree in excluded):
            return False
        if permitted and name and not any(name[: len(tree)] == tree for tree in permitted):
            return False
    return True


def _subtrees(trees: Any) -> list[list[str]]:
    return [_parts(one["base"].chosen) for one in trees or () if one["base"].name == "directory_name"]


def _parts(name: Any) -> list[str]:
    return [str(part.hashable) for part in name.chosen]
