"""One try of a password: counted first, looked at outside of any transaction, forgiven when right."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime

from services.portal import domain, passwords, store
from services.portal.refusals import TOO_MANY_TRIES
from shared.db import Pool, Tx, transaction
from shared.errors import Refusal, Rejected


def try_password(
    pool: Pool,
    subject: str,
    password: str,
    *,
    address: str | None,
    find_hash: Callable[[Tx], str | None],
    wrong: Refusal,
) -> str:
    """The hash that the password matched; raises Rejected(too_many_tries) or `wrong`.

    `subject` is whose password it is ("login:…", "partner:…"), `address` the network address that asks.
    """
    from_address = f"address:{address}" if address else None
    with transaction(pool) as tx:
        now = datetime.now(UTC)
        _count(tx, subject, now, free=domain.FREE_TRIES)
        if from_address:
            _count(tx, from_address, now, free=domain.TRIES_OF_AN_ADDRESS)
        password_hash = find_hash(tx)
    if not passwords.matches(password_hash, password) or password_hash is None:
        raise Rejected(wrong)
    with transaction(pool) as tx:
        store.forget_attempts(tx, subject)
        if from_address:
            store.forgive_attempt(tx, from_address)
    return password_hash


def count(pool: Pool, subject: str, *, free: int) -> None:
    """One more act of somebody unknown; Rejected(too_many_tries) when there were too many within the hour."""
    with transaction(pool) as tx:
        _count(tx, subject, datetime.now(UTC), free=free)


def _count(tx: Tx, subject: str, now: datetime, *, free: int) -> None:
    attempts = store.lock_attempts(tx, subject)
    if wait := domain.wait_before_next(attempts, now, free=free):
        raise Rejected(TOO_MANY_TRIES, wait=math.ceil(wait.total_seconds()))
    store.save_attempts(tx, subject, domain.count_attempt(attempts, now))
