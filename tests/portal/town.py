"""Portal and registry at work together, each on its own database; what one states the other has heard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from services.registry import consumer as registry_consumer
from services.registry import store as registry_store
from services.registry.__main__ import RegistrySettings
from services.registry.__main__ import api as registry_api
from services.registry.directory import Desk
from services.registry.scope import EVERYWHERE
from shared import db
from shared.events import Actor, decode
from tests.portal import people
from tests.portal.browser import Browser
from tests.portal.conftest import NOBODY_THERE, Portal, at_work
from tests.portal.test_service import PASSWORD
from tests.registry.conftest import SOURCE, Province, settle
from tests.support.http import serve
from tests.support.postgres import Database


@dataclass(frozen=True, slots=True)
class Town:
    """Portal and registry at work, each on its own database; what one states the other has heard."""

    portal: Portal
    registry: db.Pool
    province: Province

    def sit_down(self, login: str) -> Browser:
        self.portal.accounts(**{login: PASSWORD})
        browser = self.portal.browser()
        assert browser.log_in(login, PASSWORD).url.path == "/"
        return browser

    def stated(self, topic: str) -> list[Any]:
        with db.transaction(self.registry) as tx:
            rows = tx.execute("SELECT payload FROM outbox WHERE topic = %s ORDER BY pos", [topic]).fetchall()
        return [decode(bytes(row["payload"]), topic=topic).data for row in rows]


@contextmanager
def at_work_together(database: Callable[[str], Database], tmp_path: Path) -> Iterator[Town]:
    made = database("registry")
    pool = db.open_pool(made.app, max_size=8)
    settings = RegistrySettings.model_validate(
        {
            "service": "registry",
            "database": made.app,
            "kafka": "127.0.0.1:1",
            "kafka_user": "registry",
            "kafka_password": "none",
            "blobs": f"file://{tmp_path}",
            "port": 0,
            "worker_port": 0,
            "source": SOURCE,
            "portal_url": NOBODY_THERE,
            "devpki_url": NOBODY_THERE,
        }
    )
    with db.transaction(pool) as tx:
        registry_store.act_within(tx, EVERYWHERE)
        province = settle(Desk(tx, Actor(name="Dương Thị Mai Hoa"), SOURCE))
    try:
        with (
            serve(registry_api(settings, pool)) as url,
            at_work(database("portal"), tmp_path, registry_url=url) as portal,
        ):
            town = Town(portal, pool, province)
            portal.hear(*town.stated("registry.agency"), *town.stated("registry.person"))
            with db.transaction(pool) as tx:
                for key in portal.stated("portal.key"):
                    registry_consumer.follower().take(tx, people.record(key))
            yield town
    finally:
        pool.close()


def heading(page: httpx.Response) -> str:
    return page.text.partition("<h1>")[2].partition("</h1>")[0]
