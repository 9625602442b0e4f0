"""The token issuer's Ed25519 keys: made and kept in the portal's database, stated on `portal.key`, never exported."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta

from joserfc.jwk import OKPKey

from services.portal import store
from services.portal.refusals import NO_SIGNING_KEY
from shared import outbox, tokens
from shared.db import Pool, Tx, transaction
from shared.errors import NotFound, Rejected
from shared.events.portal import KeyStated
from shared.tokens import Principal

log = logging.getLogger(__name__)

ROTATE_AFTER = timedelta(days=90)
LIFETIME = timedelta(days=180)
HEADSTART = timedelta(minutes=2)  # between stating a key and using it: the others must have heard of it
AFTERLIFE = timedelta(minutes=15)  # an old key's last token is good for five minutes
CACHE = 5.0  # seconds


class Issuer:
    """Mints access tokens with the key of the day."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._key: OKPKey | None = None
        self._read_at = 0.0

    def token(self, principal: Principal, audience: str) -> str:
        """A five-minute token of this person or partner for one service."""
        return tokens.mint(principal, audience, self._current(), time.time())

    def _current(self) -> OKPKey:
        if self._key is None or time.monotonic() - self._read_at > CACHE:
            with transaction(self._pool) as tx:
                row = store.find_key_to_sign_with(tx, datetime.now(UTC))
            if row is None:
                raise Rejected(NO_SIGNING_KEY)
            self._key = OKPKey.import_key(bytes(row["private_key"]), {"kid": row["kid"]})
            self._read_at = time.monotonic()
        return self._key


def ensure(tx: Tx, now: datetime, *, source: str) -> None:
    """There is a key to sign with, and it is not too old; called at start and from time to time."""
    store.lock_signing_keys(tx)
    active = [key for key in store.list_signing_keys(tx) if key["status"] == "active" and key["not_after"] > now]
    if not active:
        _make(tx, now, use_from=now, source=source)
    elif now - active[0]["created_at"] > ROTATE_AFTER:
        rotate(tx, now, source=source)


def rotate(tx: Tx, now: datetime, *, source: str) -> str:
    """A new key, used once the others know it; the old ones are good until their last tokens end. Returns its id."""
    store.lock_signing_keys(tx)
    use_from = now + HEADSTART
    for key in store.list_signing_keys(tx):
        if key["status"] == "active":
            _change(tx, key, status="retired", not_after=use_from + AFTERLIFE, source=source)
    return _make(tx, now, use_from=use_from, source=source)


def withdraw(tx: Tx, kid: str, now: datetime, *, source: str) -> None:
    """A key that leaked: its tokens are refused as soon as the others hear it. A new one is used at once."""
    store.lock_signing_keys(tx)
    found = next((key for key in store.list_signing_keys(tx) if key["kid"] == kid), None)
    if found is None:
        raise NotFound(kid)
    _change(tx, found, status="withdrawn", not_after=now + AFTERLIFE, source=source)
    _make(tx, now, use_from=now, source=source)


def _make(tx: Tx, now: datetime, *, use_from: datetime, source: str) -> str:
    key = OKPKey.generate_key("Ed25519", auto_kid=True)
    kid, x = str(key.kid), str(key.as_dict(private=False)["x"])
    not_after = now + LIFETIME
    store.add_signing_key(
        tx,
        kid=kid,
        private_key=key.as_pem(private=True),
        x=x,
        now=now,
        use_from=use_from,
        not_after=not_after,
    )
    _state(tx, KeyStated(kid=kid, x=x, status="active", not_after=not_after), source=source)
    log.warning("new token key %s, used from %s", kid, use_from.isoformat())
    return kid


def _change(tx: Tx, key: dict[str, object], *, status: str, not_after: datetime, source: str) -> None:
    store.save_signing_key(tx, kid=str(key["kid"]), status=status, not_after=not_after)
    stated = KeyStated.model_validate({"kid": key["kid"], "x": key["x"], "status": status, "not_after": not_after})
    _state(tx, stated, source=source)


def _state(tx: Tx, stated: KeyStated, *, source: str) -> None:
    """To the others by an event; to our own API's verifier, which follows nobody, by the same row."""
    outbox.put(tx, stated, source=source)
    store.save_token_key(tx, stated)
