"""What an operator types: import a directory, pin a trust anchor, certify keys, revoke, list what is registered.

Each command does what the API's use case does, in the same transaction with outbox and act; refusals go to stderr in
both languages, results to stdout as JSON.
"""

from __future__ import annotations

import argparse
import getpass
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from services.registry import importing, issuance, store, store_trust, trust, trusting
from services.registry import store_certificates as certificates
from services.registry.anchor import PURPOSES, PinnedAnchor, Terms
from services.registry.ca import Authorities
from services.registry.certificate import REASONS, CertificateRequest, Holder
from services.registry.directory import Desk
from services.registry.refusals import IMPORT_REFUSED, IMPORT_UNREADABLE, STILL_WAITING, UNKNOWN_NAMED
from services.registry.scope import EVERYWHERE
from shared import db, jobs
from shared.errors import Rejected, Sentence
from shared.events import Actor

PATIENCE = 60.0  # seconds for the CA to answer
LOOK = 0.05


@dataclass(frozen=True, slots=True)
class Bench:
    """What a command works with."""

    pool: db.Pool
    source: str
    ca: Authorities

    @contextmanager
    def desk(self) -> Iterator[Desk]:
        """One transaction; what is done in it was done by the person at this terminal."""
        by = Actor(name=getpass.getuser(), system="registry command")
        with db.transaction(self.pool) as tx:
            store.act_within(tx, EVERYWHERE)
            yield Desk(tx, by, self.source)


Command = Callable[[Bench, list[str]], None]


def run(command: Command, bench: Callable[[], Bench], arguments: list[str]) -> None:
    """Run one command; exit code 2 and both sentences when it is refused."""
    made = bench()
    try:
        command(made, arguments)
    except Rejected as error:
        _say(error.sentence, error.code)
        sys.exit(2)
    finally:
        made.pool.close()


def import_file(bench: Bench, arguments: list[str]) -> None:
    """`import FILE.json`"""
    parser = argparse.ArgumentParser(prog="import", description="agencies, people, authority: all or nothing")
    parser.add_argument("file", type=Path)
    file = importing.read(parser.parse_args(arguments).file)
    with bench.desk() as desk:
        outcome = importing.run(desk, file)
        if outcome.errors:
            for error in outcome.errors:
                _say(error.sentence, error.where)
            raise Rejected(IMPORT_REFUSED, count=len(outcome.errors))
    _print(outcome.counts)


def pin(bench: Bench, arguments: list[str]) -> None:
    """`trust FILE.pem [--fingerprint HEX] [--purpose P]… [--from T] [--until T]`, `trust --withdraw HEX --reason WHY`,
    `trust --restore HEX`, `trust --list`
    """
    parser = argparse.ArgumentParser(prog="trust", description="pin a root CA: from now on it vouches for certificates")
    parser.add_argument("file", type=Path, nargs="?")
    parser.add_argument("--fingerprint", help="SHA-256 of the certificate, as its owner published it")
    parser.add_argument("--purpose", action="append", choices=PURPOSES, help="may be repeated; all, unless given")
    parser.add_argument("--from", dest="start", type=datetime.fromisoformat, help="with offset; now, unless given")
    parser.add_argument("--until", type=datetime.fromisoformat, help="with offset")
    parser.add_argument("--withdraw", metavar="HEX", help="do not believe this anchor any more")
    parser.add_argument("--reason", default="", help="why it is withdrawn")
    parser.add_argument("--restore", metavar="HEX", help="a withdrawal was a mistake")
    parser.add_argument("--list", action="store_true")
    given = parser.parse_args(arguments)
    with bench.desk() as desk:
        if given.list:
            _print([_anchor(one) for one in store_trust.list_anchors(desk.tx)])
        elif given.withdraw:
            _print(_anchor(trusting.withdraw(desk, store_trust.get_anchor(desk.tx, given.withdraw), given.reason)))
        elif given.restore:
            _print(_anchor(trusting.restore(desk, store_trust.get_anchor(desk.tx, given.restore))))
        elif given.file is None:
            parser.error("a file, --withdraw, --restore or --list is needed")
        else:
            _print(_pin(desk, given))


def _pin(desk: Desk, given: argparse.Namespace) -> dict[str, Any]:
    """An anchor that is pinned already keeps its terms, as far as none are given."""
    now = datetime.now(UTC)
    root = trust.read_anchor(_read(given.file), now, given.fingerprint)
    before = store_trust.find_anchor(desk.tx, root.fingerprint)
    terms = before.terms if before else Terms(start=now)
    terms = Terms(
        purposes=tuple(p for p in PURPOSES if p in given.purpose) if given.purpose else terms.purposes,
        start=given.start or terms.start,
        until=given.until or terms.until,
    )
    pinned, _ = trusting.pin(desk, root, terms)
    return _anchor(pinned) | {"new": before is None}


def _anchor(pinned: PinnedAnchor) -> dict[str, Any]:
    return {
        "fingerprint": pinned.fingerprint,
        "subject": pinned.anchor.subject,
        "purposes": list(pinned.terms.purposes),
        "trusted_from": pinned.terms.start.isoformat(),
        "trusted_until": pinned.terms.until.isoformat() if pinned.terms.until else None,
        "withdrawn_at": pinned.withdrawn_at.isoformat() if pinned.withdrawn_at else None,
        "withdrawn_reason": pinned.withdrawn_reason,
    }


