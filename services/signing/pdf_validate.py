"""Validating signed PDFs of anybody's making (ETSI EN 319 102-1), one report for all signature fields.

pyHanko judges; what it leaves out is judged here: fields that it skips, bytes that belong to no revision, and
files that make it throw. No exception but Rejected (not a PDF at all) leaves this module.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from asn1crypto import crl, ocsp
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.ades.report import AdESPassed, AdESStatus
from pyhanko.sign.diff_analysis import DiffResult
from pyhanko.sign.fields import SigSeedSubFilter, enumerate_sig_fields
from pyhanko.sign.validation import KeyUsageConstraints
from pyhanko.sign.validation.ades import (
    ades_basic_validation,
    ades_lta_validation,
    ades_timestamp_validation,
    ades_with_time_validation,
)
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko.sign.validation.errors import NoDSSFoundError, SignatureValidationError
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.policy_decl import (
    CertificateFetchingRule,
    LocalKnowledge,
    PdfSignatureValidationSpec,
    RevinfoOnlineFetchingRule,
    RevocationInfoGatheringSpec,
    SignatureValidationSpec,
)
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator.context import CertValidationPolicySpec
from pyhanko_certvalidator.ltv.types import ValidationTimingInfo
from pyhanko_certvalidator.policy_decl import CertRevTrustPolicy, RevocationCheckingPolicy
from pyhanko_certvalidator.registry import SimpleTrustManager
from pyhanko_certvalidator.revinfo.archival import CRLContainer, OCSPContainer

from services.signing.appearance import nfc
from services.signing.pdf_extend import Level, embedded_certificates, signature_time_stamp
from services.signing.pdf_read import BROKEN, check_bytes, lookup, open_reader
from services.signing.pdf_report import (
    Indication,
    Modification,
    SignatureReport,
    Signer,
    ValidationReport,
    conclude,
)
from services.signing.pdf_trust import DOCUMENTS, TIME_STAMPS, TOLERANCE, Backend, Trust, load

_log = logging.getLogger(__name__)

_INDICATIONS = {
    AdESStatus.PASSED: Indication.PASSED,
    AdESStatus.INDETERMINATE: Indication.INDETERMINATE,
    AdESStatus.FAILED: Indication.FAILED,
}
_REASONS = {
    "HASH_FAILURE": "integrity_broken",
    "SIG_CRYPTO_FAILURE": "integrity_broken",
    "REVOKED": "revoked",
    "REVOKED_NO_POE": "revoked",
    "REVOKED_CA_NO_POE": "revoked",
    "NO_CERTIFICATE_CHAIN_FOUND": "not_trusted",
    "CHAIN_CONSTRAINTS_FAILURE": "not_trusted",
    "CERTIFICATE_CHAIN_GENERAL_FAILURE": "revocation_unknown",
    "TRY_LATER": "revocation_unknown",
    "EXPIRED": "expired",
    "NOT_YET_VALID": "expired",
    "OUT_OF_BOUNDS_NO_POE": "expired",
    "OUT_OF_BOUNDS_NOT_REVOKED": "expired",
}
_SUPPORTED = {s.value for s in SigSeedSubFilter}
_END = re.compile(rb"startxref\s+\d+\s+%%EOF[\s\0]*\Z")


def validate(pdf: bytes, trust: Trust, *, at: datetime | None = None) -> ValidationReport:
    """Judge every signature and time stamp of a document at the time `at` (aware; default now).

    Fetches revocation data when `trust.fetch` and `at` is None; issuers' certificates are never fetched, since
    their addresses are the file's own words. Rejected only for what is no readable PDF file at all.
    """
    check_bytes(pdf)
    moment = at or datetime.now(UTC)
    sha256 = hashlib.sha256(pdf).hexdigest()
    try:
        reader = open_reader(pdf)
        if reader.encrypted:
            return conclude((), ("encrypted",), sha256=sha256, at=moment)
        reports = tuple(_reports(reader, trust, moment, past=at is not None))
        problems = tuple(_problems(pdf, reader, reports))
    except BROKEN as error:
        # Only the kind and place are logged: messages may hold names.
        place = traceback.extract_tb(error.__traceback__)[-1]
        _log.warning("unreadable PDF: %s at %s:%s", type(error).__name__, place.filename, place.lineno)
        return conclude((), ("damaged",), sha256=sha256, at=moment)
    return conclude(reports, problems, sha256=sha256, at=moment)


def _reports(reader: PdfFileReader, trust: Trust, at: datetime, *, past: bool) -> Iterator[SignatureReport]:
    """One report a filled signature field, in the order of their revisions; each failure stays in its own."""
    embedded = []
    for name, value, field in enumerate_sig_fields(reader, filled_status=True):
        report = _unusable(name, value)
        if report is None:
            try:
                embedded.append(EmbeddedPdfSignature(reader, field, name))
            except BROKEN:
                report = _failed(name, "unreadable_signature")
        if report is not None:
            yield report
    spec = _spec(reader, embedded, trust, past=past)
    for signature in sorted(embedded, key=lambda s: int(s.signed_revision)):
        try:
            yield _report(signature, spec, ValidationTimingInfo(at, at, past))
        except (*BROKEN, SignatureValidationError):
            yield _failed(signature.field_name, "unreadable_signature")


def _unusable(name: str, value: Any) -> SignatureReport | None:
    sub_filter = lookup(value.get_object(), "/SubFilter")
    if sub_filter in _SUPPORTED:
        return None
    return SignatureReport(nfc(name), "signature", Indication.INDETERMINATE, "GENERIC", ("unsupported_signature",))


def _failed(name: str, reason: str) -> SignatureReport:
    return SignatureReport(nfc(name), "signature", Indication.FAILED, "FORMAT_FAILURE", (reason,))


def _report(
    signature: EmbeddedPdfSignature, spec: SignatureValidationSpec, timing: ValidationTimingInfo
) -> SignatureReport:
    signature.compute_integrity_info()
    stamp = signature.sig_object_type == "/DocTimeStamp"
    result = asyncio.run(_judge(signature, spec, timing))
    indication, subindication = _INDICATIONS[result.ades_subindic.status], _standard_name(result.ades_subindic)
    reasons = (_REASONS.get(subindication, "other"),) if subindication else ()
    return _with_integrity(
        signature,
        SignatureReport(
            field=nfc(signature.field_name),
            kind="timestamp" if stamp else "signature",
            indication=indication,
            subindication=subindication,
            reasons=reasons,
            intact=_intact(result.api_status),
            level=None if stamp else _level(signature, result),
            signer=_signer(signature),
            time=_time(signature, result, stamp=stamp),
            claimed_time=None if stamp else _aware(signature.self_reported_timestamp),
        ),
    )


@dataclass(frozen=True, slots=True)
class _Judged:
    """A signature without a time stamp of its own, judged at the time that a later document time stamp proves."""

    ades_subindic: Any
    api_status: Any
    best_signature_time: datetime
    oldest_evidence_record_timestamp: datetime


async def _judge(signature: EmbeddedPdfSignature, spec: SignatureValidationSpec, timing: ValidationTimingInfo) -> Any:
    """The validation process of EN 319 102-1, clause 5, that fits what there is to go by."""
    data, later = signature.signed_data, _stamps_after(signature)
    if signature.sig_object_type == "/DocTimeStamp":  # 5.4
        return await _judge_stamp(signature, spec, timing)
    digest = signature.compute_digest()
    if signature_time_stamp(signature) is None:  # 5.3
        passed = later and isinstance((await _judge_stamp(later[0], spec, timing)).ades_subindic, AdESPassed)
        if not passed:
            return await ades_basic_validation(data, spec, timing_info=timing, raw_digest=digest)
        proven = _stamp_time(later[0])
        then = ValidationTimingInfo(proven, proven, point_in_time_validation=True)
        basic = await ades_basic_validation(data, spec, timing_info=then, raw_digest=digest)
        return _Judged(basic.ades_subindic, basic.api_status, proven, proven)
    if later:  # 5.6.3
        result = await ades_lta_validation(signature, PdfSignatureValidationSpec(spec), timing_info=timing)
    else:  # 5.5
        result = await ades_with_time_validation(data, spec, timing_info=timing, raw_digest=digest)
    if _standard_name(result.ades_subindic) == "REVOKED_NO_POE":
        return await _judge_before_revocation(signature, spec, timing) or result
    return result


async def _judge_before_revocation(
    signature: EmbeddedPdfSignature, spec: SignatureValidationSpec, timing: ValidationTimingInfo
) -> _Judged | None:
    """Clause 5.5.4, step 4 a: a revocation after the time that the signature's own time stamp proves changes nothing.

    pyHanko looks for a proof in the archive alone. None when the stamp is not good, or was not there in time.
    """
    token, value = signature_time_stamp(signature), signature.signer_info["signature"].native
    if token is None:
        return None
    stamp = await ades_timestamp_validation(
        token, spec, expected_tst_imprint=lambda name: hashlib.new(name, value).digest(), timing_info=timing
    )
    if not isinstance(stamp.ades_subindic, AdESPassed):
        return None
    proven: datetime = token["encap_content_info"]["content"].parsed["gen_time"].native
    then = ValidationTimingInfo(proven, proven, point_in_time_validation=True)
    basic = await ades_basic_validation(
        signature.signed_data, spec, timing_info=then, raw_digest=signature.compute_digest()
    )
    if not isinstance(basic.ades_subindic, AdESPassed):
        return None
    return _Judged(basic.ades_subindic, basic.api_status, proven, proven)


async def _judge_stamp(stamp: EmbeddedPdfSignature, spec: SignatureValidationSpec, timing: ValidationTimingInfo) -> Any:
    return await ades_timestamp_validation(
        stamp.signed_data, spec, expected_tst_imprint=stamp.compute_digest, timing_info=timing
    )


def _stamps_after(signature: EmbeddedPdfSignature) -> list[EmbeddedPdfSignature]:
    """Document time stamps over this signature, the earliest first."""
    stamps = signature.reader.embedded_timestamp_signatures
    return [s for s in stamps if s.signed_revision > signature.signed_revision]


def _stamp_time(stamp: EmbeddedPdfSignature) -> datetime:
    at: datetime = stamp.signed_data["encap_content_info"]["content"].parsed["gen_time"].native
    return at


def _intact(status: Any) -> bool | None:
    return bool(status.intact and status.valid) if status is not None else None


def _standard_name(subindication: Any) -> str | None:
    return None if isinstance(subindication, AdESPassed) else str(subindication.standard_name)


def _with_integrity(signature: EmbeddedPdfSignature, report: SignatureReport) -> SignatureReport:
    """A signature whose document was changed beyond its permission, or that covers too little, has failed."""
    difference = signature.diff_result
    permitted = signature.docmdp_level
    modification, changed = Modification.FORBIDDEN, ()
    if isinstance(difference, DiffResult):
        level = difference.modification_level
        if permitted is None or level.value <= permitted.value:
            modification = Modification[level.name]
        changed = tuple(sorted(difference.changed_form_fields))
    whole = signature.coverage in (SignatureCoverageLevel.ENTIRE_FILE, SignatureCoverageLevel.ENTIRE_REVISION)
    report = replace(report, modification=modification, changed_fields=changed, coverage=signature.coverage.name)
    if whole and modification is not Modification.FORBIDDEN:
        return report
    reason = "forbidden_modification" if whole else "partial_coverage"
    return replace(
        report,
        indication=Indication.FAILED,
        subindication=report.subindication if report.indication is Indication.FAILED else "FORMAT_FAILURE",
        reasons=(reason, *report.reasons),
    )


def _level(signature: EmbeddedPdfSignature, result: Any) -> Level:
    """The baseline level by what is there and valid: time stamp, validation data, later document time stamp."""
    archived = getattr(result, "oldest_evidence_record_timestamp", None) is not None
    if not archived and not _stamp_valid(result):
        return Level.B_B
    if "/DSS" not in signature.reader.root:
        return Level.B_T
    return Level.LTA if archived else Level.LT


def _stamp_valid(result: Any) -> bool:
    status = getattr(result.api_status, "timestamp_validity", None)
    return status is not None and bool(status.valid) and bool(status.trusted)


def _time(signature: EmbeddedPdfSignature, result: Any, *, stamp: bool) -> datetime | None:
    """The proven time: the time stamp's own, or the best signature time when a valid time stamp gives it."""
    if stamp:
        return _aware(_stamp_time(signature))
    if getattr(result, "oldest_evidence_record_timestamp", None) is None and not _stamp_valid(result):
        return None
    return _aware(result.best_signature_time)


