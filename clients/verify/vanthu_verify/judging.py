"""Judging one signature or time stamp: the building blocks of EN 319 102-1, 5.2, and the process that fits (5.3 to 5.6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from asn1crypto import core

from vanthu_verify import certificates, signed_data
from vanthu_verify.algorithms import Algorithm, Unsupported, finished, hasher
from vanthu_verify.candidates import CMS_FILTERS, RAW_FILTER, Candidate
from vanthu_verify.certificates import Certificate
from vanthu_verify.document import Document
from vanthu_verify.process import TOLERANCE, Bench, Verdict
from vanthu_verify.report import Block, Indication
from vanthu_verify.signed_data import Integrity, Malformed, Signed, Stamp

# Whatever happens to integrity, no later proof mends it.
_FATAL = frozenset({"FORMAT_FAILURE", "HASH_FAILURE", "SIG_CRYPTO_FAILURE"})
# What a proof of existence may mend (5.5.4, 5.6.3.4).
_MENDABLE = frozenset(
    {
        "REVOKED_NO_POE",
        "REVOKED_CA_NO_POE",
        "OUT_OF_BOUNDS_NO_POE",
        "CRYPTO_CONSTRAINTS_FAILURE_NO_POE",
        "TRY_LATER",
    }
)


@dataclass(slots=True, eq=False)
class Judged:
    """A candidate with everything found about it. `proven` is the best time at which it is proven to have existed."""

    candidate: Candidate
    signed: Signed | None = None
    stamp: Stamp | None = None
    certificate: Certificate | None = None
    integrity: Integrity = field(default_factory=lambda: Integrity(None, "FORMAT_FAILURE", "unreadable_signature"))
    indication: Indication = Indication.INDETERMINATE
    failure: str | None = None
    reasons: list[str] = field(default_factory=list)
    verdict: Verdict | None = None
    proven: datetime | None = None
    inner: list[InnerStamp] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return self.indication is Indication.PASSED

    def note(self, name: str, clause: str, failure: str | None, reason: str | None = None) -> None:
        """Enter a building block's outcome."""
        outcome = "PASSED" if failure is None else "FAILED" if failure in _FATAL else "INDETERMINATE"
        self.blocks.append(Block(name, clause, outcome, failure, reason))


@dataclass(slots=True)
class InnerStamp:
    """A signature time stamp: what it says, and whether it is believed."""

    stamp: Stamp | None
    certificate: Certificate | None
    verdict: Verdict
    failure: str | None
    reasons: list[str] = field(default_factory=list)
    holds: bool = False


class Digests:
    """Hashes over the file's byte ranges, each computed once."""

    def __init__(self, document: Document) -> None:
        self._data = memoryview(document.data)
        self._known: dict[tuple[Any, str], bytes] = {}

    def covered_bytes(self, candidate: Candidate) -> bytes:
        return b"".join(self._data[start : start + length] for start, length in candidate.covered.parts)

    def of(self, candidate: Candidate) -> Callable[[str], bytes]:
        parts = candidate.covered.parts

        def digest_of(name: str) -> bytes:
            found = self._known.get((parts, name))
            if found is None:
                digest = hasher(name)
                for start, length in parts:
                    digest.update(self._data[start : start + length])
                found = self._known[parts, name] = finished(digest)
            return found

        return digest_of


