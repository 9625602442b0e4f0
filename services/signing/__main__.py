"""Signing put together: settings, the two long-running roles, and the operator's commands."""

from __future__ import annotations

import argparse
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, SecretStr
from vanthu_verify import policy

from services.signing.craft import Network
from services.signing.desk import Desk, SealDevice, read_roots
from services.signing.judges import Judges
from services.signing.keys import KeyStore
from services.signing.rhythm import Rhythm
from services.signing.validation_rules import Rules
from services.signing.validation_rules import read as read_rules
from shared.blobs import Blobs
from shared.db import Pool
from shared.errors import Rejected
from shared.process import Service, Worker, main
from shared.settings import Settings
from shared.workshop import Workshop

if TYPE_CHECKING:
    from fastapi import FastAPI


NO_ACTS = {"POST /clients": "the program of a person tells how its machine is; it keeps one row, again and again"}
RULES = Path(__file__).with_name("data") / "validation_rules.toml"


class SigningSettings(Settings):
    """What signing needs beside what every service needs.

    `trust` and `tsa_url` may name several, separated by the path separator and by spaces. The seal's are the
    worker's alone: give them to the API and it makes no use of them.
    """

    trust: str
    trust_registry: bool = True  # roots that the registry states count beside those of `trust`
    tsa_url: str
    network_timeout: float = Field(default=5.0, gt=0)  # seconds a request to TSA, OCSP or CRL
    pkcs11_module: str = ""
    seal_token: str = ""
    seal_pin: SecretStr = SecretStr("")
    seal_pss: bool = True  # RSASSA-PSS for RSA seal keys; off for a device that can't
    seal_processes: int = Field(
        default=1, ge=1
    )  # that drive the seal keys' device at the same time, each logged in once
    validation_rules: str = (
        ""  # a file that says which policy judges what arrives, instead of data/validation_rules.toml
    )
    places_ask: bool = True  # the clerk is asked where a place was not found; an agency may decide otherwise
    processes: int = Field(default=2, ge=1)  # for PDF work, in each of API and worker
    debt_hours: float = Field(default=2.0, gt=0)  # after which people are told that a document's proof is incomplete
    renewal_days: float = Field(default=90.0, gt=0)  # before its end, an archive time stamp is renewed
    renewals: int = Field(default=50, ge=1)  # under way at a time
    upkeep_seconds: float = Field(default=30.0, gt=0)
    ledger_sealer: str = "H37"  # identifier of the agency whose seal the ledger's heads get, and no other's

    @property
    def rhythm(self) -> Rhythm:
        return Rhythm(
            owing_for=timedelta(hours=self.debt_hours),
            margin=timedelta(days=self.renewal_days),
            renewals=self.renewals,
            every=self.upkeep_seconds,
        )


def _desk(settings: SigningSettings, pool: Pool, keys: KeyStore) -> Desk:
    paths = tuple(Path(p) for p in settings.trust.split(os.pathsep) if p)
    tsa = tuple(settings.tsa_url.split())

    def network() -> Network:
        return Network(roots=read_roots(paths), tsa=tsa, timeout=settings.network_timeout)

    return Desk(
        pool=pool,
        blobs=Blobs(settings.blobs, "signing"),
        workshop=Workshop(size=settings.processes),
        judges=Judges(size=settings.processes),
        rules=_rules(settings),
        network=network,
        keys=SealDevice(keys, pss=settings.seal_pss),
        source=settings.source,
        stale_after=settings.registry_stale_after,
        follow_trust=settings.trust_registry,
        ask_for_places=settings.places_ask,
        ledger_sealer=settings.ledger_sealer,
    )


def _rules(settings: SigningSettings) -> Rules:
    """Read once, at the start: a file that says nothing clear stops the service instead of judging by chance."""
    path = Path(settings.validation_rules or RULES)
    try:
        return read_rules(path.read_text(encoding="utf-8"), policy.names())
    except (OSError, ValueError) as error:
        sys.exit(f"VANTHU_VALIDATION_RULES: {path}: {error}")


def _api(settings: SigningSettings, pool: Pool) -> FastAPI:
    from services.signing import api_pictures, api_places
    from services.signing.api import router
    from services.signing.api_checks import router as checks_router
    from services.signing.api_clients import router as clients_router
    from services.signing.api_longevity import router as longevity_router
    from services.signing.checking import Counter
    from services.signing.consumer import follower
    from shared.http import create_app

    routers = (router, checks_router, clients_router, longevity_router, api_places.router, api_pictures.router)
    large = {r"/signing/v1/checks": None}
    app = create_app(
        "signing",
        pool,
        *routers,
        follower=follower(settings.source),
        large=large,
        source=settings.source,
        silent=NO_ACTS,
    )
    app.state.checks = Counter()
    app.state.rhythm = settings.rhythm
    app.state.desk = _desk(settings, pool, KeyStore("", "", ""))  # whoever answers the web cannot seal
    return app


def _worker(settings: SigningSettings, pool: Pool) -> Worker:
    from services.signing.consumer import follower
    from services.signing.upkeep import loop
    from services.signing.work import kinds

    keys = KeyStore(
        settings.pkcs11_module, settings.seal_token, settings.seal_pin.get_secret_value(), settings.seal_processes
    )
    desk = _desk(settings, pool, keys)
    return Worker(
        follower(settings.source),
        kinds(desk),
        job_threads=settings.processes,
        loops={"upkeep": loop(desk, settings.rhythm)},
    )


def _seal_key(arguments: list[str]) -> None:
    """`seal-key create --agency IDENTIFIER`: an agency's key pair in the seal token, its CSR (PEM) on stdout."""
    parser = argparse.ArgumentParser(prog="python -m services.signing seal-key")
    parser.add_argument("act", choices=["create"])
    parser.add_argument("--agency", required=True, metavar="IDENTIFIER", help="e.g. H50.12.3")
    parser.add_argument("--key", choices=["rsa2048", "p256"], default="rsa2048")
    asked = parser.parse_args(arguments)
    store = KeyStore(
        os.environ.get("VANTHU_PKCS11_MODULE", ""),
        os.environ.get("VANTHU_SEAL_TOKEN", ""),
        os.environ.get("VANTHU_SEAL_PIN", ""),
    )
    try:
        sys.stdout.write(_request(store, asked.agency, kind=asked.key))
    except Rejected as error:
        sys.exit(f"{error.sentence.vi}\n{error.sentence.en}")
    finally:
        store.close()


def _request(store: KeyStore, agency: str, *, kind: str) -> str:
    """The CSR of the agency's key, which is made unless it is there."""
    # Looked for first: so the device is up before it is given the time that a key pair takes.
    if all(key.label != agency for key in store.list_keys()):
        store.generate(agency, kind=kind)
    return store.csr(agency, common_name=agency)


SERVICE = Service(
    name="signing",
    settings=SigningSettings,
    api=_api,
    worker=_worker,
    commands={"seal-key": _seal_key},
)

if __name__ == "__main__":
    main(SERVICE)