def certify(bench: Bench, arguments: list[str]) -> None:
    """`certify --csr FILE --person LOGIN`, or `certify --batch FILE.json` with a list of such; waits for the CA."""
    parser = argparse.ArgumentParser(prog="certify", description="a certificate from the CA for the key of a CSR")
    parser.add_argument("--csr", type=Path, help="PKCS#10, PEM")
    parser.add_argument("--person", help="log-in of the holder")
    parser.add_argument("--agency", help="identifier of the agency whose seal it is")
    parser.add_argument("--not-before", type=datetime.fromisoformat, help="with offset; may lie in the past")
    parser.add_argument("--not-after", type=datetime.fromisoformat)
    parser.add_argument("--batch", type=Path, help='[{"csr": PEM, "person": …} or {"csr": PEM, "agency": …}, …]')
    given = parser.parse_args(arguments)
    if given.batch:
        _print(_certify(bench, [_Wish.of(each) for each in _read_list(given.batch)]))
        return
    if given.csr is None:
        parser.error("--csr or --batch is needed")
    wish = _Wish(_read(given.csr), given.person, given.agency, given.not_before, given.not_after)
    _print(_certify(bench, [wish])[0])


@dataclass(frozen=True, slots=True)
class _Wish:
    csr_pem: str
    person: str | None
    agency: str | None
    not_before: datetime | None
    not_after: datetime | None

    @classmethod
    def of(cls, row: dict[str, Any]) -> _Wish:
        times = [datetime.fromisoformat(row[name]) if row.get(name) else None for name in ("not_before", "not_after")]
        return cls(row["csr"], row.get("person"), row.get("agency"), times[0], times[1])


def _certify(bench: Bench, wishes: list[_Wish]) -> list[dict[str, Any]]:
    with bench.desk() as desk:
        wanted = [_request(desk, wish) for wish in wishes]
    # A worker may be faster than we are; either way each job is run once.
    runner = jobs.Runner(
        bench.pool, issuance.job_kinds(bench.pool, bench.ca, bench.source), stop=threading.Event(), threads=0
    )
    until = time.monotonic() + PATIENCE
    return [_result(bench, runner, request.id, until) for request in wanted]


def _request(desk: Desk, wish: _Wish) -> CertificateRequest:
    """The request that there is for this key and holder, or a new one."""
    whose = _holder(desk.tx, wish.person, wish.agency)
    return issuance.ask_again(desk, wish.csr_pem, whose) or issuance.request(
        desk, wish.csr_pem, whose, not_before=wish.not_before, not_after=wish.not_after
    )


def _holder(tx: db.Tx, login: str | None, identifier: str | None) -> Holder:
    person = store.find_person_by_login(tx, login) if login else None
    if login and person is None:
        raise Rejected(UNKNOWN_NAMED, what="person", name=login)
    agency = store.find_agency_by_identifier(tx, identifier) if identifier else None
    if identifier and agency is None:
        raise Rejected(UNKNOWN_NAMED, what="agency", name=identifier)
    return issuance.holder(tx, person.id if person else None, agency.id if agency else None)


def _result(bench: Bench, runner: jobs.Runner, request_id: UUID, until: float) -> dict[str, Any]:
    while True:
        with db.transaction(bench.pool) as tx:
            store.act_within(tx, EVERYWHERE)
            request, _by = certificates.get_request(tx, request_id)
            if request.certificate_id:
                made = certificates.get(tx, request.certificate_id)
                return {
                    "certificate_id": str(made.id),
                    "serial": made.serial,
                    "status": made.status,
                    "not_before": made.not_before.isoformat(),
                    "not_after": made.not_after.isoformat(),
                    "pem": made.pem,
                    "chain_pem": made.chain_pem,
                }
        if request.state == "refused":
            _say(Sentence(request.problem_vi or "", request.problem_en or ""), request.problem_code or "")
            sys.exit(2)
        if time.monotonic() > until:
            raise Rejected(STILL_WAITING, request=request_id)
        if not runner.run_one():
            time.sleep(LOOK)


def revoke(bench: Bench, arguments: list[str]) -> None:
    """`revoke CERTIFICATE_ID --reason keyCompromise`"""
    parser = argparse.ArgumentParser(prog="revoke", description="end a certificate for ever, at once")
    parser.add_argument("certificate", type=UUID)
    parser.add_argument("--reason", choices=REASONS, default="unspecified")
    given = parser.parse_args(arguments)
    with bench.desk() as desk:
        after = issuance.revoke(desk, certificates.lock(desk.tx, given.certificate), given.reason)
    _print({"certificate_id": str(after.id), "serial": after.serial, "status": after.status, "reason": after.reason})


COMMANDS: dict[str, Command] = {"import": import_file, "trust": pin, "certify": certify, "revoke": revoke}


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Rejected(IMPORT_UNREADABLE, file=path, why=str(error)) from error


def _read_list(path: Path) -> list[dict[str, Any]]:
    try:
        rows = json.loads(_read(path))
    except ValueError as error:
        raise Rejected(IMPORT_UNREADABLE, file=path, why=str(error)) from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "csr" in row for row in rows):
        raise Rejected(IMPORT_UNREADABLE, file=path, why='[{"csr": …}, …]')
    return rows


def _print(result: object) -> None:
    sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")


def _say(sentence: Sentence, what: str) -> None:
    sys.stderr.write(f"{what}: {sentence.vi}\n{what}: {sentence.en}\n")
