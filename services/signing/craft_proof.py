"""What runs in the workshop's processes for proof that is added later: bytes and plain values in and out, like craft."""

from __future__ import annotations

from collections.abc import Sequence

from services.signing.craft import Made, Network
from services.signing.longevity import Stamp
from services.signing.refusals import CERTIFICATE_REVOKED
from shared.errors import Rejected


def augment(pdf: bytes, *, level: str, target: str, network: Network) -> Made:
    """More proof for what stands at `level`: as far towards the target as can be had now. Rejected when that is nowhere."""
    from services.signing import pdf as craft
    from services.signing import pdf_endure

    trust, stamps = network.trust(), network.time_stamps()
    with pdf_endure.telling_of_signers():
        made, reached, missing = pdf_endure.extend_at_best(
            pdf, have=craft.Level(level), want=craft.Level(target), trust=trust, time_stamps=stamps
        )
    if missing and made == pdf:
        raise missing
    return Made(
        made,
        min(trust.used, default=None),
        all_at=reached,
        stamp=pdf_endure.newest_stamp(made, trust),
        missing=missing,
    )


def stamp_of(pdf: bytes, *, network: Network) -> Stamp | None:
    """The newest archive time stamp of a document that was sealed before anybody kept account of it."""
    from services.signing import pdf_endure

    return pdf_endure.newest_stamp(pdf, network.trust())


def authority_revoked(certificate: bytes, chain: Sequence[bytes], *, network: Network) -> bool | None:
    """Whether a time-stamping authority's certificate is revoked; None when nobody says so or otherwise."""
    from services.signing import pdf as craft

    try:
        craft.check_certificate(certificate, chain, network.trust(), purpose=craft.TIME_STAMPS)
    except Rejected as error:
        return True if error.code == CERTIFICATE_REVOKED.code else None
    return False
