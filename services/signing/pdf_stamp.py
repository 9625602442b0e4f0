"""Time stamps (RFC 3161): asked for, and looked at before anything of them is embedded."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from dataclasses import replace
from datetime import UTC, datetime

from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import (
    ExpiredError,
    InvalidCertificateError,
    NotYetValidError,
    PathBuildingError,
    RevokedError,
    ValidationError,
)

from services.signing.pdf_token import Asked, Flaw, Flawed, Token, check_time, read
from services.signing.pdf_trust import TIME_STAMPS, TOLERANCE, TimeStampService, Trust, fetchers, load, minutes, post
from services.signing.pdf_verified import Remembering
from services.signing.refusals import CLOCK_DIFFERS, TSA_NOT_BELIEVED, TSA_UNAVAILABLE
from shared.errors import Rejected

BELIEVED_FOR = 300.0  # seconds that an authority's certificate is not looked at again
_HEADERS = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}


def time_stamp(service: TimeStampService, value: bytes, algorithm: str) -> bytes:
    """The token (DER) over the digest of the value; Rejected as by `stamp_digest`."""
    return stamp_digest(service, hashlib.new(algorithm, value).digest(), algorithm)


def stamp_digest(service: TimeStampService, digest: bytes, algorithm: str) -> bytes:
    """The token (DER) of the first server that gives a good one over this digest; never a doubtful one.

    1. The servers in order. 2. What they answer is read and compared with what was asked. 3. Its time is compared with our clock.
    4. Its signer is believed. 5. None of them: Rejected with what says most: clock_differs, tsa_not_believed, tsa_unavailable.
    A server that was caught is not asked again; one that did not answer is.
    """
    caught: dict[str, Flawed] = {}
    last: Exception | None = None
    for url in service.urls * service.tries:  # 1
        if url in caught:
            continue
        asked = Asked(digest, algorithm, secrets.randbits(63), service.policy)
        try:
            token = read(post(url, asked.request(), headers=_HEADERS, timeout=service.timeout), asked)  # 2
            check_time(token, datetime.now(UTC), TOLERANCE)  # 3
            if service.trust is not None:
                _believe(token, service.trust)  # 4
        except Flawed as flawed:
            last = caught[url] = flawed
        except OSError as error:
            last = error
        else:
            return token.der
    off_by = next((one.off_by for one in caught.values() if one.off_by is not None), None)  # 5
    if off_by is not None:
        raise Rejected(CLOCK_DIFFERS, whose="TSA", by=minutes(off_by)) from last
    if caught:
        raise Rejected(TSA_NOT_BELIEVED, why=", ".join(one.flaw for one in caught.values())) from last
    raise Rejected(TSA_UNAVAILABLE) from last


# When a signer that was believed is looked at again, by its certificate and the roots.
_believed: dict[tuple[bytes, tuple[bytes, ...]], float] = {}


def _believe(token: Token, trust: Trust) -> None:
    """Flawed unless the signer leads to a root believed for time stamps, today, for that use, and is not known as revoked.

    A silent CA is no objection here: whether the stamp's certificate was good is proven by the validation data, later.
    """
    if hashlib.sha256(token.signer).hexdigest() in trust.revoked:
        raise Flawed(Flaw.REVOKED)
    roots = trust.roots_for(TIME_STAMPS)
    if _believed.get((token.signer, roots), 0.0) > time.monotonic():
        return
    within = ValidationContext(
        trust_roots=[load(root) for root in roots],
        other_certs=[load(one) for one in token.others],
        allow_fetching=trust.fetch,
        fetchers=fetchers(replace(trust, used=[])) if trust.fetch else None,
        revocation_mode="soft-fail",
        time_tolerance=TOLERANCE,
        signature_validator=Remembering(),
        crls=[],
        ocsps=[],
    )
    validator = CertificateValidator(load(token.signer), validation_context=within)
    try:
        asyncio.run(validator.async_validate_usage(set(), {"time_stamping"}))
    except RevokedError:
        raise Flawed(Flaw.REVOKED) from None
    except (ExpiredError, NotYetValidError):
        raise Flawed(Flaw.EXPIRED) from None
    except InvalidCertificateError:
        raise Flawed(Flaw.PURPOSE) from None
    except (PathBuildingError, ValidationError):
        raise Flawed(Flaw.UNTRUSTED) from None
    _believed[token.signer, roots] = time.monotonic() + BELIEVED_FOR
