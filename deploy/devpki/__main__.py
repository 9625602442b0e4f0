"""`python -m deploy.devpki serve`: the development PKI as a process of its own."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from deploy.devpki.hierarchy import DEFAULT_KEYS, KEYS, MARK
from deploy.devpki.refusals import KEYS_UNKNOWN, PORT_TAKEN
from deploy.devpki.server import Server
from shared.errors import Rejected


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.devpki", description=f"{MARK}: CA, OCSP, CRL, TSA.")
    parser.add_argument("role", choices=["serve"])
    parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        serve()
    except Rejected as rejected:
        print(f"{rejected.sentence.vi}\n{rejected.sentence.en}", file=sys.stderr)
        return 1
    return 0


def serve() -> None:
    """Serves until SIGTERM or Ctrl-C."""
    var = Path(os.environ.get("VANTHU_VAR", "var"))
    host = os.environ.get("VANTHU_HOST", "127.0.0.1")
    port = int(os.environ.get("VANTHU_DEVPKI_PORT", "8085"))
    try:
        server = Server(host, port)
    except OSError as error:
        raise Rejected(PORT_TAKEN, port=port) from error
    try:
        url = os.environ.get("VANTHU_DEVPKI_URL", f"http://127.0.0.1:{server.port}").rstrip("/")
        keys = os.environ.get("VANTHU_DEVPKI_KEYS", DEFAULT_KEYS)
        if keys not in KEYS:
            raise Rejected(KEYS_UNKNOWN, keys=keys, known=", ".join(KEYS))
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        server.start(var, url, keys)
        print(f"devpki: {url} ({MARK})", flush=True)
        stop.wait()
    finally:
        server.close()


if __name__ == "__main__":
    sys.exit(main())
