"""`make bench B=seal`: signatures a second of the seal keys' pool on SoftHSM2, with one and with two processes.

Four threads ask, as many as jobs and processes might; the limit is the bare signature through python-pkcs11 in one
process. `permit` is the road that a process of the workshop takes: a permit, a look for the key, the signature.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from statistics import median

from bench import machine
from deploy.local import softhsm
from services.signing.keys import KeyStore
from services.signing.mechanism import Mechanism

RESULTS = Path(__file__).parent / "results"
SECONDS, ROUNDS, THREADS = 1.5, 3, 4
DIGEST = sha256(b"what is sealed").digest()
KINDS = {"rsa2048": Mechanism.RSA_PSS, "rsa3072": Mechanism.RSA_PSS, "p256": Mechanism.ECDSA}


def rate(work: Callable[[], object], threads: int) -> float:
    """How often a second, by the wall clock, with so many threads asking."""
    counts, stop = [0] * threads, threading.Event()

    def ask(n: int) -> None:
        while not stop.is_set():
            work()
            counts[n] += 1

    with ThreadPoolExecutor(threads) as pool:
        begun = time.perf_counter()
        running = [pool.submit(ask, n) for n in range(threads)]
        time.sleep(SECONDS)
        stop.set()
        for each in running:
            each.result()
        return sum(counts) / (time.perf_counter() - begun)


def bare(module: str) -> dict[str, float]:
    """The limit: one session of this process, one thread, the keys' handles kept."""
    from services.signing.key_device import _log_in, _Session, _sign

    held = _Session(_log_in(module, "seals", "1357"))
    return {
        kind: rate(lambda k=kind, m=mechanism: _sign(held, k, DIGEST, m), 1)  # type: ignore[misc]
        for kind, mechanism in KINDS.items()
    }


def measure(module: str) -> dict[str, dict[str, float]]:
    stores = {n: KeyStore(module, "seals", "1357", n) for n in (1, 2)}
    found: dict[str, dict[str, list[float]]] = {kind: {} for kind in KINDS}
    for kind in KINDS:
        stores[1].generate(kind, kind=kind)
    spkis = {key.label: key.spki for key in stores[1].list_keys()}
    for _ in range(ROUNDS):
        for kind, mechanism in KINDS.items():
            for n, store in stores.items():
                seen = found[kind].setdefault(f"{n} process{'es' if n > 1 else ''}", [])
                seen.append(rate(lambda s=store, k=kind, m=mechanism: s.sign(k, DIGEST, m), THREADS))  # type: ignore[misc]
            with stores[2].permit(frozenset({spkis[kind]}), signatures=10**9) as keys:
                found[kind].setdefault("permit, 2 processes", []).append(
                    rate(lambda k=kind, m=mechanism, p=keys: p.sign(k, DIGEST, m), THREADS)  # type: ignore[misc]
                )
    for store in stores.values():
        store.close()
    for kind, limit in bare(module).items():
        found[kind]["bare"] = [limit]
    return {kind: {name: median(rates) for name, rates in rows.items()} for kind, rows in found.items()}


def main() -> None:
    """Measure, and write results/seal.json and .md."""
    about = ", ".join(f"{name}: {value}" for name, value in machine.facts().items())
    with tempfile.TemporaryDirectory(prefix="vanthu-bench-") as folder:
        store = softhsm.open_store(softhsm.provide(), Path(folder))
        store.provide("seals", pin="1357", so_pin="2468")
        os.environ |= store.environment
        rates = measure(str(store.softhsm.module))
    names = list(next(iter(rates.values())))
    lines = [
        "# seal: the seal keys' pool on SoftHSM2",
        "",
        "Made by `make bench B=seal`; what is measured and how stands in [README.md](../README.md).",
        "",
        f"{about}.",
        f"{ROUNDS} rounds of {SECONDS} s each, medians of signatures a second.",
        "",
        f"| key | {' | '.join(names)} |",
        f"|---|{'---:|' * len(names)}",
        *(f"| {kind} | {' | '.join(f'{rows[name]:,.0f}' for name in names)} |" for kind, rows in rates.items()),
        "",
    ]
    (RESULTS / "seal.md").write_text("\n".join(lines), encoding="utf-8")
    (RESULTS / "seal.json").write_text(
        json.dumps({"machine": machine.facts(), "rates": rates}, indent=1) + "\n", "utf-8"
    )
    print("\n".join(lines))


if __name__ == "__main__":
    main()
