"""What an operator types: accounts, partners, keys. Saying the same twice changes nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from services.portal import keys, passwords, store
from services.portal.domain import as_login
from services.portal.refusals import BAD_OPERATOR_FILE
from shared import db
from shared.db import Pool, Tx, transaction
from shared.errors import Rejected
from shared.settings import Settings

Command = Callable[[Pool, Settings, list[str]], str]


def run(settings: Settings, command: Command, arguments: list[str]) -> None:
    """One command, one sentence on standard output; a refusal is said in both languages and ends with status 1."""
    pool = db.open_pool(settings.database.get_secret_value(), max_size=4, name="portal-command")
    try:
        print(command(pool, settings, arguments))  # noqa: T201  the command's answer
    except Rejected as rejected:
        sys.exit(f"{rejected.code}: {rejected.sentence.vi}\n{rejected.sentence.en}")
    finally:
        pool.close()


def accounts(pool: Pool, _settings: Settings, arguments: list[str]) -> str:
    """FILE.json: [{"login", "password"}, …]. A changed password ends the person's sessions and programs."""
    wanted = {as_login(row["login"]): row["password"] for row in _read(arguments, "login", "password")}
    changed = _save_changed(pool, wanted, store.find_password, _save_account)
    return f"{len(wanted)} accounts, {changed} of them new or changed"


def _save_account(tx: Tx, login: str, password_hash: str) -> None:
    store.save_password(tx, login, password_hash)
    if person := store.find_person_by_login(tx, login):
        store.end_all_of(tx, person.person_id, datetime.now(UTC), "password changed")


def partners(pool: Pool, _settings: Settings, arguments: list[str]) -> str:
    """FILE.json: [{"name", "client_secret"}, …]."""
    wanted = {row["name"]: row["client_secret"] for row in _read(arguments, "name", "client_secret")}
    changed = _save_changed(pool, wanted, store.find_partner_secret, store.save_partner_secret)
    return f"{len(wanted)} partners, {changed} of them new or changed"


def rotate_key(pool: Pool, settings: Settings, _arguments: list[str]) -> str:
    with transaction(pool) as tx:
        kid = keys.rotate(tx, datetime.now(UTC), source=settings.source)
    return f"new key {kid}, used from {int(keys.HEADSTART.total_seconds())} seconds from now on"


def withdraw_key(pool: Pool, settings: Settings, arguments: list[str]) -> str:
    """KID: for a key that leaked."""
    if len(arguments) != 1:
        raise Rejected(BAD_OPERATOR_FILE, file="withdraw-key", why="needs one KID")
    with transaction(pool) as tx:
        keys.withdraw(tx, arguments[0], datetime.now(UTC), source=settings.source)
    return f"key {arguments[0]} is withdrawn, a new one is in use"


def _save_changed(
    pool: Pool,
    wanted: dict[str, str],
    find: Callable[[Tx, str], str | None],
    save: Callable[[Tx, str, str], None],
) -> int:
    """Hashing takes 50 ms each on purpose: only what differs is hashed anew, two at a time."""
    with transaction(pool) as tx:
        known = {name: find(tx, name) for name in wanted}

    def hash_if_changed(item: tuple[str, str]) -> tuple[str, str | None]:
        name, secret = item
        return name, None if passwords.matches(known[name], secret) else passwords.make(secret)

    with ThreadPoolExecutor(2) as threads:
        hashed = list(threads.map(hash_if_changed, wanted.items()))
    with transaction(pool) as tx:
        for name, made in hashed:
            if made:
                save(tx, name, made)
    return sum(made is not None for _, made in hashed)


def _read(arguments: list[str], *fields: str) -> list[dict[str, Any]]:
    if len(arguments) != 1:
        raise Rejected(BAD_OPERATOR_FILE, file="?", why="one file name is needed")
    file = arguments[0]
    try:
        rows = json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Rejected(BAD_OPERATOR_FILE, file=file, why=str(error)) from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Rejected(BAD_OPERATOR_FILE, file=file, why="a list of objects is expected")
    for number, row in enumerate(rows, 1):
        for name in fields:
            if not isinstance(row.get(name), str) or not row[name]:
                raise Rejected(BAD_OPERATOR_FILE, file=file, why=f"row {number} lacks {name}")
    return rows
