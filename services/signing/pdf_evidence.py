"""Proof that a certificate stood: its path with OCSP answers and CRLs, had from the CA once and reused while it is fresh.

Only what came from the network now and says "good" is kept, in this process, until the first of its parts runs out and
never longer than Trust.reuse. The check before a signature does not come here: it asks each time (TT 15/2025). Nor does
anything that is kept speak for a signature without a time stamp, which only the CA's word of now can support.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from asn1crypto import crl, ocsp, x509
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.authority import AuthorityWithCert
from pyhanko_certvalidator.path import ValidationPath

from services.signing.pdf_trust import TIME_STAMPS, TOLERANCE, Trust, context, load, path_to_root
from services.signing.refusals import CERTIFICATE_EXPIRED, CERTIFICATE_REVOKED
from shared.errors import Rejected

MAX_KEPT = 2000


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a validator needs later (DER): the path with its root, OCSP answers with their signers, CRLs."""

    certificates: tuple[bytes, ...]
    ocsps: tuple[bytes, ...]
    crls: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class _Kept:
    evidence: Evidence
    asked_at: datetime
    fresh_until: datetime
    not_before: datetime


_Key = tuple[bytes, str | None, bytes]
_lock = threading.Lock()
_kept: OrderedDict[_Key, _Kept] = OrderedDict()


def evidence(
    certificate: bytes, others: Sequence[bytes], trust: Trust, *, purpose: str | None, proven: datetime | None
) -> Evidence:
    """Why this certificate was good; Rejected with the reason when that can't be shown.

    `others` may lie on its path. `proven` is when a good time stamp saw its signature, None without one.

    1. What is kept is used while it is fresh, if it was asked for after the moment in question (TOLERANCE before it,
       as OCSP answers are dated).
    2. Else the CA is asked: a certificate that is good now was good then.
    3. One that was revoked or has run out since is judged at the proven moment (EN 319 102-1, 5.5.4).
    """
    key = (hashlib.sha256(certificate).digest(), purpose, _fingerprint(trust))
    now = datetime.now(UTC)
    if (proven is not None or purpose == TIME_STAMPS) and (found := _find(key, now, proven, trust)):  # 1
        return found
    used = len(trust.used)
    chain = [load(each) for each in others]
    within = context(trust, chain)
    try:
        path = asyncio.run(path_to_root(load(certificate), within, trust, purpose=purpose))  # 2
    except Rejected as error:
        if proven is None or error.code not in (CERTIFICATE_REVOKED.code, CERTIFICATE_EXPIRED.code):
            raise
        within = context(trust, chain, moment=proven, retroactive_revinfo=True)
        path = asyncio.run(path_to_root(load(certificate), within, trust, purpose=purpose))  # 3
        return _gathered(path, within)
    if proven is not None and not load(certificate).not_valid_before - TOLERANCE <= proven:
        raise Rejected(CERTIFICATE_EXPIRED)
    made = _gathered(path, within)
    if len(trust.used) == used:
        _keep(key, made, path, within, trust=trust, now=now)
    return made


def _find(key: _Key, now: datetime, proven: datetime | None, trust: Trust) -> Evidence | None:
    if key[0].hex() in trust.revoked or not trust.fetch:
        return None
    with _lock:
        kept = _kept.get(key)
        if kept is None or now >= kept.fresh_until:
            _kept.pop(key, None)
            return None
        _kept.move_to_end(key)
    if proven is not None and not (kept.not_before - TOLERANCE <= proven <= kept.asked_at + TOLERANCE):
        return None
    return kept.evidence


def _keep(
    key: _Key, made: Evidence, path: ValidationPath, within: ValidationContext, *, trust: Trust, now: datetime
) -> None:
    certificates = list(path)
    ends = [each.not_valid_after for each in certificates]
    ends += _next_updates(within)
    fresh_until = min((now + trust.reuse, *ends))
    with _lock:
        _kept[key] = _Kept(made, now, fresh_until, certificates[-1].not_valid_before)
        while len(_kept) > MAX_KEPT:
            _kept.popitem(last=False)


def forget() -> None:
    """Ask for everything anew, as a new process would."""
    with _lock:
        _kept.clear()


def _fingerprint(trust: Trust) -> bytes:
    """A name for whom we believe, and for what."""
    named = hashlib.sha256()
    for root in sorted(trust.roots):
        digest = hashlib.sha256(root).hexdigest()
        named.update(f"{digest} {sorted(trust.limits.get(digest, ('*',)))}\n".encode())
    named.update(repr(sorted(trust.hosts) if trust.hosts is not None else None).encode())
    return named.digest()


def _next_updates(within: ValidationContext) -> Iterable[datetime]:
    """When the first part of what was gathered runs out; at once for an answer that does not say."""
    for answer in within.ocsps:
        for single in answer.response_data["responses"]:
            yield single["next_update"].native or single["this_update"].native
    for each in within.crls:
        update = each["tbs_cert_list"]
        yield update["next_update"].native or update["this_update"].native


def _gathered(path: ValidationPath, within: ValidationContext) -> Evidence:
    """The data of one path, in the order of its use, each once."""
    certificates = [each.dump() for each in path]
    root = path.trust_anchor.authority
    if isinstance(root, AuthorityWithCert):
        certificates.append(root.certificate.dump())
    ocsps: list[ocsp.OCSPResponse] = list(within.ocsps)
    lists: list[crl.CertificateList] = list(within.crls)
    for answer in ocsps:
        basic = answer["response_bytes"]["response"].parsed
        signers: Iterable[x509.Certificate] = basic["certs"] or ()
        certificates += [each.dump() for each in signers]
    return Evidence(_once(certificates), _once(one.dump() for one in ocsps), _once(one.dump() for one in lists))


def _once(items: Iterable[bytes]) -> tuple[bytes, ...]:
    return tuple(dict.fromkeys(items))
