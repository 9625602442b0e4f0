"""The portal's composition: settings, roles, and the operator's commands for accounts, partners and keys."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg

from services.portal import operating
from services.portal.consumer import follower
from shared.db import Pool, transaction
from shared.errors import Rejected
from shared.process import Service, Worker, main
from shared.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI

log = logging.getLogger(__name__)

SWEEP_EVERY = 600.0  # seconds


class PortalSettings(Settings):
    """Where the services are whose APIs the pages call, as this process reaches them."""

    docs_url: str
    signing_url: str
    registry_url: str
    notify_url: str


def _settings() -> PortalSettings:
    return PortalSettings()


def _api(settings: PortalSettings, pool: Pool) -> FastAPI:
    from services.portal import api, keys

    with transaction(pool) as tx:
        keys.ensure(tx, datetime.now(UTC), source=settings.source)
    urls = {
        "docs": settings.docs_url,
        "signing": settings.signing_url,
        "registry": settings.registry_url,
        "notify": settings.notify_url,
    }
    return api.create(
        pool,
        keys.Issuer(pool),
        urls,
        url=settings.portal_url,
        source=settings.source,
        follower=follower(),
    )


def _worker(settings: PortalSettings, pool: Pool) -> Worker:
    return Worker(follower=follower(), loops={"sweep": lambda stop: _sweep(settings, pool, stop)})


def _sweep(settings: PortalSettings, pool: Pool, stop: threading.Event) -> None:
    """Old sessions and codes go, an old signing key is replaced."""
    from services.portal import keys, store

    while True:
        now = datetime.now(UTC)
        try:
            with transaction(pool) as tx:
                gone = store.sweep(tx, now)
                keys.ensure(tx, now, source=settings.source)
        except (Rejected, psycopg.OperationalError) as error:
            log.warning("sweep: %s, again later", error)
        else:
            log.info("sweep: %d rows removed", gone)
        if stop.wait(SWEEP_EVERY):
            return


def _command(run: Any) -> Any:
    return lambda arguments: operating.run(_settings(), run, arguments)


if __name__ == "__main__":
    main(
        Service(
            name="portal",
            settings=_settings,
            api=_api,
            worker=_worker,
            commands={
                "accounts": _command(operating.accounts),
                "partners": _command(operating.partners),
                "rotate-key": _command(operating.rotate_key),
                "withdraw-key": _command(operating.withdraw_key),
            },
        )
    )
