"""Rules of logging in: posts of the day, how long a session lasts, how wrong passwords slow the next try down, and the
states of a device code (RFC 8628) and of a refresh token (RFC 9700 §4.14). Time comes in as a value.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

WORKING_DAY = timedelta(hours=10)  # without a click; each click begins it anew
LONGEST_SESSION = timedelta(days=7)
TOUCH_EVERY = timedelta(minutes=1)  # a session's `seen_at` is not written at every click

FREE_TRIES = 5
FIRST_PAUSE = timedelta(seconds=15)
LONGEST_PAUSE = timedelta(minutes=15)
FORGIVEN_AFTER = timedelta(hours=1)
TRIES_OF_AN_ADDRESS = 50  # a whole commune may share one address

DEVICE_LIFETIME = timedelta(minutes=15)
POLL_INTERVAL = 5  # seconds, RFC 8628 §3.5
USER_CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # RFC 8628 §6.1: no vowels, so no words; nothing that looks like a digit

REFRESH_LIFETIME = timedelta(days=7)
LOST_ANSWER = timedelta(minutes=2)


# --- people


@dataclass(frozen=True, slots=True)
class Post:
    """One post of a person, with its agency's name as we know it."""

    post_id: UUID
    agency_id: UUID
    agency_name: str
    title: str
    unit: str | None
    roles: frozenset[str]
    valid_from: date
    valid_until: date | None

    def is_held_on(self, day: date) -> bool:
        """Both days of the term included."""
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may log in."""

    person_id: UUID
    name: str
    login: str
    active: bool
    posts: tuple[Post, ...]

    def posts_on(self, day: date) -> tuple[Post, ...]:
        """The posts held on that day; none for somebody who is not active."""
        return tuple(post for post in self.posts if self.active and post.is_held_on(day))

    def post_on(self, day: date, post_id: UUID | None) -> Post | None:
        """The chosen post when it is held that day; the only one when nothing was chosen."""
        held = self.posts_on(day)
        if post_id is None:
            return held[0] if len(held) == 1 else None
        return next((post for post in held if post.post_id == post_id), None)


def as_login(typed: str) -> str:
    """Log-in names as they are compared: NFC, lower case, no blanks around."""
    return unicodedata.normalize("NFC", typed).strip().lower()[:100]


# --- secrets that we hand out and keep only the digest of


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """SHA-256; enough for 256 random bits (passwords go through argon2id instead)."""
    return hashlib.sha256(secret.encode()).digest()


# --- sessions


@dataclass(frozen=True, slots=True)
class Session:
    """A browser's session."""

    token_hash: bytes
    person_id: UUID
    post_id: UUID | None
    csrf: str
    created_at: datetime
    seen_at: datetime
    ended_at: datetime | None = None

    def is_over(self, now: datetime) -> bool:
        return self.ended_at is not None or now - self.seen_at > WORKING_DAY or now - self.created_at > LONGEST_SESSION

    def wants_touch(self, now: datetime) -> bool:
        return now - self.seen_at > TOUCH_EVERY

    def form_token(self) -> str:
        """What a form of this session carries; a new one at each rendering, since pages travel compressed (BREACH)."""
        salt = secrets.token_urlsafe(9)
        return f"{salt}.{self._proof(salt)}"

    def accepts(self, form_token: str) -> bool:
        salt, _, proof = form_token.partition(".")
        return hmac.compare_digest(proof.encode(), self._proof(salt).encode())

    def _proof(self, salt: str) -> str:
        return hmac.new(self.csrf.encode(), salt.encode(), hashlib.sha256).hexdigest()


def begin_session(token: str, person_id: UUID, post_id: UUID | None, now: datetime) -> Session:
    return Session(digest(token), person_id, post_id, csrf=new_secret(), created_at=now, seen_at=now)


# --- wrong passwords


@dataclass(frozen=True, slots=True)
class Attempts:
    """Wrong passwords in a row of one subject (a login, a network address, a partner)."""

    failures: int
    last_at: datetime