def _aware(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


def _signer(signature: EmbeddedPdfSignature) -> Signer:
    certificate = signature.signer_cert
    validity = certificate["tbs_certificate"]["validity"]
    return Signer(
        name=_named(certificate.subject, "common_name"),
        # Public-service certificates name their provider as organisation and the agency as its unit.
        organisation=_named(certificate.subject, "organizational_unit_name")
        or _named(certificate.subject, "organization_name"),
        issuer=_named(certificate.issuer, "common_name"),
        serial=f"{certificate.serial_number:x}",
        sha256=hashlib.sha256(certificate.dump()).hexdigest(),
        valid_from=validity["not_before"].native,
        valid_to=validity["not_after"].native,
    )


def _named(name: Any, attribute: str) -> str:
    value = name.native.get(attribute, "")
    return nfc(", ".join(value) if isinstance(value, list) else str(value))


def _spec(
    reader: PdfFileReader, embedded: list[EmbeddedPdfSignature], trust: Trust, *, past: bool
) -> SignatureValidationSpec:
    online = trust.fetch and not past
    return SignatureValidationSpec(
        cert_validation_policy=_policy({root for one in DOCUMENTS for root in trust.roots_for(one)}),
        ts_cert_validation_policy=_policy(trust.roots_for(TIME_STAMPS)),
        revinfo_gathering_policy=RevocationInfoGatheringSpec(
            online_fetching_rule=(
                RevinfoOnlineFetchingRule.NO_HISTORICAL_FETCH if online else RevinfoOnlineFetchingRule.LOCAL_ONLY
            ),
            fetcher_backend=Backend(trust),
            certificate_fetching_rule=CertificateFetchingRule.NEVER_FETCH,
        ),
        local_knowledge=_knowledge(reader, embedded),
        key_usage_settings=KeyUsageConstraints(
            key_usage={"non_repudiation", "digital_signature"}, match_all_key_usages=False
        ),
    )


def _policy(roots: Iterable[bytes]) -> CertValidationPolicySpec:
    return CertValidationPolicySpec(
        trust_manager=SimpleTrustManager.build(trust_roots=[load(root) for root in roots]),
        revinfo_policy=CertRevTrustPolicy(RevocationCheckingPolicy.from_legacy("require")),
        time_tolerance=TOLERANCE,
    )


def _knowledge(reader: PdfFileReader, embedded: list[EmbeddedPdfSignature]) -> LocalKnowledge:
    """Validation data that the document brings along."""
    try:
        store = DocumentSecurityStore.read_dss(reader)
        answers = [ocsp.OCSPResponse.load(r.get_object().data) for r in store.ocsps]
        lists = [crl.CertificateList.load(r.get_object().data) for r in store.crls]
        certificates = list(store.load_certs())
    except (NoDSSFoundError, *BROKEN):
        answers, lists, certificates = [], [], []
    return LocalKnowledge(
        known_ocsps=[c for a in answers for c in OCSPContainer.load_multi(a)],
        known_crls=[CRLContainer(c) for c in lists],
        known_certs=certificates + embedded_certificates(embedded),
    )


def _problems(pdf: bytes, reader: PdfFileReader, reports: tuple[SignatureReport, ...]) -> Iterator[str]:
    """What is wrong with the file rather than with one signature."""
    if not reports:
        yield "no_signature"
        return
    last = reader.xrefs.total_revisions - 1
    newest = [s for s in _readable(reader) if s.signed_revision == last]
    covered = any(_reaches_end(pdf, s) for s in newest)
    if not _END.search(pdf) or (newest and not covered):
        yield "trailing_bytes"


def _readable(reader: PdfFileReader) -> Iterator[EmbeddedPdfSignature]:
    for name, value, field in enumerate_sig_fields(reader, filled_status=True):
        if _unusable(name, value) is None:
            try:
                yield EmbeddedPdfSignature(reader, field, name)
            except BROKEN:
                continue


def _reaches_end(pdf: bytes, signature: EmbeddedPdfSignature) -> bool:
    ranges = [int(n) for n in signature.byte_range]
    return len(ranges) == 4 and not pdf[ranges[2] + ranges[3] :].strip(b"\r\n\t \0")
