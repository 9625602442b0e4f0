"""The validation processes of ETSI EN 319 102-1: what a signature's certificate, its revocation data and the proofs of
existence at hand add up to, now or at the best time that is proven.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from vanthu_verify import paths
from vanthu_verify.algorithms import Unsupported, algorithm_of
from vanthu_verify.certificates import SIGNING, Certificate
from vanthu_verify.policy import Policy
from vanthu_verify.revocation import Evidence, Source, Status

# Answers are made after the moment that is judged, by other people's clocks.
TOLERANCE = timedelta(minutes=1)
# Which of several troubles says most to a person, first.
_WORST = (
    "REVOKED_NO_POE",
    "REVOKED_CA_NO_POE",
    "OUT_OF_BOUNDS_NO_POE",
    "NOT_YET_VALID",
    "TRY_LATER",
    "CRYPTO_CONSTRAINTS_FAILURE_NO_POE",
    "CHAIN_CONSTRAINTS_FAILURE",
    "CERTIFICATE_CHAIN_GENERAL_FAILURE",
    "NO_CERTIFICATE_CHAIN_FOUND",
)
Fetch = Callable[[Certificate, Certificate], list[Source]]
ProofOf = Callable[[int | None], datetime | None]


@dataclass(frozen=True, slots=True)
class Step:
    """A certificate of a path and what was found of its revocation; None where nothing is asked or nothing was had."""

    certificate: Certificate
    status: Status | None = None
    anchor: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of X.509 validation (5.2.6) at one time: no failure is PASSED."""

    failure: str | None
    why: str | None = None
    steps: tuple[Step, ...] = ()
    at: datetime | None = None


