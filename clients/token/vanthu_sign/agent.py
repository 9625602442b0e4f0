"""`vanthu-sign agent`: signing from the browser. Listens on loopback, pairs with a portal's page, signs what it is asked to
once the person has looked at it and typed the PIN in a window of this program.
"""

from __future__ import annotations

import argparse
import logging
import signal
import threading
from collections.abc import Callable
from functools import partial

from vanthu_sign import agent_install, window
from vanthu_sign.agent_desk import Desk
from vanthu_sign.agent_gate import ORIGIN, Gate
from vanthu_sign.agent_http import Listener
from vanthu_sign.agent_pairing import Pairings
from vanthu_sign.agent_peer import is_ours
from vanthu_sign.agent_sitting import sit
from vanthu_sign.agent_words import ALREADY_RUNS, NO_PORT, PORTAL_ORIGIN
from vanthu_sign.folder import locked
from vanthu_sign.words import Refused, say
from vanthu_sign.words_sitting import SITTING_BUSY

PORTS = tuple(
    range(47210, 47215)
)  # the portal's page knows the same ones; each person's agent takes the first free one
LINGER = 20.0  # seconds that `--once` stays after its sitting, so that the page can still read how it ended


def run(options: argparse.Namespace) -> int:
    """Exit code 0; a refusal is raised."""
    pairings = Pairings(options.home)
    if options.pairings:
        for each in pairings.every():
            print(f"{each.origin}  {each.paired_at}  {each.id[:8]}")
        return 0
    if options.forget:
        count = pairings.forget(options.forget.rstrip("/"))
        print(say(f"Đã bỏ {count} ghép nối.", f"{count} pairings ended."))
        return 0 if count else 1
    portals = frozenset(_origin(each) for each in options.portal)
    if options.install:
        print(agent_install.install(_kept(options)))
        return 0
    try:
        with locked(options.home / "agent.lock", wait=False):
            return _serve(options, pairings, portals)
    except Refused as refused:
        raise (Refused(ALREADY_RUNS) if refused.code == SITTING_BUSY.code else refused) from None


def _serve(options: argparse.Namespace, pairings: Pairings, portals: frozenset[str]) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    ports = (options.port,) if options.port is not None else PORTS
    try:
        listener = Listener(ports, is_ours)
    except OSError as error:
        raise Refused(NO_PORT, ports=f"{ports[0]}–{ports[-1]}") from error
    over = threading.Event()
    make_window = window.choose(options.window)
    desk = Desk(
        pairings=pairings,
        window=make_window,
        work=partial(sit, options, make_window),
        over=over.set if options.once else lambda: None,
    )
    gate = Gate(
        host=f"127.0.0.1:{listener.port}",
        pairings=pairings,
        may_ask=lambda origin: not portals or origin in portals,
    )
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: listener.close())
    if options.once:
        threading.Thread(target=_end_after, args=(over, listener.close), daemon=True).start()
    print(
        say(
            f"Chương trình ký đang chờ ở 127.0.0.1:{listener.port}; mở trang “Chờ ký” của cổng. Ctrl-C để dừng.",
            f"The signing program waits on 127.0.0.1:{listener.port}; open the portal's signing page. Ctrl-C stops it.",
        ),
        flush=True,
    )
    listener.serve(desk.handler(gate))
    return 0


def _end_after(over: threading.Event, close: Callable[[], None]) -> None:
    over.wait()
    threading.Event().wait(LINGER)
    close()


def _origin(portal: str) -> str:
    origin = portal.rstrip("/").lower()
    if not ORIGIN.fullmatch(origin):
        raise Refused(PORTAL_ORIGIN, origin=portal)
    return origin


def _kept(options: argparse.Namespace) -> list[str]:
    """The options that are to hold at every start."""
    named = {"--window": options.window, "--module": options.module, "--token": options.token}
    found = [word for name, value in named.items() if value for word in (name, value)]
    return found + [word for each in options.portal for word in ("--portal", each)]
