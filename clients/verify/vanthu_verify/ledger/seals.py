"""One head: what it says, whose seal it bears, when that is proven to have existed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from vanthu_verify import certificates, paths, signed_data
from vanthu_verify.algorithms import Unsupported, finished, hasher
from vanthu_verify.certificates import Certificate
from vanthu_verify.ledger.findings import Finding
from vanthu_verify.ledger.reading import Head, Said
from vanthu_verify.paths import Anchors, Pool
from vanthu_verify.signed_data import Malformed, Signed, Stamp

TOLERANCE = timedelta(minutes=5)  # between two clocks
BACKDATED = timedelta(hours=24)  # a time stamp that is owed is paid sooner


@dataclass(frozen=True, slots=True)
class Believed:
    """Whom to believe: `roots` are DER; `sealer` has to stand in the name of whoever sealed, when given."""

    roots: tuple[bytes, ...] = ()
    sealer: str | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A head with what was found about it. `good`: its seal holds and is whose it should be. `proven` is the time stamp's."""

    head: Head
    said: Said
    good: bool
    findings: tuple[Finding, ...]
    proven: datetime | None = None
    signer: Certificate | None = None
    signed: Signed | None = None

    @property
    def at(self) -> datetime:
        return self.proven or self.said.at


def judge(head: Head, believed: Believed) -> Judged | Finding:
    """A finding alone when the head is none.

    1. Its text is a head's, and what stands beside it says the same.
    2. The seal holds over just this text. 3. It is the one agency's, under a trusted root.
    4. The time stamp is over just this seal, 5. from a trusted authority, 6. at a time that fits.
    """
    said = head.said
    if said is None:  # 1
        return Finding("head_contradicts_itself", size=head.size)
    found: list[Finding] = []
    about = {"at": printed(said.at)}
    if (head.size, head.root) not in ((None, None), (said.size, said.root)):
        found.append(Finding("head_contradicts_itself", size=said.size, values=about))
    if head.signature is None:
        return Judged(head, said, False, (*found, Finding("head_without_seal", size=said.size, values=about)))
    try:
        signed = signed_data.parse(head.signature)
    except (Malformed, Unsupported) as error:
        broken = Finding("head_seal_broken", size=said.size, values=about | {"why": str(error)})
        return Judged(head, said, False, (*found, broken))
    signer = signed_data.signer_of(signed, [])
    held = signed_data.check(signed, signer, _digests(head.text.encode()))  # 2
    if held.intact is not True or signer is None or held.failure:
        broken = Finding("head_seal_broken", size=said.size, values=about | {"why": held.why or held.failure or "-"})
        return Judged(head, said, False, (*found, broken))
    proven, stamped = _stamped(signed, said, believed, about)  # 4, 5, 6
    found += stamped
    whose = _whose(signed, signer, said, believed, at=proven or said.at)  # 3
    if whose:
        found.append(whose)
    good = whose is None and not any(f.code == "head_contradicts_itself" for f in found)
    return Judged(head, said, good, tuple(found), proven, signer, signed)


def name_of(certificate: Certificate) -> str:
    """For people."""
    subject = certificate.asn1.subject
    return certificates.named(subject, "common_name") or certificates.named(subject, "organization_name") or "?"


def _digests(content: bytes) -> Callable[[str], bytes]:
    def digest_of(name: str) -> bytes:
        made = hasher(name)
        made.update(content)
        return finished(made)

    return digest_of


def printed(at: datetime) -> str:
    return at.isoformat(sep=" ", timespec="seconds").replace("+00:00", "Z")


def _whose(signed: Signed, signer: Certificate, said: Said, believed: Believed, *, at: datetime) -> Finding | None:
    about = {"at": printed(said.at), "name": name_of(signer)}
    if believed.sealer and believed.sealer.casefold() not in str(signer.asn1.subject.human_friendly).casefold():
        return Finding("head_signer_other", size=said.size, values=about)
    if not believed.roots:
        return None
    why = _distrusted(signer, signed.certificates, believed.roots, at)
    return Finding("head_signer_untrusted", size=said.size, values=about | {"why": why}) if why else None


def _distrusted(
    certificate: Certificate, others: list[Certificate], roots: tuple[bytes, ...], at: datetime
) -> str | None:
    """Why no path leads from the certificate to a root at that time; None when one does. Without the network nobody says
    whether it was revoked.
    """
    pool = Pool()
    pool.add(others)
    found = paths.build(certificate, Anchors.of(roots), pool)
    if not found:
        return "no_path"
    troubles = [paths.check(path, at) for path in found]
    return None if None in troubles else next(t.why for t in troubles if t)


def _stamped(
    signed: Signed, said: Said, believed: Believed, about: dict[str, str]
) -> tuple[datetime | None, list[Finding]]:
    """The earliest proven time, and what is wrong with the time stamps."""
    if not signed.stamps:
        return None, [Finding("head_without_stamp", size=said.size, values=about)]
    proven: datetime | None = None
    found: list[Finding] = []
    for encoded in signed.stamps:
        try:
            stamp = signed_data.parse_stamp(encoded)
            wrong = _wrong_with(stamp, signed, said, believed, about)
        except (Malformed, Unsupported) as error:
            found.append(Finding("head_stamp_broken", size=said.size, values=about | {"why": str(error)}))
            continue
        if wrong:
            found.append(wrong)
        else:
            proven = min(proven, stamp.time) if proven else stamp.time
    if proven and proven - said.at > BACKDATED:
        found.append(Finding("head_backdated", size=said.size, values=about | {"what": printed(proven)}))
    return proven, found


def _wrong_with(stamp: Stamp, signed: Signed, said: Said, believed: Believed, about: dict[str, str]) -> Finding | None:
    signer = signed_data.signer_of(stamp.signed, signed.certificates)
    held = signed_data.check(stamp.signed, signer, _digests(stamp.signed.content or b""))
    if _digests(signed.signature)(stamp.digest) != stamp.imprint:
        return Finding("head_stamp_broken", size=said.size, values=about | {"why": "another_signature"})
    if held.intact is not True or signer is None or held.failure:
        return Finding("head_stamp_broken", size=said.size, values=about | {"why": held.why or held.failure or "-"})
    if "time_stamping" not in (signer.extended_usage or ()):
        return _untrusted(said, about, signer, "wrong_usage")
    if believed.roots:
        why = _distrusted(signer, [*stamp.signed.certificates, *signed.certificates], believed.roots, stamp.time)
        if why:
            return _untrusted(said, about, signer, why)
    if said.at - stamp.time > TOLERANCE:
        return Finding("head_stamped_before", size=said.size, values=about | {"what": printed(stamp.time)})
    return None


def _untrusted(said: Said, about: dict[str, str], signer: Certificate, why: str) -> Finding:
    return Finding("head_stamp_untrusted", size=said.size, values=about | {"name": name_of(signer), "why": why})