@dataclass(slots=True)
class Bench:
    """What a whole file is judged with: time, anchors, certificates and evidence at hand, and a way to more."""

    now: datetime
    policy: Policy
    anchors: paths.Anchors
    stamp_anchors: paths.Anchors
    pool: paths.Pool
    evidence: Evidence
    fetch: Fetch | None = None
    _asked: set[tuple[str, str]] = field(default_factory=set)
    _responders: set[str] = field(default_factory=set)  # whose own status is being looked at

    def judge(
        self, certificate: Certificate, at: datetime, *, proof_of: ProofOf, stamped: datetime | None = None
    ) -> Verdict:
        """X.509 certificate validation (5.2.6) at the time `at`, with what is known at `now`.

        `stamped` is the time of the time stamp whose authority is judged. Revocation data that were fresh at that time
        do for it where nothing newer is to be had (5.2.5 leaves the bound to the policy): otherwise no archive could be
        validated a day later without a network. A revocation that is known always counts.

        1. Paths to an anchor of this purpose.
        2. Use of the signing certificate.
        3. RFC 5280 for each path; algorithms of each certificate's signature.
        4. Revocation of each certificate below the anchor.
        The path with the least trouble counts.
        """
        anchors = self.anchors if stamped is None else self.stamp_anchors
        found = paths.build(certificate, anchors, self.pool)  # 1
        if not found:
            return Verdict("NO_CERTIFICATE_CHAIN_FOUND", "not_trusted", at=at)
        why = self._misused(certificate, stamp=stamped is not None)  # 2
        verdicts = []
        for path in found:
            verdict = self._judge_path(path, at, proof_of, stamped)
            if verdict.failure is None:
                return verdict if why is None else Verdict("CHAIN_CONSTRAINTS_FAILURE", why, verdict.steps, at)
            verdicts.append(verdict)
        return min(verdicts, key=lambda v: _WORST.index(v.failure) if v.failure in _WORST else len(_WORST))

    def _misused(self, certificate: Certificate, *, stamp: bool) -> str | None:
        if stamp:
            usage = certificate.extended_usage
            return None if usage is not None and "time_stamping" in usage else "wrong_usage"
        usage = certificate.key_usage
        if self.policy.any_key_usage or usage is None or usage & SIGNING:
            return None
        return "wrong_usage"

    def _judge_path(
        self, path: tuple[Certificate, ...], at: datetime, proof_of: ProofOf, stamped: datetime | None
    ) -> Verdict:
        bare = tuple(Step(one, anchor=one is path[-1]) for one in path)
        trouble = paths.check(path, at)  # 3
        if trouble is not None:
            return Verdict(trouble.failure, trouble.why, bare, at)
        for one in path[:-1]:
            weak = self._weak(one, at)
            if weak is not None:
                return Verdict("CRYPTO_CONSTRAINTS_FAILURE_NO_POE", f"weak_algorithm:{weak}", bare, at)
        steps: list[Step] = []  # 4
        failure: tuple[str, str] | None = None
        for index, one in enumerate(path[:-1]):
            status, trouble_here = self._revocation(one, path[index + 1], at, proof_of)
            if stamped is not None and trouble_here is not None and trouble_here[0] == "TRY_LATER":
                status, trouble_here = self._known(one, path[index + 1], min(at, stamped), proof_of)
            steps.append(Step(one, status))
            if trouble_here is not None and failure is None:
                failure = (_of_authority(trouble_here[0]) if index else trouble_here[0]), trouble_here[1]
        steps.append(Step(path[-1], anchor=True))
        failed, why = failure or (None, None)
        return Verdict(failed, why, tuple(steps), at)

    def _weak(self, certificate: Certificate, at: datetime) -> str | None:
        try:
            algorithm = algorithm_of(certificate.asn1["signature_algorithm"])
        except Unsupported as error:
            return str(error)
        return self.policy.constraints.too_weak(algorithm.hash, certificate.key, at)

    def _revocation(
        self, certificate: Certificate, issuer: Certificate, at: datetime, proof_of: ProofOf
    ) -> tuple[Status | None, tuple[str, str] | None]:
        """5.2.5 and 5.2.6: what is known at `now` about the certificate at the time `at`."""
        if certificate.needs_no_check:
            return None, None
        status, trouble = self._known(certificate, issuer, at, proof_of)
        key = certificate.sha256, issuer.sha256
        if trouble is not None and trouble[0] == "TRY_LATER" and self.fetch is not None and key not in self._asked:
            self._asked.add(key)
            self.evidence.add(self.fetch(certificate, issuer))
            status, trouble = self._known(certificate, issuer, at, proof_of)
        if trouble is not None and trouble[0] == "TRY_LATER" and not self.policy.revocation_required:
            return status, None
        return status, trouble

    def _known(
        self, certificate: Certificate, issuer: Certificate, at: datetime, proof_of: ProofOf
    ) -> tuple[Status | None, tuple[str, str] | None]:
        """1. Data from after `now`, or whose signer ran out before anything proves that they existed, don't count.
           Nor do those of a responder that may have lost its key, unless they bring bad news.
        2. A revocation up to `at` counts, whoever says it; a later one says that the certificate was good before.
        3. Good is what was said at `at` or later, or before and still fresh then.
        """
        found = [s for s in self.evidence.of(certificate, issuer, self.pool) if self._admissible(s, proof_of)]  # 1
        for status in found:  # 2
            if status.revoked is not None and status.revoked <= at and status.reason != "remove_from_crl":
                return status, ("REVOKED_NO_POE", "revoked")
        usable = [s for s in found if self._responder_stands(s, issuer, proof_of)]
        for status in usable:
            if status.revoked is not None and status.this_update >= at:
                return status, None
        for status in usable:  # 3
            if status.revoked is None and _speaks_of(status, certificate, at):
                return status, None
        return (usable[0] if usable else None), ("TRY_LATER", "revocation_unknown")

    def _admissible(self, status: Status, proof_of: ProofOf) -> bool:
        if status.this_update > self.now + TOLERANCE:
            return False
        existed = proof_of(status.offset) or self.now
        return status.signer.not_before <= status.this_update + TOLERANCE and (
            min(existed, self.now) <= status.signer.not_after
        )

    def _responder_stands(self, status: Status, issuer: Certificate, proof_of: ProofOf) -> bool:
        """Whether a delegated responder was not revoked itself when it answered (RFC 6960, 4.2.2.2.1): its certificate
        says that nobody needs to ask, or somebody else than itself says that it was good.
        """
        signer = status.signer
        if signer.spki == issuer.spki or status.kind != "ocsp" or signer.needs_no_check:
            return True
        if signer.sha256 in self._responders:
            return False
        self._responders.add(signer.sha256)
        try:
            _, trouble = self._revocation(signer, issuer, status.this_update, proof_of)
        finally:
            self._responders.discard(signer.sha256)
        return trouble is None


def _of_authority(failure: str) -> str:
    return "REVOKED_CA_NO_POE" if failure == "REVOKED_NO_POE" else failure


def _speaks_of(status: Status, certificate: Certificate, at: datetime) -> bool:
    """Whether "good" at this_update means good at `at`: made no earlier, or still fresh then.

    Of a certificate that has run out, most authorities say nothing any more, unless they say that they do.
    """
    since = status.covers_expired_since
    if status.this_update > certificate.not_after and (since is None or since > certificate.not_after):
        return False
    return status.this_update + TOLERANCE >= at or at <= status.fresh_until + TOLERANCE