def open_candidate(document: Document, candidate: Candidate, digests: Digests, others: list[Certificate]) -> Judged:  # noqa: PLR0911  a return a defect
    """Format checking (5.2.2), identification of the signing certificate (5.2.3), cryptographic verification (5.2.7)."""
    judged = Judged(candidate)
    contents = candidate.value.get("Contents")
    contents = document.current.resolve(contents)
    if not isinstance(contents, bytes) or not contents.strip(b"\0"):
        return _malformed(judged, "no_signature_value")
    if not candidate.covered.parts:
        return _malformed(judged, candidate.covered.why or "no_byte_range")
    try:
        if candidate.sub_filter == RAW_FILTER:
            return _raw(document, judged, contents, digests.of(candidate))
        if candidate.stamp:
            judged.stamp = signed_data.parse_stamp(contents)
            judged.signed = judged.stamp.signed
        else:
            judged.signed = signed_data.parse(contents)
    except Unsupported as error:
        judged.integrity = Integrity(None, "CRYPTO_CONSTRAINTS_FAILURE_NO_POE", f"unsupported_algorithm:{error}")
        return judged
    except Malformed as error:
        if candidate.sub_filter is not None and candidate.sub_filter not in CMS_FILTERS:
            judged.integrity = Integrity(None, "GENERIC", "unsupported_signature")
            return judged
        why = str(error)
        return _malformed(judged, why if why == "several_signers" else "unreadable_signature", why)
    judged.certificate = signed_data.signer_of(judged.signed, others)
    judged.integrity = _integrity(judged, digests.of(candidate), lambda: digests.covered_bytes(candidate))
    return judged


def _malformed(judged: Judged, why: str, detail: str | None = None) -> Judged:
    judged.integrity = Integrity(None, "FORMAT_FAILURE", why)
    judged.note("format_checking", "5.2.2", "FORMAT_FAILURE", detail or why)
    return judged


def _integrity(judged: Judged, digest_of: Callable[[str], bytes], document_bytes: Callable[[], bytes]) -> Integrity:  # noqa: PLR0911  a return a form
    signed, candidate = judged.signed, judged.candidate
    if signed is None:
        return judged.integrity
    if judged.stamp is not None:
        stamp = judged.stamp
        try:
            if digest_of(stamp.digest) != stamp.imprint:
                return Integrity(False, "HASH_FAILURE", "integrity_broken")
        except Unsupported as error:
            return Integrity(None, "CRYPTO_CONSTRAINTS_FAILURE_NO_POE", f"unsupported_algorithm:{error}")
        return signed_data.check(signed, judged.certificate, signed_data.digest_of_bytes(signed.content or b""))
    if candidate.sub_filter == "adbe.pkcs7.sha1":
        # ISO 32000-1, 12.8.3.3.1: the SHA-1 of the bytes is the content that is signed.
        if signed.content != digest_of("sha1"):
            return Integrity(False, "HASH_FAILURE", "integrity_broken")
        return signed_data.check(signed, judged.certificate, signed_data.digest_of_bytes(signed.content or b""))
    if signed.content is not None and signed.content != document_bytes():
        # EN 319 142-1, 5.1 c: nothing is enclosed. The signed bytes themselves, once more, mislead nobody.
        return Integrity(False, "FORMAT_FAILURE", "content_enclosed")
    return signed_data.check(signed, judged.certificate, digest_of)


def _raw(document: Document, judged: Judged, contents: bytes, digest_of: Callable[[str], bytes]) -> Judged:
    """adbe.x509.rsa_sha1 (ISO 32000-1, 12.8.3.2): a bare PKCS #1 value, the certificates beside it."""
    view = document.current
    given = view.resolve(judged.candidate.value.get("Cert"))
    encoded = [view.resolve(one) for one in given] if isinstance(given, list) else [given]
    found = [one for one in (certificates.load(e) for e in encoded if isinstance(e, bytes)) if one is not None]
    try:
        value = bytes(core.OctetString.load(contents).native)
    except certificates.BROKEN:
        found = []
    if not found:
        judged.integrity = Integrity(None, "GENERIC", "unsupported_signature")
        return judged
    judged.certificate = found[0]
    judged.signed = Signed(value, Algorithm("rsa", "sha1"), "sha1", None, True, {}, None, found, None, "")
    try:
        for name in ("sha1", "sha256", "sha384", "sha512", "md5"):  # the name says SHA-1, ISO 32000-1 allows others
            holds = signed_data.prehashed(found[0].key, Algorithm("rsa", name), value, digest_of, name)
            if holds:
                judged.signed.digest = name
                judged.integrity = Integrity(True)
                return judged
    except (Unsupported, *certificates.BROKEN):
        judged.integrity = Integrity(None, "CRYPTO_CONSTRAINTS_FAILURE_NO_POE", "unsupported_algorithm:rsa")
        return judged
    judged.integrity = Integrity(False, "SIG_CRYPTO_FAILURE", "integrity_broken")
    return judged