def wait_before_next(attempts: Attempts | None, now: datetime, *, free: int = FREE_TRIES) -> timedelta:
    """How long the subject has to wait yet; zero when it may try. Doubles from FIRST_PAUSE to LONGEST_PAUSE."""
    if attempts is None or attempts.failures < free or now - attempts.last_at > FORGIVEN_AFTER:
        return timedelta(0)
    pause = min(FIRST_PAUSE * (1 << min(attempts.failures - free, 10)), LONGEST_PAUSE)
    return max(attempts.last_at + pause - now, timedelta(0))


def count_attempt(attempts: Attempts | None, now: datetime) -> Attempts:
    """One more try, counted before its password is looked at, so that a hundred at once are a hundred."""
    if attempts is None or now - attempts.last_at > FORGIVEN_AFTER:
        return Attempts(1, now)
    return Attempts(attempts.failures + 1, now)


# --- device flow, RFC 8628


Poll = Literal["approved", "authorization_pending", "slow_down", "expired_token", "access_denied", "invalid_grant"]


@dataclass(frozen=True, slots=True)
class DeviceGrant:
    """A program that waits for its person to type the user code."""

    device_hash: bytes
    user_code: str
    client_id: str
    state: Literal["pending", "approved", "denied", "used"]
    person_id: UUID | None
    post_id: UUID | None
    poll_interval: int
    polled_at: datetime | None
    created_at: datetime
    expires_at: datetime

    def may_be_decided(self, now: datetime) -> bool:
        return self.state == "pending" and now < self.expires_at


def new_user_code() -> str:
    """Eight letters, shown as XXXX-XXXX; 20^8 is 34 bits, with throttled typing (RFC 8628 §5.1)."""
    return "".join(secrets.choice(USER_CODE_LETTERS) for _ in range(8))


def as_user_code(typed: str) -> str:
    """What a person typed, without hyphens, blanks and case."""
    return "".join(c for c in typed.upper() if c in USER_CODE_LETTERS)[:8]


def shown_user_code(code: str) -> str:
    return f"{code[:4]}-{code[4:]}"


def poll(grant: DeviceGrant, client_id: str, now: datetime) -> tuple[DeviceGrant, Poll]:
    """RFC 8628 §3.5: what a polling program is told, and the grant afterwards. A code is used once."""
    if grant.client_id != client_id or grant.state == "used":
        return grant, "invalid_grant"
    if grant.state == "denied":
        return grant, "access_denied"
    if now >= grant.expires_at:
        return grant, "expired_token"
    if grant.state == "approved":
        return replace(grant, state="used", polled_at=now), "approved"
    # A second of grace: the program's clock starts when our answer arrives, ours when it leaves.
    if grant.polled_at and now - grant.polled_at < timedelta(seconds=grant.poll_interval - 1):
        return replace(grant, polled_at=now, poll_interval=grant.poll_interval + 5), "slow_down"
    return replace(grant, polled_at=now), "authorization_pending"


# --- refresh tokens


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """One refresh token of a grant; `successor_used` tells whether the token that replaced it was used already."""

    token_hash: bytes
    grant_id: UUID
    expires_at: datetime
    used_at: datetime | None
    successor: bytes | None
    successor_used: bool
    grant_ended: bool


Exchange = Literal["rotate", "answer_lost", "reused", "over"]


def exchange(token: RefreshToken, now: datetime) -> Exchange:
    """RFC 9700 §4.14.2: each token is used once, a second use ends the grant.

    `answer_lost`: our answer to the first use may not have arrived (a slow line), since nobody used the successor
    and it was moments ago. The successor is replaced; should somebody hold it after all, its use is a reuse.
    """
    if token.grant_ended or now >= token.expires_at:
        return "over"
    if token.used_at is None:
        return "rotate"
    if token.successor and not token.successor_used and now - token.used_at < LOST_ANSWER:
        return "answer_lost"
    return "reused"
