"""From what was judged to the report: names without numbers, levels, chains, and the verdict on the whole file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from vanthu_verify import revisions
from vanthu_verify.certificates import Certificate, named, redacted
from vanthu_verify.document import Document
from vanthu_verify.judging import InnerStamp, Judged
from vanthu_verify.policy import Policy
from vanthu_verify.process import Verdict
from vanthu_verify.report import (
    Indication,
    Link,
    Modification,
    Sentence,
    SignatureReport,
    Signer,
    StampReport,
    ValidationReport,
)
from vanthu_verify.revisions import Revision

_ORDER = (Indication.FAILED, Indication.INDETERMINATE, Indication.PASSED)
LEVELS = ("B", "T", "LT", "LTA")
_NOTHING = Sentence("", "")


@dataclass(frozen=True, slots=True)
class Frame:
    """What a report says whatever the file holds."""

    sha256: str
    moment: datetime
    policy: Policy
    past: bool

    def empty(self, problem: str, unsigned: list[str] | None = None) -> ValidationReport:
        """For a file in which there is no signature to be judged."""
        found = {"no_signature": "NO_SIGNATURE", "encrypted": "SIGNED_DATA_NOT_FOUND"}.get(problem, "FORMAT_FAILURE")
        return ValidationReport(
            sentence=_NOTHING,
            indication=Indication.FAILED if found == "FORMAT_FAILURE" else Indication.INDETERMINATE,
            subindication=found,
            document_sha256=self.sha256,
            validated_at=self.moment,
            problems=(problem,),
            policy=self.policy.key,
            past=self.past,
            unsigned_fields=tuple(unsigned or ()),
        )

    def filled(
        self,
        document: Document,
        judged: list[Judged],
        steps: list[Revision],
        empty: list[str],
        *,
        strange: int,
    ) -> ValidationReport:
        """`strange` is where the last bytes lie that belong to no revision, -1 without any."""
        has_store = document.current.catalogue.get("DSS") is not None
        stamps = [one for one in judged if one.candidate.stamp and one.integrity.failure is None]
        reports = tuple(
            _signature(one, steps, stamps, has_store=has_store, strange=strange >= one.candidate.end) for one in judged
        )
        problems = ("trailing_bytes",) if strange >= 0 else ()
        indication, failure = _over_all(reports)
        if problems:
            indication, failure = Indication.FAILED, failure if indication is Indication.FAILED else "FORMAT_FAILURE"
        wanting = _wanting(self.policy, reports)
        if "time_stamps_only" in wanting and indication is not Indication.FAILED:
            indication, failure = Indication.INDETERMINATE, "NO_SIGNATURE"
        if wanting and indication is Indication.PASSED:
            indication, failure = Indication.INDETERMINATE, "SIG_CONSTRAINTS_FAILURE"
        return ValidationReport(
            sentence=_NOTHING,
            indication=indication,
            subindication=failure,
            document_sha256=self.sha256,
            validated_at=self.moment,
            signatures=reports,
            problems=(*problems, *wanting),
            policy=self.policy.key,
            past=self.past,
            revisions=revisions.described(steps, [one.candidate for one in judged]),
            unsigned_fields=tuple(empty),
        )


def _over_all(reports: tuple[SignatureReport, ...]) -> tuple[Indication, str | None]:
    """The worst of the parts. A time stamp that does not hold proves nothing (5.6.3.4 passes over it), and no more."""
    alone = all(s.kind != "signature" for s in reports)

    def weight(one: SignatureReport) -> Indication:
        only_itself = one.kind != "signature" and one.modification is not Modification.FORBIDDEN and not alone
        return Indication.INDETERMINATE if only_itself and one.indication is Indication.FAILED else one.indication

    worst = min(reports, key=lambda s: _ORDER.index(weight(s)))
    return weight(worst), worst.subindication


def _wanting(policy: Policy, reports: tuple[SignatureReport, ...]) -> tuple[str, ...]:
    """What the policy asks for beyond good signatures."""
    signatures = [s for s in reports if s.kind == "signature"]
    found = []
    if not signatures:
        found.append("time_stamps_only")
    if policy.person_and_agency:
        kinds = {s.signer.agency for s in signatures if s.signer is not None and s.indication is Indication.PASSED}
        found += [code for agency, code in ((False, "person_missing"), (True, "agency_missing")) if agency not in kinds]
    least = LEVELS.index(policy.least_level)
    # A level counts here with a time that a believed authority proves.
    low = (s for s in signatures if LEVELS.index((s.level or "B").rsplit("-", 1)[-1]) < least or (least and not s.time))
    if any(low):
        found.append("level_too_low")
    return tuple(found)


def _signature(
    one: Judged, steps: list[Revision], stamps: list[Judged], *, has_store: bool, strange: bool
) -> SignatureReport:
    candidate = one.candidate
    modification = Modification.FORBIDDEN
    if candidate.whole and not candidate.hidden:
        modification = Modification.FORBIDDEN if strange else revisions.modification(steps, candidate)
    indication, failure, reasons = one.indication, one.failure, tuple(one.reasons)
    if modification is Modification.FORBIDDEN and candidate.whole:
        failure = failure if indication is Indication.FAILED else "FORMAT_FAILURE"
        indication, reasons = Indication.FAILED, ("trailing_bytes" if strange else "forbidden_modification", *reasons)
    signed = one.signed
    return SignatureReport(
        field=redacted(candidate.name),
        kind="timestamp" if candidate.stamp else "signature",
        indication=indication,
        subindication=failure,
        reasons=reasons,
        intact=one.integrity.intact if candidate.covered.parts else None,
        level=None if candidate.stamp else _level(one, stamps, has_store=has_store),
        signer=_signer(one.certificate),
        time=one.proven,
        claimed_time=signed.claimed_time if signed is not None and not candidate.stamp else None,
        modification=modification,
        changed_fields=tuple(redacted(name) for name in revisions.changed_fields(steps, candidate)),
        coverage=candidate.covered.shape,
        sub_filter=redacted(candidate.sub_filter) if candidate.sub_filter else None,
        algorithm=f"{signed.algorithm.name} / {signed.digest}" if signed is not None else None,
        certification=candidate.certification,
        chain=_chain(one.verdict),
        stamps=tuple(map(_stamp, one.inner)),
        blocks=tuple(one.blocks),
        also_fields=tuple(map(redacted, candidate.also)),
    )


def _level(one: Judged, stamps: list[Judged], *, has_store: bool) -> str:
    """By what is there and holds (EN 319 142-1, clause 6), whether or not we believe the authority that stamped it:
    time stamp, validation data, later document time stamp.

    "PAdES-BASELINE-x" when the CMS has what the baseline asks for, else "CMS-x".
    """
    later = any(s.candidate.end > one.candidate.end for s in stamps)
    stamped = later or any(inner.holds for inner in one.inner)
    step = "B" if not stamped else "T" if not has_store else "LTA" if later else "LT"
    signed = one.signed
    baseline = one.candidate.sub_filter == "ETSI.CAdES.detached" and signed is not None and signed.names_certificate
    return f"{'PAdES-BASELINE' if baseline else 'CMS'}-{step}"


def _signer(certificate: Certificate | None) -> Signer | None:
    if certificate is None:
        return None
    subject, issuer = certificate.asn1.subject, certificate.asn1.issuer
    return Signer(
        name=named(subject, "common_name"),
        # Public-service certificates name their provider as organisation and the agency as its unit.
        organisation=named(subject, "organizational_unit_name") or named(subject, "organization_name"),
        issuer=named(issuer, "common_name"),
        serial=f"{certificate.serial:x}",
        sha256=certificate.sha256,
        valid_from=certificate.not_before,
        valid_to=certificate.not_after,
        agency=certificate.is_agency,
    )


def _chain(verdict: Verdict | None) -> tuple[Link, ...]:
    found = []
    for step in verdict.steps if verdict is not None else ():
        one, status = step.certificate, step.status
        found.append(
            Link(
                name=named(one.asn1.subject, "common_name") or named(one.asn1.subject, "organization_name"),
                issuer=named(one.asn1.issuer, "common_name") or named(one.asn1.issuer, "organization_name"),
                sha256=one.sha256,
                valid_from=one.not_before,
                valid_to=one.not_after,
                anchor=step.anchor,
                revocation=status.kind if status else None,
                revocation_origin=status.origin if status else None,
                revocation_at=status.this_update if status else None,
                revoked=status.revoked if status else None,
            )
        )
    return tuple(found)


def _stamp(inner: InnerStamp) -> StampReport:
    authority = named(inner.certificate.asn1.subject, "common_name") if inner.certificate is not None else ""
    return StampReport(
        Indication.PASSED if inner.failure is None else Indication.INDETERMINATE,
        inner.failure,
        inner.stamp.time if inner.stamp is not None else None,
        authority,
        tuple(inner.reasons),
    )
