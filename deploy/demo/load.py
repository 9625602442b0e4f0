"""`python -m deploy.demo.load`: the demo province goes into the running stack, through what operators have.

Registry's, portal's and signing's operator commands are run with those services' own environment; leaders' tokens
are SoftHSM2 tokens under var/demo. Loading again changes nothing, and takes no time when nothing is missing.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import subprocess
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from deploy.demo import province
from deploy.local import environment, softhsm, topics
from deploy.local.layout import ROOT, Layout

FILES = ("logins.json", "tokens.json", "partners.json", "trust.pem")
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is taken for another
BOUND = 300.0  # seconds for one command


@dataclass(frozen=True, slots=True)
class Loader:
    """`home` is var/demo."""

    place: Layout
    home: Path

    def run(self) -> None:
        """1. What is there already? 2. At once: the directory, log-ins, tokens, seal keys. 3. Their certificates.

        4. Files for people and for the demo's story, the mark of a complete load last.
        """
        root = self._root()
        mark = self._mark(root)
        marked = self.home / "loaded.json"
        if marked.exists() and json.loads(marked.read_text()) == mark and all((self.home / f).exists() for f in FILES):
            print("dữ liệu mẫu đã có sẵn / the demo province is loaded", flush=True)
            return
        marked.unlink(missing_ok=True)
        self._write("trust.pem", root)
        with ThreadPoolExecutor(4) as together:
            directory = together.submit(self._directory)
            accounts = together.submit(self._accounts)
            tokens = together.submit(self._tokens)
            seals = together.submit(self._seals)
            _wait(directory, accounts, tokens, seals)
        self._certify(tokens.result(), seals.result())
        self._write("loaded.json", mark)
        print("đã nạp dữ liệu mẫu / the demo province is loaded", flush=True)

    # --- 1

    def _root(self) -> str:
        """The development CA's own root, as it serves it on this machine."""
        with urllib.request.urlopen(f"{self.place.url('devpki')}/root.pem", timeout=10) as answer:  # noqa: S310  our own http address
            return str(answer.read().decode())

    def _mark(self, root: str) -> dict[str, str]:
        """What a load depends on: its content, the code that makes it, the databases and the CA that it went into."""
        parts = {
            "content": json.dumps([province.directory(), province.TOKENS, province.SEALED], sort_keys=True),
            "trust": root,
            "partners": ",".join(topics.partners()),
        }
        mark = {name: hashlib.sha256(value.encode()).hexdigest() for name, value in parts.items()}
        for service in ("registry", "portal"):
            mark[service] = self._database(service)
        return mark

    def _database(self, service: str) -> str:
        """Which database it is: another one, even under the same name, has not been loaded."""
        server = environment.server(self.place)
        conninfo = server.conninfo(service, service, environment.role_password(self.place, service))
        with psycopg.connect(conninfo) as connection:
            row = connection.execute(
                "SELECT system_identifier, (SELECT oid FROM pg_database WHERE datname = current_database())"
                " FROM pg_control_system()"
            ).fetchone()
        return repr(row)

    # --- 2

    def _directory(self) -> None:
        """Agencies, people and authority; and whom the registry believes."""
        registry = environment.of_service(self.place, "registry", None)
        self._service(registry, "registry", "import", self._write("province.json", province.directory()))
        self._service(registry, "registry", "trust", self.home / "trust.pem")

    def _accounts(self) -> None:
        """Passwords of a first load are kept: people have written them down."""
        known = {row["login"]: row["password"] for row in self._read("logins.json")}
        logins = [
            {"login": row["login"], "password": known.get(row["login"]) or _password()}
            | {key: row[key] for key in ("name", "role", "agency", "agency_identifier")}
            for row in province.accounts()
        ]
        portal = environment.of_service(self.place, "portal", None)
        self._service(portal, "portal", "accounts", self._write("logins.json", logins))
        for identifier in {row["agency_identifier"] for row in logins if row["role"] == "clerk"}:
            self.place.directory("scan", str(identifier))
        before = {row["name"]: row["client_secret"] for row in self._read("partners.json")}
        partners = [
            {
                "name": name,
                "client_secret": before.get(name) or secrets.token_urlsafe(24),
                "kafka_user": broker["VANTHU_KAFKA_USER"],
                "kafka_password": broker["VANTHU_KAFKA_PASSWORD"],
                "kafka": broker["VANTHU_KAFKA"],
                "agency_identifier": province.PARTNER_AGENCY if name == province.PARTNER else None,
            }
            for name in topics.partners()
            for broker in [environment.partner(self.place, name)]
        ]
        self._service(portal, "portal", "partners", self._write("partners.json", partners))

    def _tokens(self) -> dict[str, str]:
        """A token for each of the leaders, its key pair made on it; login → request (PEM)."""
        store = self._store()
        there = store.labels()
        for login in province.TOKENS:
            if login not in there:
                store.provide(login, pin=self._pin(login), so_pin=self.place.pin(f"so-{login}"))
        names = {one.login: one.name for one in province.PEOPLE}
        wanted = [
            {"label": login, "pin": self._pin(login), "kind": kind, "common_name": names[login]}
            for login, kind in province.TOKENS.items()
        ]
        return self._on_tokens("keys", wanted)

    def _seals(self) -> dict[str, str]:
        """A seal key in signing's own slot for each of a few agencies; identifier → request (PEM)."""
        signing = environment.of_service(self.place, "signing", softhsm.provide())
        return {
            identifier: self._service(signing, "signing", "seal-key", "create", "--agency", identifier)
            for identifier in province.SEALED
        }

    # --- 3

    def _certify(self, tokens: Mapping[str, str], seals: Mapping[str, str]) -> None:
        """One command for all: registry asks the CA; then the leaders' certificates go onto their tokens."""
        now = datetime.now(UTC)
        past = {
            "not_before": (now - timedelta(days=400)).isoformat(),
            "not_after": (now - timedelta(days=35)).isoformat(),
        }
        people = [
            {"csr": request, "person": login} | (past if login == province.EXPIRED else {})
            for login, request in tokens.items()
        ]
        agencies = [{"csr": request, "agency": identifier} for identifier, request in seals.items()]
        registry = environment.of_service(self.place, "registry", None)
        batch = self._write("requests.json", people + agencies)
        made = json.loads(self._service(registry, "registry", "certify", "--batch", batch))
        batch.unlink()
        certificates = dict(zip(tokens, made, strict=False))
        wanted = [{"label": login, "pin": self._pin(login), "pem": certificates[login]["pem"]} for login in tokens]
        self._on_tokens("certificates", wanted)
        revoked = certificates[province.REVOKED]["certificate_id"]
        self._service(registry, "registry", "revoke", revoked, "--reason", "keyCompromise")
        store = self._store()
        self._write(
            "tokens.json",
            [
                {
                    "login": login,
                    "token_label": login,
                    "pin": self._pin(login),
                    "module": str(store.softhsm.module),
                    "softhsm2_conf": str(store.conf),
                    "certificate": {province.EXPIRED: "expired", province.REVOKED: "revoked"}.get(login, "active"),
                }
                for login in tokens
            ],
        )

    # --- means

    def _store(self) -> softhsm.Store:
        return softhsm.open_store(softhsm.provide(), self.place.directory("demo", "leader-tokens"))

    def _pin(self, login: str) -> str:
        return self.place.pin(f"token-{login}")

    def _on_tokens(self, act: str, wanted: Sequence[Mapping[str, str]]) -> dict[str, Any]:
        store = self._store()
        asked = json.dumps({"module": str(store.softhsm.module), "tokens": wanted})
        answer = _run(["deploy.demo.leader_tokens", act], os.environ | store.environment, given=asked)
        found: dict[str, Any] = json.loads(answer)
        return found

    def _service(self, its: Mapping[str, str], service: str, *arguments: str | Path) -> str:
        """One operator command with the service's own environment; what it prints."""
        return _run([f"services.{service}", *map(str, arguments)], os.environ | its)

    def _write(self, name: str, content: object) -> Path:
        """Whole or not at all, for the owner's eyes: there are passwords in some."""
        path = self.home / name
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, indent=1)
        draft.write_text(text, encoding="utf-8")
        return draft.rename(path)

    def _read(self, name: str) -> list[dict[str, str]]:
        path = self.home / name
        found: list[dict[str, str]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        return found


def _run(module: Sequence[str], its: Mapping[str, str], *, given: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-m", *module],
        env=dict(its),
        cwd=ROOT,
        input=given,
        capture_output=True,
        text=True,
        timeout=BOUND,
        check=False,
    )
    if done.returncode:
        sys.stderr.write(done.stderr)
        raise SystemExit(f"`python -m {' '.join(module[:2])}`: {done.returncode}")
    return done.stdout


def _wait(*futures: Future[Any]) -> None:
    for future in futures:
        future.result()


def _password() -> str:
    """Easy to type, 50 bits."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(5)) for _ in range(2))


def main() -> None:
    place = Layout.from_environment()
    Loader(place, place.directory("demo")).run()


if __name__ == "__main__":
    main()
