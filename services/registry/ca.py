"""What a CA is to the registry: one small interface, whoever stands behind it.

The adapters: `ca_development` (no real CA), `ca_step` (step-ca), `ca_manual` (a CA that is asked by forms and files, as
the government's is). Its callers are jobs, so a call may take seconds and may be repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Self, get_args

import httpx

from services.registry.certificate import Kind
from services.registry.refusals import CA_UNREACHABLE
from services.registry.refusals_ca import CA_NOT_SET_UP, CA_SETTINGS
from shared.errors import Rejected

KINDS: tuple[Kind, ...] = get_args(Kind)
TIMEOUT = 10.0  # seconds; half of a job's lease, so that an answer is never waited for in vain


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked of a CA. `key` makes repeating it harmless; names have at most 64 characters (X.520).

    `ordered_at` is the same at each repetition: a CA that can't tell a repetition gets the same dates again.
    """

    key: str
    ordered_at: datetime
    csr_pem: str
    profile: str  # person | agency
    common_name: str
    organisation: str | None = None
    organisation_id: str | None = None
    title: str | None = None
    email: str | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An issued certificate; `chain_pem` its issuers."""

    pem: str
    chain_pem: str


class CertificateAuthority(Protocol):
    """Every method raises Rejected: with status 503 when it may be tried again, otherwise for good."""

    name: str

    @property
    def answers_later(self) -> bool:
        """Orders wait for a batch and certificates come back as a file: `issue` and `end` are never called."""

    def issue(self, order: Order) -> Answer:
        """The same order (by its key) gets the same certificate."""

    def end(self, serial: str, reason: str) -> None:
        """Revoke, `certificateHold` or `removeFromCRL` (RFC 5280 §5.3.1); the same again changes nothing."""


class Authorities(Protocol):
    """The CAs of this deployment: one of them, or several with a kind of certificate each."""

    def serving(self, kind: Kind) -> CertificateAuthority:
        """Whom a certificate of this kind is asked of."""

    def named(self, name: str) -> CertificateAuthority:
        """Who issued a certificate and has to hear of its end. Raises Rejected(ca_not_set_up), tried again."""


class Alone:
    """A CA that is the only one: it serves every kind."""

    name: str

    def serving(self, kind: Kind) -> Self:  # noqa: ARG002  Authorities
        return self

    def named(self, name: str) -> Self:
        if name != self.name:
            raise Rejected(CA_NOT_SET_UP, ca=name)
        return self


@dataclass(frozen=True, slots=True)
class ByKind:
    """`others` are set up without serving a kind: what they issued earlier can still be ended with them."""

    by_kind: Mapping[Kind, CertificateAuthority]
    others: Sequence[CertificateAuthority] = ()

    def serving(self, kind: Kind) -> CertificateAuthority:
        return self.by_kind[kind]

    def named(self, name: str) -> CertificateAuthority:
        for authority in (*self.by_kind.values(), *self.others):
            if authority.name == name:
                return authority
        raise Rejected(CA_NOT_SET_UP, ca=name)


def assignment(setting: str, known: Sequence[CertificateAuthority]) -> dict[Kind, CertificateAuthority]:
    """Who serves which kind: one name for all (`devpki`), or each with its own (`person=manual seal=step-ca`)."""
    by_name = {each.name: each for each in known}
    words = setting.split()
    named = {str(kind): words[0] for kind in KINDS} if len(words) == 1 and "=" not in setting else _pairs(words)
    if set(named) != set(KINDS) or not set(named.values()) <= set(by_name):
        kinds, names = " ".join(f"{kind}=…" for kind in KINDS), ", ".join(sorted(by_name))
        raise Rejected(CA_SETTINGS, where=f"VANTHU_REGISTRY_CA={setting}: {kinds} ({names})")
    return {kind: by_name[named[kind]] for kind in KINDS}


def _pairs(words: Sequence[str]) -> dict[str, str]:
    return {kind: name for kind, _, name in (word.partition("=") for word in words)}


def reached(ask: Callable[[], httpx.Response]) -> httpx.Response:
    """What a CA answered over HTTP. Raises Rejected(ca_unreachable), which a job tries again; a refusal is the caller's."""
    try:
        answer = ask()
    except httpx.HTTPError as error:
        raise Rejected(CA_UNREACHABLE, why=type(error).__name__) from error
    if answer.status_code >= 500:
        raise Rejected(CA_UNREACHABLE, why=f"HTTP {answer.status_code}")
    return answer