def judge(judged: Judged, bench: Bench, covering: list[Judged]) -> None:
    """Decide on a signature or document time stamp; `covering` are the good document time stamps over it.

    1. Integrity and form decide against it whatever else holds (5.2.2, 5.2.7).
    2. Basic validation now (5.3).
    3. What a proof of existence may mend is judged again at the best proven time (5.5.4, 5.6.3.4).
    """
    if _decided_by_form(judged):  # 1
        return
    certificate, signed = judged.certificate, judged.signed
    if certificate is None or signed is None:
        judged.failure, judged.reasons = "NO_SIGNING_CERTIFICATE_FOUND", ["certificate_missing"]
        return
    # What a stamp covers is no younger than the stamp, if it is good at all.
    proof_of = _proofs([*covering, judged] if judged.candidate.stamp else covering)
    is_stamp = judged.candidate.stamp
    archived = min((s.stamp.time for s in covering if s.stamp is not None), default=None)
    if not is_stamp:
        judged.inner = [_inner(encoded, judged, bench, proof_of, archived) for encoded in signed.stamps]
    judged.proven = _best_time(judged, archived, bench.now)
    verdict = _at(judged, certificate, bench.now, bench, proof_of)  # 2
    judged.note("x509_validation", "5.2.6", verdict.failure, verdict.why)
    best = judged.proven if not is_stamp else archived
    if verdict.failure in _MENDABLE and best is not None and best < bench.now:  # 3
        then = _at(judged, certificate, best, bench, proof_of)
        judged.note("validation_with_proofs_of_existence", "5.5.4, 5.6.3.4", then.failure, then.why)
        if then.failure is None or then.failure not in _MENDABLE or then.failure == verdict.failure:
            verdict = then
    judged.verdict = verdict
    if verdict.failure is None:
        judged.indication, judged.failure, judged.reasons = Indication.PASSED, None, []
    else:
        judged.failure, judged.reasons = verdict.failure, [_reason(verdict)]


def _reason(verdict: Verdict) -> str:
    return (verdict.why or "other").split(":")[0]


def _decided_by_form(judged: Judged) -> bool:
    candidate, integrity = judged.candidate, judged.integrity
    failure, why = integrity.failure, integrity.why
    if failure is None and judged.signed is not None and judged.certificate is not None:
        judged.note("identification", "5.2.3", None)
        judged.note("cryptographic_verification", "5.2.7", None)
        if judged.signed.names_certificate and not signed_data.refers_to(judged.signed, judged.certificate):
            failure, why = "NO_SIGNING_CERTIFICATE_FOUND", "certificate_reference_differs"
    elif failure is not None and failure != "FORMAT_FAILURE":
        judged.note("cryptographic_verification", "5.2.7", failure, why)
    shape = candidate.why or candidate.covered.why or ("signature_removed" if candidate.hidden else None)
    if shape is not None and failure not in _FATAL:
        failure, why = "FORMAT_FAILURE", "partial_coverage" if candidate.covered.why else shape
        judged.note("format_checking", "5.2.2", failure, shape)
    elif failure is None:
        judged.note("format_checking", "5.2.2", None)
    if failure is None:
        return False
    judged.failure, judged.reasons = failure, [(why or "other").split(":")[0]]
    judged.indication = Indication.FAILED if failure in _FATAL else Indication.INDETERMINATE
    return True


