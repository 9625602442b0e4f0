"""The portal's tables. Everything here takes a transaction; nothing decides."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from services.portal.domain import Attempts, DeviceGrant, Person, Post, RefreshToken, Session
from shared.db import Tx
from shared.events.portal import KeyStated
from shared.events.registry import AgencyStated, PersonStated

# --- local copy of the registry


def save_agency(tx: Tx, agency: AgencyStated) -> None:
    tx.execute(
        "INSERT INTO agency (agency_id, identifier, name, level, partner) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (agency_id) DO UPDATE SET identifier = excluded.identifier, name = excluded.name,"
        " level = excluded.level, partner = excluded.partner",
        [agency.agency_id, agency.identifier, agency.name, agency.level, agency.partner],
    )


def save_person(tx: Tx, person: PersonStated, login: str) -> None:
    tx.execute(
        "INSERT INTO person (person_id, name, login, email, active) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (person_id) DO UPDATE SET name = excluded.name, login = excluded.login,"
        " email = excluded.email, active = excluded.active",
        [person.person_id, person.name, login, person.email, person.active],
    )
    tx.execute("DELETE FROM post WHERE person_id = %s", [person.person_id])
    for post in person.posts:
        tx.execute(
            "INSERT INTO post (post_id, person_id, agency_id, title, unit, roles, valid_from, valid_until)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            [
                post.post_id,
                person.person_id,
                post.agency_id,
                post.title,
                post.unit,
                list(post.roles),
                post.valid_from,
                post.valid_until,
            ],
        )


def find_person(tx: Tx, person_id: UUID) -> Person | None:
    row = tx.execute("SELECT person_id, name, login, active FROM person WHERE person_id = %s", [person_id]).fetchone()
    return _person(tx, row) if row else None


def find_person_by_login(tx: Tx, login: str) -> Person | None:
    """The active person of that log-in name; of several the one stated last is nobody's to choose: none."""
    rows = tx.execute(
        "SELECT person_id, name, login, active FROM person WHERE login = %s AND active", [login]
    ).fetchall()
    return _person(tx, rows[0]) if len(rows) == 1 else None


def _person(tx: Tx, row: dict[str, Any]) -> Person:
    posts = tx.execute(
        "SELECT post_id, agency_id, coalesce(a.name, '') AS agency_name, title, unit, roles, valid_from, valid_until"
        " FROM post LEFT JOIN agency a USING (agency_id) WHERE person_id = %s ORDER BY valid_from, post_id",
        [row["person_id"]],
    ).fetchall()
    return Person(**row, posts=tuple(Post(**{**post, "roles": frozenset(post["roles"])}) for post in posts))


def names_of_holders(tx: Tx, *, people: list[str], agencies: list[str]) -> dict[str, str]:
    """Names by id, of those that we know."""
    rows = tx.execute(
        "SELECT person_id::text AS id, name FROM person WHERE person_id = ANY(%s::uuid[])"
        " UNION ALL SELECT agency_id::text, name FROM agency WHERE agency_id = ANY(%s::uuid[])",
        [people, agencies],
    ).fetchall()
    return {row["id"]: row["name"] for row in rows}


def names_of_agencies(tx: Tx, identifiers: list[str]) -> dict[str, str]:
    """Names by identifier, of those that we know."""
    rows = tx.execute("SELECT identifier, name FROM agency WHERE identifier = ANY(%s)", [identifiers]).fetchall()
    return {row["identifier"]: row["name"] for row in rows}


# --- accounts and partners


def save_password(tx: Tx, login: str, password_hash: str) -> None:
    tx.execute(
        "INSERT INTO account (login, password_hash) VALUES (%s, %s)"
        " ON CONFLICT (login) DO UPDATE SET password_hash = excluded.password_hash, changed_at = now()",
        [login, password_hash],
    )


def find_password(tx: Tx, login: str) -> str | None:
    row = tx.execute("SELECT password_hash FROM account WHERE login = %s", [login]).fetchone()
    return row["password_hash"] if row else None


def save_partner_secret(tx: Tx, name: str, secret_hash: str) -> None:
    tx.execute(
        "INSERT INTO partner (name, secret_hash) VALUES (%s, %s)"
        " ON CONFLICT (name) DO UPDATE SET secret_hash = excluded.secret_hash, changed_at = now()",
        [name, secret_hash],
    )


def find_partner_secret(tx: Tx, name: str) -> str | None:
    row = tx.execute("SELECT secret_hash FROM partner WHERE name = %s", [name]).fetchone()
    return row["secret_hash"] if row else None


def list_partners(tx: Tx) -> list[dict[str, Any]]:
    """Each partner with the agencies reached through it."""
    return tx.execute(
        "SELECT p.name, p.changed_at, coalesce(array_agg(a.identifier || ' ' || a.name ORDER BY a.identifier)"
        " FILTER (WHERE a.agency_id IS NOT NULL), '{}') AS agencies"
        " FROM partner p LEFT JOIN agency a ON a.partner = p.name GROUP BY p.name, p.changed_at ORDER BY p.name"
    ).fetchall()


# --- wrong passwords


