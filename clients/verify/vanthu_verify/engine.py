"""The engine's front door: the bytes of a PDF and whom to believe go in, a report comes out.

Nothing here opens a file or a socket; revocation data come with the file, with Trust, or through Trust.fetch.
"""

from __future__ import annotations

import hashlib
import logging
import re
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from vanthu_verify import certificates, paths, policy, reporting, revisions, wording
from vanthu_verify.candidates import collect
from vanthu_verify.certificates import BROKEN, Certificate
from vanthu_verify.coverage import strange_bytes
from vanthu_verify.document import Document, Locked, View
from vanthu_verify.judging import Digests, Judged, judge, open_candidate
from vanthu_verify.objects import Damaged, Stream
from vanthu_verify.process import TOLERANCE, Bench
from vanthu_verify.report import Indication, ValidationReport
from vanthu_verify.revocation import Evidence, Source, ocsp_certificates

_log = logging.getLogger(__name__)
MAX_SIGNATURES = 500
_HEADER = re.compile(rb"%PDF-[0-9]\.[0-9]")


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom we believe. `roots` and `stamp_roots` are DER certificates (None: time stamps are believed by `roots`),
    `certificates` more ones for building paths, `sources` revocation data at hand. `fetch` gets a certificate and its
    issuer (DER) and gives what it can find; it is asked once for each and never for a validation of the past.
    """

    roots: tuple[bytes, ...] = ()
    stamp_roots: tuple[bytes, ...] | None = None
    certificates: tuple[bytes, ...] = ()
    sources: tuple[Source, ...] = ()
    fetch: Callable[[bytes, bytes], list[Source]] | None = None


class NotPdf(Exception):
    """What was given is no PDF file at all; `code` is "empty_file", "not_a_pdf"."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def validate(
    pdf: bytes, trust: Trust, *, at: datetime | None = None, policy_name: str = "default", password: str = ""
) -> ValidationReport:
    """Judge every signature and time stamp at the time `at` (aware; default now).

    NotPdf for what is no PDF; KeyError for a policy that does not exist. Anything else that is wrong with the file
    stands in the report.
    """
    check_bytes(pdf)
    chosen = policy.get(policy_name)
    moment = at or datetime.now(UTC)
    frame = reporting.Frame(hashlib.sha256(pdf).hexdigest(), moment, chosen, past=at is not None)
    try:
        return _validated(Document(pdf, password), trust, frame)
    except Locked:
        return _locked(pdf, trust, frame)
    except (Damaged, RecursionError, MemoryError, *BROKEN) as error:
        # Only the kind and place are logged: messages and frames may hold names.
        place = traceback.extract_tb(error.__traceback__)[-1]
        _log.info("unreadable PDF: %s at %s:%s", type(error).__name__, place.name, place.lineno)
        return wording.concluded(frame.empty("damaged"))


def _locked(pdf: bytes, trust: Trust, frame: reporting.Frame) -> ValidationReport:
    """Without the password: what the signatures cover can be judged all the same, the document can't be read."""
    try:
        report = _validated(Document(pdf, blind=True), trust, frame)
    except (Damaged, RecursionError, MemoryError, *BROKEN):
        return wording.concluded(frame.empty("encrypted"))
    if not report.signatures:
        return wording.concluded(frame.empty("encrypted"))
    passed = report.indication is Indication.PASSED
    return wording.concluded(
        replace(
            report,
            indication=Indication.INDETERMINATE if passed else report.indication,
            subindication="SIGNED_DATA_NOT_FOUND" if passed else report.subindication,
            problems=("encrypted", *report.problems),
        )
    )


def check_bytes(pdf: bytes) -> None:
    if not pdf:
        raise NotPdf("empty_file")
    if _HEADER.search(pdf, 0, 1024) is None:
        raise NotPdf("not_a_pdf")


def _validated(document: Document, trust: Trust, frame: reporting.Frame) -> ValidationReport:
    """1. Every signature and what its revision covers. 2. What came after it. 3. Evidence at hand.
    4. Time stamps, the newest first, since each proves what lies before it. 5. Signatures.
    """
    candidates, empty = collect(document)  # 1
    candidates = candidates[:MAX_SIGNATURES]
    if not candidates and document.current.table.repaired:
        return wording.concluded(frame.empty("damaged"))
    if not candidates:
        return wording.concluded(frame.empty("no_signature", empty))
    steps = revisions.read(document, candidates)  # 2
    bench = _bench(document, trust, frame)  # 3
    digests, pool = Digests(document), list(bench.pool)
    all_judged = [open_candidate(document, one, digests, pool) for one in candidates]
    for one in all_judged:
        _take_along(one, bench)
    good: list[Judged] = []
    for one in sorted((j for j in all_judged if j.candidate.stamp), key=lambda j: -j.candidate.end):  # 4
        _judge_in_time(one, bench, good)
        if one.passed:
            good.append(one)
    for one in (j for j in all_judged if not j.candidate.stamp):  # 5
        _judge_in_time(one, bench, good)
    return wording.concluded(frame.filled(document, all_judged, steps, empty, strange=_strange(document, all_judged)))