def _at(judged: Judged, certificate: Certificate, at: datetime, bench: Bench, proof_of: Callable[..., Any]) -> Verdict:
    """X.509 validation and signature acceptance (5.2.8) at one time."""
    stamped = judged.stamp.time if judged.stamp is not None else None
    verdict = bench.judge(certificate, at, proof_of=proof_of, stamped=stamped)
    signed = judged.signed
    if verdict.failure is None and signed is not None:
        weak = bench.policy.constraints.too_weak(signed.algorithm.hash or signed.digest, certificate.key, at)
        weak = weak or bench.policy.constraints.too_weak(signed.digest, certificate.key, at)
        if weak is not None:
            return Verdict("CRYPTO_CONSTRAINTS_FAILURE_NO_POE", f"weak_algorithm:{weak}", verdict.steps, at)
    return verdict


def _proofs(covering: list[Judged]) -> Callable[[int | None], datetime | None]:
    """Since when something is proven to have existed: by the first good document time stamp whose range takes it in.

    What lies in the signature itself is as old as the signature; what lies nowhere in the file is of now.
    """

    def proof_of(offset: int | None) -> datetime | None:
        if offset is None:
            return None
        times = [s.stamp.time for s in covering if s.stamp is not None and s.candidate.end > offset]
        return min(times, default=None)

    return proof_of


def _inner(
    encoded: bytes, judged: Judged, bench: Bench, proof_of: Callable[..., Any], archived: datetime | None
) -> InnerStamp:
    """A signature time stamp (5.4): over this value, by an authority that is believed now or was when archived."""
    nothing = Verdict("FORMAT_FAILURE")
    try:
        stamp = signed_data.parse_stamp(encoded)
        value = judged.signed.signature if judged.signed else b""
        certificate = signed_data.signer_of(stamp.signed, list(bench.pool))
        if signed_data.digest_of_bytes(value)(stamp.digest) != stamp.imprint:
            return InnerStamp(stamp, certificate, nothing, "HASH_FAILURE", ["integrity_broken"])
        integrity = signed_data.check(
            stamp.signed, certificate, signed_data.digest_of_bytes(stamp.signed.content or b"")
        )
    except (Malformed, Unsupported) as error:
        why = "several_signers" if str(error) == "several_signers" else "unreadable_signature"
        return InnerStamp(None, None, nothing, "FORMAT_FAILURE", [why])
    if integrity.failure is not None or certificate is None:
        failure = integrity.failure or "NO_SIGNING_CERTIFICATE_FOUND"
        return InnerStamp(stamp, certificate, nothing, failure, [(integrity.why or "other").split(":")[0]])
    bench.pool.add(stamp.signed.certificates)
    if stamp.time > bench.now + TOLERANCE:
        return InnerStamp(stamp, certificate, nothing, "TIMESTAMP_ORDER_FAILURE", ["signed_later"])
    verdict = bench.judge(certificate, bench.now, proof_of=proof_of, stamped=stamp.time)
    if verdict.failure in _MENDABLE and archived is not None:
        verdict = bench.judge(certificate, archived, proof_of=proof_of, stamped=stamp.time)
    weak = bench.policy.constraints.too_weak(stamp.digest, None, stamp.time)
    if verdict.failure is None and weak is not None:
        verdict = Verdict("CRYPTO_CONSTRAINTS_FAILURE_NO_POE", f"weak_algorithm:{weak}", verdict.steps)
    reasons = [] if verdict.failure is None else [_reason(verdict)]
    return InnerStamp(stamp, certificate, verdict, verdict.failure, reasons, holds=True)


def _best_time(judged: Judged, archived: datetime | None, now: datetime) -> datetime | None:
    """5.5.4, step 3: the earliest time that a good time stamp proves."""
    if judged.stamp is not None:
        return judged.stamp.time
    times = [one.stamp.time for one in judged.inner if one.failure is None and one.stamp is not None]
    times += [archived] if archived is not None else []
    return min((t for t in times if t <= now + TOLERANCE), default=None)
