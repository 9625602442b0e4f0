"""A relay in a process of its own that ends when the outbox is empty; the tests kill it at named points."""

from __future__ import annotations

import threading

import psycopg
from psycopg.rows import dict_row

from shared.bus import KafkaPublisher
from shared.outbox import Relay
from shared.settings import Settings


def main() -> None:
    """Publish until nothing is left."""
    settings = Settings(service="docs", port=0, worker_port=0, blobs="", portal_url="")
    stop = threading.Event()
    conninfo = settings.database.get_secret_value()
    relay = Relay(conninfo, KafkaPublisher(settings, stop=stop), stop=stop)
    with psycopg.connect(conninfo, autocommit=True, row_factory=dict_row) as connection:
        held = relay.claim(connection, [])
        while relay.publish_once(connection, held):
            pass


if __name__ == "__main__":
    main()
