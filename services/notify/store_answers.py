"""Answers to mails that brought documents, in PostgreSQL: each once, and how many went to an address lately."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.types.json import Jsonb

from shared.db import Tx
from shared.events import docs


@dataclass(frozen=True, slots=True)
class Answer:
    """One mail to be. `lines` are pairs: Vietnamese, English."""

    mail_id: UUID
    address: str
    name: str
    agency_name: str | None
    subject: str
    in_reply_to: str
    refs: str
    lines: tuple[tuple[str, str], ...]
    outcome: str


def add(tx: Tx, fact: docs.MailAnswered, state: str) -> bool:
    """False when this mail has its answer already."""
    done = tx.execute(
        "INSERT INTO answer (mail_id, address, name, agency_name, subject, in_reply_to, refs, lines, outcome, stated_at,"
        " state) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [
            fact.mail_id,
            fact.to,
            fact.to_name,
            fact.agency_name,
            fact.subject,
            fact.message_id,
            fact.references,
            Jsonb([[line.vi, line.en] for line in fact.lines]),
            fact.outcome,
            fact.at,
            state,
        ],
    )
    return done.rowcount == 1


def count_lately(tx: Tx, address: str, since: timedelta) -> int:
    """How many go, or went, to an address; whoever asks is the only one until the end of their transaction."""
    tx.execute("SELECT pg_advisory_xact_lock(hashtextextended('answer:' || lower(%s), 0))", [address])
    row = tx.execute(
        "SELECT count(*) AS n FROM answer WHERE lower(address) = lower(%s) AND taken_at > now() - %s"
        " AND state IN ('due', 'sent')",
        [address, since],
    ).fetchone()
    return int(row["n"]) if row else 0


def find_due(tx: Tx, mail_id: UUID) -> Answer | None:
    """None when it has gone, or will not go."""
    row = tx.execute(
        "SELECT mail_id, address, name, agency_name, subject, in_reply_to, refs, lines, outcome FROM answer"
        " WHERE mail_id = %s AND state = 'due'",
        [mail_id],
    ).fetchone()
    if row is None:
        return None
    return Answer(**{**row, "lines": tuple((vi, en) for vi, en in row["lines"])})


def record(tx: Tx, mail_id: UUID, state: str, attempts: int, detail: str | None = None) -> None:
    tx.execute(
        "UPDATE answer SET state = %s, attempts = %s, detail = %s, ended_at = CASE WHEN %s = 'due' THEN NULL ELSE now() END"
        " WHERE mail_id = %s",
        [state, attempts, detail[:500] if detail else None, state, mail_id],
    )


def forget_before(tx: Tx, when: datetime) -> int:
    """Addresses of strangers are not kept for ever."""
    return tx.execute("DELETE FROM answer WHERE taken_at < %s AND state <> 'due'", [when]).rowcount