def lock_attempts(tx: Tx, subject: str) -> Attempts | None:
    """Made when missing, so that there is a row to lock: tries of one subject are counted one after the other."""
    tx.execute(
        "INSERT INTO attempt (subject, failures, last_at) VALUES (%s, 0, 'epoch') ON CONFLICT DO NOTHING", [subject]
    )
    row = tx.execute("SELECT failures, last_at FROM attempt WHERE subject = %s FOR UPDATE", [subject]).fetchone()
    return Attempts(**row) if row and row["failures"] else None


def save_attempts(tx: Tx, subject: str, attempts: Attempts) -> None:
    tx.execute(
        "UPDATE attempt SET failures = %s, last_at = %s WHERE subject = %s",
        [attempts.failures, attempts.last_at, subject],
    )


def forget_attempts(tx: Tx, subject: str) -> None:
    tx.execute("DELETE FROM attempt WHERE subject = %s", [subject])


def forgive_attempt(tx: Tx, subject: str) -> None:
    """A right password takes back only its own count: behind one address somebody else may still be guessing."""
    tx.execute("UPDATE attempt SET failures = greatest(failures - 1, 0) WHERE subject = %s", [subject])


# --- sessions


def add_session(tx: Tx, session: Session) -> None:
    _insert(tx, "session", asdict(session))


def find_session(tx: Tx, token_hash: bytes) -> Session | None:
    row = tx.execute("SELECT * FROM session WHERE token_hash = %s", [token_hash]).fetchone()
    return Session(**{**row, "token_hash": bytes(row["token_hash"])}) if row else None


def touch_session(tx: Tx, token_hash: bytes, now: datetime) -> None:
    tx.execute("UPDATE session SET seen_at = %s WHERE token_hash = %s", [now, token_hash])


def choose_post(tx: Tx, token_hash: bytes, post_id: UUID | None) -> None:
    tx.execute("UPDATE session SET post_id = %s WHERE token_hash = %s", [post_id, token_hash])


def end_session(tx: Tx, token_hash: bytes, now: datetime) -> None:
    tx.execute("UPDATE session SET ended_at = coalesce(ended_at, %s) WHERE token_hash = %s", [now, token_hash])


def end_all_of(tx: Tx, person_id: UUID, now: datetime, because: str) -> None:
    """Every session and every program of a person."""
    tx.execute("UPDATE session SET ended_at = %s WHERE person_id = %s AND ended_at IS NULL", [now, person_id])
    tx.execute(
        "UPDATE program_grant SET ended_at = %s, ended_because = %s WHERE person_id = %s AND ended_at IS NULL",
        [now, because, person_id],
    )


# --- device codes


def add_device_grant(tx: Tx, grant: DeviceGrant) -> None:
    _insert(tx, "device_grant", asdict(grant))


def lock_device_grant(tx: Tx, device_hash: bytes) -> DeviceGrant | None:
    row = tx.execute("SELECT * FROM device_grant WHERE device_hash = %s FOR UPDATE", [device_hash]).fetchone()
    return _device_grant(row)


def lock_device_grant_by_user_code(tx: Tx, user_code: str) -> DeviceGrant | None:
    row = tx.execute("SELECT * FROM device_grant WHERE user_code = %s FOR UPDATE", [user_code]).fetchone()
    return _device_grant(row)


def _device_grant(row: dict[str, Any] | None) -> DeviceGrant | None:
    return DeviceGrant(**{**row, "device_hash": bytes(row["device_hash"])}) if row else None


def save_device_grant(tx: Tx, grant: DeviceGrant) -> None:
    tx.execute(
        "UPDATE device_grant SET state = %s, person_id = %s, post_id = %s, poll_interval = %s, polled_at = %s"
        " WHERE device_hash = %s",
        [grant.state, grant.person_id, grant.post_id, grant.poll_interval, grant.polled_at, grant.device_hash],
    )


# --- programs that act for a person


def add_program_grant(
    tx: Tx,
    *,
    grant_id: UUID,
    client_id: str,
    person_id: UUID,
    post_id: UUID,
    now: datetime,
    ends_at: datetime | None = None,
    audience: str | None = None,
) -> None:
    """`ends_at` and `audience` bound a grant that is for one sitting only."""
    tx.execute(
        "INSERT INTO program_grant (grant_id, client_id, person_id, post_id, created_at, ends_at, audience)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [grant_id, client_id, person_id, post_id, now, ends_at, audience],
    )


def end_program_grant(tx: Tx, grant_id: UUID, now: datetime, because: str) -> None:
    tx.execute(
        "UPDATE program_grant SET ended_at = %s, ended_because = %s WHERE grant_id = %s AND ended_at IS NULL",
        [now, because, grant_id],
    )


def find_program_grant(tx: Tx, grant_id: UUID) -> dict[str, Any] | None:
    return tx.execute(
        "SELECT grant_id, client_id, person_id, post_id, ended_at, ends_at, audience FROM program_grant"
        " WHERE grant_id = %s",
        [grant_id],
    ).fetchone()


