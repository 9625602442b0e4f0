"""Access tokens: EdDSA JWTs of five minutes, minted by portal, verified here with the keys that portal stated.

What the bearer may do is decided by each service on its own copy of the registry's facts; the token only says who.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from shared.db import Pool, Tx, transaction
from shared.errors import LOGIN_REQUIRED, Rejected
from shared.events import Actor, Envelope
from shared.events.portal import KeyStated

ISSUER = "portal"
LIFETIME = 300  # seconds
LEEWAY = 10
CACHE = 2.0  # seconds that verified keys are believed before they are read again
REMEMBERED = 1024  # tokens verified since the keys were read; one is sent with every request of its five minutes


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: a person at one of their posts, a partner's system, or a visitor of the public pages, who has no rights."""

    kind: Literal["person", "partner", "visitor"]
    name: str
    roles: frozenset[str]
    person_id: UUID | None = None
    post_id: UUID | None = None
    post: str | None = None
    agency_id: UUID | None = None
    partner: str | None = None

    @property
    def id(self) -> str:
        if self.kind == "visitor":
            return "visitor"
        return str(self.person_id) if self.person_id else f"partner:{self.partner}"

    def actor(self, capacity: str | None = None) -> Actor:
        """As stated in facts."""
        return Actor(
            person_id=self.person_id,
            name=self.name,
            post=self.post,
            agency_id=self.agency_id,
            capacity=capacity,
            system=f"partner:{self.partner}" if self.partner else None,
        )


def claims(principal: Principal, audience: str) -> dict[str, Any]:
    """The claims of a token for one service, without times."""
    found = {
        "iss": ISSUER,
        "aud": audience,
        "sub": principal.id,
        "kind": principal.kind,
        "name": principal.name,
        "roles": sorted(principal.roles),
        "post": principal.post,
        "partner": principal.partner,
        "post_id": str(principal.post_id) if principal.post_id else None,
        "agency_id": str(principal.agency_id) if principal.agency_id else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def mint(principal: Principal, audience: str, key: OKPKey, now: float) -> str:
    """Only portal has the key to call this with."""
    body = claims(principal, audience) | {"iat": int(now), "exp": int(now) + LIFETIME}
    return jwt.encode({"alg": "Ed25519", "kid": key.kid, "typ": "at+jwt"}, body, key, algorithms=["Ed25519"])


@dataclass(slots=True)
class Verifier:
    """Verifies tokens for one audience with the keys in the service's own database."""

    pool: Pool
    audience: str
    _keys: dict[str, OKPKey] = field(default_factory=dict)
    _read_at: float = 0.0
    _verified: dict[str, tuple[float, Principal]] = field(default_factory=dict)

    def recall(self, token: str) -> Principal | None:
        """The bearer of a token that was verified with the keys of now and has not ended; asks nobody, computes nothing."""
        found = self._verified.get(token)
        if found is None or found[0] < time.time() or time.monotonic() - self._read_at > CACHE:
            return None
        return found[1]

    def verify(self, token: str) -> Principal:
        """The bearer; raises Rejected(login_required) for anything that is not a valid token of ours, now."""
        verified = self._verified  # taken before the keys: what older keys let pass is never kept beside newer ones
        keys = self._current()
        if found := self.recall(token):
            return found
        ends, who = self._verify(token, keys)
        if len(verified) >= REMEMBERED:
            verified.clear()
        verified[token] = (ends, who)
        return who

    def _verify(self, token: str, keys: dict[str, OKPKey]) -> tuple[float, Principal]:
        """Until when the token counts, and whose it is."""
        try:
            decoded = jwt.decode(token, KeySet(list(keys.values())), algorithms=["Ed25519"])
            registry = jwt.JWTClaimsRegistry(
                leeway=LEEWAY,
                iss={"essential": True, "value": ISSUER},
                aud={"essential": True, "value": self.audience},
                exp={"essential": True},
                sub={"essential": True},
            )
            registry.validate(decoded.claims)
            return float(decoded.claims["exp"]), principal_from(decoded.claims)
        except (JoseError, ValueError, KeyError) as error:
            raise Rejected(LOGIN_REQUIRED) from error

    def _current(self) -> dict[str, OKPKey]:
        if time.monotonic() - self._read_at > CACHE or not self._keys:
            with transaction(self.pool) as tx:
                rows = tx.execute(
                    "SELECT kid, x FROM token_key WHERE status <> 'withdrawn' AND not_after > now()"
                ).fetchall()
            keys = {r["kid"]: public_key(r["kid"], r["x"]) for r in rows}
            if {kid: key.as_dict() for kid, key in keys.items()} != {k: key.as_dict() for k, key in self._keys.items()}:
                self._keys, self._verified = keys, {}  # what an earlier key had signed is looked at again
            self._read_at = time.monotonic()
        return self._keys


def principal_from(found: dict[str, Any]) -> Principal:
    """A principal from verified claims."""
    person = found["kind"] == "person"
    if found["kind"] == "visitor":
        return Principal(kind="visitor", name=found["name"], roles=frozenset())
    return Principal(
        kind="person" if person else "partner",
        name=found["name"],
        roles=frozenset(found["roles"]),
        person_id=UUID(found["sub"]) if person else None,
        post_id=UUID(found["post_id"]) if "post_id" in found else None,
        post=found.get("post"),
        agency_id=UUID(found["agency_id"]) if "agency_id" in found else None,
        partner=None if person else found["partner"],
    )


def public_key(kid: str, x: str) -> OKPKey:
    return OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid})


def receive_key(tx: Tx, envelope: Envelope) -> None:
    """Event handler of every service: keep portal's public keys."""
    key = envelope.data
    assert isinstance(key, KeyStated)  # noqa: S101  registered for this type
    tx.execute(
        "INSERT INTO token_key (kid, x, status, not_after) VALUES (%s, %s, %s, %s) ON CONFLICT (kid)"
        " DO UPDATE SET x = excluded.x, status = excluded.status, not_after = excluded.not_after",
        [key.kid, key.x, key.status, key.not_after],
    )
