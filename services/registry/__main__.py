"""Registry's composition root: settings, wiring, roles `migrate`, `api`, `worker` and the operator's commands."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, SecretStr

from shared import db
from shared.process import Service, Worker, main
from shared.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI

    from services.registry.ca import Authorities
    from services.registry.commands import Bench
    from services.registry.freshness import Keeper
    from services.registry.revocation import Reach


class RegistrySettings(Settings):
    """Beside what all services have: the CAs. The development CA's secret is else read from `var`/secrets/devpki.

    `registry_ca` names who serves all kinds of certificates (devpki, step-ca, manual), or one for each:
    `person=manual seal=step-ca`. `step_key` is the provisioner's private JWK.
    """

    var: Path = Path("var")
    registry_ca: str = "devpki"
    devpki_url: str
    devpki_secret: SecretStr | None = None
    step_url: str | None = None
    step_fingerprint: str | None = None
    step_provisioner: str = "vanthu"
    step_key: SecretStr | None = None
    step_days: int = 730
    tsa_url: str = ""  # whose certificates' status is kept too; several separated by spaces, as signing has them
    revocation_hosts: str = ""  # OCSP and CRLs are fetched from these only; none: from wherever a pinned chain names
    network_timeout: float = Field(default=5.0, gt=0)  # seconds for an OCSP answer or CRL
    procedures_file: Path | None = None  # the deployment's own procedures.csv, limits.csv, workdays.csv (see data/)
    limits_file: Path | None = None
    workdays_file: Path | None = None


def secret(settings: RegistrySettings) -> str:
    """The CA's bearer secret. Raises Rejected(ca_secret_missing), which a job tries again."""
    from services.registry.refusals import CA_SECRET_MISSING
    from shared.errors import Rejected

    if settings.devpki_secret is not None:
        return settings.devpki_secret.get_secret_value().strip()  # files of secrets end with a newline
    path = settings.var / "secrets" / "devpki"
    try:
        return path.read_text().strip()
    except OSError as error:
        raise Rejected(CA_SECRET_MISSING, where=path) from error


def authorities(settings: RegistrySettings) -> Authorities:
    """Every CA that is set up, and which of them serves what. Raises Rejected(ca_settings_wrong)."""
    from services.registry.ca import ByKind, CertificateAuthority, assignment
    from services.registry.ca_development import DevelopmentCA
    from services.registry.ca_manual import ManualCA
    from services.registry.ca_step import StepCA, StepSettings

    known: list[CertificateAuthority] = [DevelopmentCA(settings.devpki_url, partial(secret, settings)), ManualCA()]
    if settings.step_url and settings.step_fingerprint and (key := settings.step_key):
        step = StepSettings(
            url=settings.step_url.rstrip("/"),
            fingerprint=settings.step_fingerprint,
            provisioner=settings.step_provisioner,
            key=key.get_secret_value,
            days=settings.step_days,
        )
        known.append(StepCA(step))
    return ByKind(assignment(settings.registry_ca, known), others=known)


def api(settings: RegistrySettings, pool: db.Pool) -> FastAPI:
    from services.registry import api as directory_api
    from services.registry import (
        api_absences,
        api_authority,
        api_batches,
        api_certificates,
        api_devices,
        api_figures,
        api_imports,
        api_procedures,
        api_structure,
        api_trust,
        ca_files,
        consumer,
    )
    from shared.http import create_app

    routers = (
        directory_api.router,
        api_structure.router,
        api_imports.router,
        api_authority.router,
        api_absences.router,
        api_certificates.router,
        api_devices.router,
        api_procedures.router,
        api_batches.router,
        api_figures.router,
        api_trust.router,
    )
    large = {
        api_imports.PATH: api_imports.MAX_REQUEST,
        "/registry/v1/ca-answers(/preview)?": 2 * ca_files.MAX_FILE,
    }  # in words up to here
    app = create_app("registry", pool, *routers, follower=consumer.follower(), large=large, source=settings.source)
    app.state.source = settings.source
    app.state.reach = reach(settings)
    use_tables(settings)
    return app


def worker(settings: RegistrySettings, pool: db.Pool) -> Worker:
    from services.registry import consumer, freshness, issuance, pulse

    use_tables(settings)
    return Worker(
        follower=consumer.follower(),
        jobs=issuance.job_kinds(pool, authorities(settings), settings.source),
        loops={
            "heartbeats": pulse.heartbeats(pool, settings.source),
            "expiry": pulse.expiry(pool, settings.source),
            "leavers": pulse.leavers(pool, settings.source),
            "revocation": freshness.loop(keeper(settings, pool)),
        },
    )


def use_tables(settings: RegistrySettings) -> None:
    from services.registry import catalogue

    catalogue.use(catalogue.load(settings.procedures_file, settings.limits_file, settings.workdays_file))


def reach(settings: RegistrySettings) -> Reach:
    """What of CAs' servers may be asked."""
    from services.registry.revocation import Reach

    hosts = frozenset(settings.revocation_hosts.split())
    return Reach(hosts or None, settings.network_timeout)


def keeper(settings: RegistrySettings, pool: db.Pool) -> Keeper:
    from services.registry.freshness import Keeper
    from shared.blobs import Blobs

    blobs = Blobs(settings.blobs, "registry")
    return Keeper(pool, blobs, settings.source, reach(settings), tsa=tuple(settings.tsa_url.split()))


def bench() -> Bench:
    from services.registry.commands import Bench

    settings = RegistrySettings()
    use_tables(settings)
    pool = db.open_pool(settings.database.get_secret_value(), max_size=4, name="registry-command")
    return Bench(pool, settings.source, authorities(settings))


def command(name: str, arguments: list[str]) -> None:
    from services.registry import commands

    commands.run(commands.COMMANDS[name], bench, arguments)


NAMES = ("import", "trust", "certify", "revoke")

if __name__ == "__main__":
    main(
        Service(
            "registry",
            RegistrySettings,
            api=api,
            worker=worker,
            commands={name: partial(command, name) for name in NAMES},
        )
    )