def add_refresh_token(tx: Tx, *, token_hash: bytes, grant_id: UUID, now: datetime, lifetime: timedelta) -> None:
    tx.execute(
        "INSERT INTO refresh_token (token_hash, grant_id, issued_at, expires_at) VALUES (%s, %s, %s, %s)",
        [token_hash, grant_id, now, now + lifetime],
    )


def lock_refresh_token(tx: Tx, token_hash: bytes) -> RefreshToken | None:
    """Locks the grant too: two uses at once of two tokens of one grant are one after the other."""
    row = tx.execute(
        "SELECT t.token_hash, t.grant_id, t.expires_at, t.used_at, t.successor, g.ended_at IS NOT NULL AS grant_ended"
        " FROM refresh_token t JOIN program_grant g USING (grant_id) WHERE t.token_hash = %s FOR UPDATE",
        [token_hash],
    ).fetchone()
    if row is None:
        return None
    used = tx.execute(
        "SELECT used_at FROM refresh_token WHERE token_hash = %s AND used_at IS NOT NULL", [row["successor"]]
    ).fetchone()
    successor = bytes(row["successor"]) if row["successor"] else None
    return RefreshToken(
        **{**row, "token_hash": bytes(row["token_hash"]), "successor": successor}, successor_used=used is not None
    )


def replace_refresh_token(tx: Tx, token: RefreshToken, successor: bytes, now: datetime) -> None:
    """The token is used; an earlier successor that nobody used counts as used, so that its use is a reuse."""
    if token.successor:
        tx.execute("UPDATE refresh_token SET used_at = %s WHERE token_hash = %s", [now, token.successor])
    tx.execute(
        "UPDATE refresh_token SET used_at = %s, successor = %s WHERE token_hash = %s",
        [now, successor, token.token_hash],
    )


# --- signing keys


def lock_signing_keys(tx: Tx) -> None:
    """Until the end of the transaction nobody else makes or retires keys."""
    tx.execute("LOCK TABLE signing_key IN SHARE ROW EXCLUSIVE MODE")


def add_signing_key(
    tx: Tx, *, kid: str, private_key: bytes, x: str, now: datetime, use_from: datetime, not_after: datetime
) -> None:
    tx.execute(
        "INSERT INTO signing_key (kid, private_key, x, status, created_at, use_from, not_after)"
        " VALUES (%s, %s, %s, 'active', %s, %s, %s)",
        [kid, private_key, x, now, use_from, not_after],
    )


def list_signing_keys(tx: Tx) -> list[dict[str, Any]]:
    """Without the private keys, newest first."""
    return tx.execute(
        "SELECT kid, x, status, created_at, use_from, not_after FROM signing_key ORDER BY created_at DESC, kid"
    ).fetchall()


def find_key_to_sign_with(tx: Tx, now: datetime) -> dict[str, Any] | None:
    """The newest key that others know by now."""
    return tx.execute(
        "SELECT kid, private_key, x FROM signing_key WHERE status <> 'withdrawn' AND use_from <= %s AND not_after > %s"
        " ORDER BY use_from DESC, kid LIMIT 1",
        [now, now],
    ).fetchone()


def save_signing_key(tx: Tx, *, kid: str, status: str, not_after: datetime) -> None:
    tx.execute("UPDATE signing_key SET status = %s, not_after = %s WHERE kid = %s", [status, not_after, kid])


def save_token_key(tx: Tx, key: KeyStated) -> None:
    """The public half where the verifier of our own API looks for it, as every service does."""
    tx.execute(
        "INSERT INTO token_key (kid, x, status, not_after) VALUES (%s, %s, %s, %s) ON CONFLICT (kid)"
        " DO UPDATE SET status = excluded.status, not_after = excluded.not_after",
        [key.kid, key.x, key.status, key.not_after],
    )


# --- sweeping


def sweep(tx: Tx, now: datetime) -> int:
    """Remove what nobody will ask for again; a day's grace keeps errors explainable. Returns how many rows went."""
    day = timedelta(days=1)
    old = (
        ("session", "ended_at < %(day)s OR seen_at < %(week)s"),
        ("device_grant", "expires_at < %(day)s"),
        ("signing_ticket", "expires_at < %(day)s"),
        ("refresh_token", "expires_at < %(day)s"),
        (
            "program_grant g",
            "created_at < %(day)s AND NOT EXISTS (SELECT FROM refresh_token t WHERE t.grant_id = g.grant_id)",
        ),
        ("attempt", "last_at < %(day)s"),
        ("signing_key", "not_after < %(day)s"),
    )
    params = {"day": now - day, "week": now - 8 * day}
    return sum(
        tx.execute(f"DELETE FROM {table} WHERE {condition}", params).rowcount  # type: ignore[arg-type,unused-ignore]  # noqa: S608
        for table, condition in old
    )


def _insert(tx: Tx, table: str, row: dict[str, Any]) -> None:
    """All fields of a dataclass of ours into the table of the same columns."""
    columns = ", ".join(row)
    places = ", ".join(f"%({name})s" for name in row)
    tx.execute(cast("Any", f"INSERT INTO {table} ({columns}) VALUES ({places})"), row)  # noqa: S608  names of our own fields