def _judge_in_time(one: Judged, bench: Bench, good: list[Judged]) -> None:
    covering = [s for s in good if s.candidate.end > one.candidate.end]
    try:
        judge(one, bench, covering)
    except BROKEN as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        _log.info("unreadable signature: %s at %s:%s", type(error).__name__, place.name, place.lineno)
        one.failure, one.reasons = "FORMAT_FAILURE", ["unreadable_signature"]
        one.indication = Indication.FAILED
        return
    if one.passed and one.stamp is not None and one.stamp.time > bench.now + TOLERANCE:
        one.indication = Indication.INDETERMINATE
        one.failure, one.reasons = "TIMESTAMP_ORDER_FAILURE", ["signed_later"]


def _strange(document: Document, judged: list[Judged]) -> int:
    ends = [one.candidate.end for one in judged if one.candidate.whole]
    return strange_bytes(document, min(ends)) if ends else -1


def _bench(document: Document, trust: Trust, frame: reporting.Frame) -> Bench:
    pool, evidence = paths.Pool(), Evidence()
    pool.add(_loaded(trust.certificates))
    evidence.add(trust.sources)
    certificates_found, sources = _security_store(document.current)
    pool.add(_loaded(certificates_found))
    evidence.add(sources)
    for one in sources:
        if one.kind == "ocsp":
            pool.add(ocsp_certificates(one.der))
    fetch = trust.fetch

    def fetched(certificate: Certificate, issuer: Certificate) -> list[Source]:
        found = fetch(certificate.der, issuer.der) if fetch is not None else []
        for one in found:
            if one.kind == "ocsp":
                pool.add(ocsp_certificates(one.der))
        return found

    roots = paths.Anchors.of(trust.roots)
    stamps = roots if trust.stamp_roots is None else paths.Anchors.of(trust.stamp_roots)
    online = fetched if fetch is not None and not frame.past else None
    return Bench(frame.moment, frame.policy, roots, stamps, pool, evidence, online)


def _loaded(encoded: Iterable[bytes]) -> list[Certificate]:
    return [one for one in map(certificates.load, encoded) if one is not None]


def _security_store(view: View) -> tuple[list[bytes], list[Source]]:
    """Certificates and revocation data of the DSS dictionary (EN 319 142-1, 5.4.2), its VRI parts included."""
    store = view.resolve(view.catalogue.get("DSS"))
    if not isinstance(store, dict):
        return [], []
    parts = [store]
    related = view.resolve(store.get("VRI"))
    parts += (
        [p for p in map(view.resolve, related.values()) if isinstance(p, dict)] if isinstance(related, dict) else []
    )
    found: list[bytes] = []
    sources: list[Source] = []
    seen: set[int] = set()
    for part in parts:
        for names, kind in ((("Certs", "Cert"), ""), (("OCSPs", "OCSP"), "ocsp"), (("CRLs", "CRL"), "crl")):
            for item in (i for name in names for i in _items(view, part.get(name))):
                if item.start in seen:
                    continue
                seen.add(item.start)
                try:
                    content = view.content(item)
                except (Damaged, ValueError):
                    continue
                if kind:
                    sources.append(Source(kind, content, "dss", item.start))
                else:
                    found.append(content)
    return found, sources


def _items(view: View, value: object) -> list[Stream]:
    items = view.resolve(value)
    return [s for s in map(view.resolve, items) if isinstance(s, Stream)] if isinstance(items, list) else []


def _take_along(one: Judged, bench: Bench) -> None:
    """What a signature brings: certificates, revocation data, and the same inside of its time stamps."""
    if one.signed is None:
        return
    bench.pool.add(one.signed.certificates)
    inside = one.candidate.covered.parts[0][1] if one.candidate.covered.parts else None
    found = [Source("crl", der, "signature", inside) for der in one.signed.crls]
    found += [Source("ocsp", der, "signature", inside) for der in one.signed.ocsps]
    bench.evidence.add(found)
    for source in found:
        if source.kind == "ocsp":
            bench.pool.add(ocsp_certificates(source.der))
