"""What portal states: the public keys of the token issuer, and who logged in."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime

from shared.events.envelope import Act, Event, topic

KEY = topic(
    "portal.key",
    "state",
    stated_by="portal",
    followed_by=("docs", "signing", "registry", "notify"),
    partitions=1,
)
ACT = topic("portal.act", "fact", stated_by="portal", followed_by=("docs",), partitions=6)


class KeyStated(Event, type="vn.vanthu.portal.key.stated.v1", topic=KEY, key="kid"):
    """An Ed25519 public key (JWK `x`, base64url) with which portal signs access tokens."""

    kid: str
    x: str
    status: Literal["active", "retired", "withdrawn"]
    not_after: AwareDatetime


class PortalAct(Act, type="vn.vanthu.portal.act.recorded.v1", topic=ACT, key="object_id"):
    """Log-in, failed log-in, log-out, device approved."""
