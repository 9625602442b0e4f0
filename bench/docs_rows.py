"""The rows of documents that were sent and received, made by docs' own rules and stores, and copied into its tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from random import Random
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from bench import docs_words
from services.docs import numbering, store, store_incoming
from services.docs.catalogue import ARRIVALS, OUTGOING
from services.docs.document import Document, Review
from services.docs.finding import domain, lexemes
from services.docs.finding import store as finding
from services.docs.incoming import Incoming, Validation
from services.docs.numbering import Numbering
from services.docs.terms import Terms
from shared.events import Actor, BlobRef
from shared.events.docs import Part, Party, Signer
from shared.events.signing import SignatureSummary

KINDS = {kind[0]: kind for kind in docs_words.TYPES}
SYSTEM = Actor(name="Vanthu", system="docs")
SIGNING = Actor(name="Vanthu", system="signing")
PDF = "application/pdf"
TABLES = ("document", "delivery", "incoming", "history", "book", "whereabouts", "search_entry", "restriction")
Numbers = dict[tuple[UUID, str, int], int]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Home:
    """An agency and some of its people."""

    agency_id: UUID
    identifier: str
    name: str
    level: str
    short: str
    clerk: tuple[UUID, str]
    leader: tuple[UUID, str]
    officers: tuple[tuple[UUID, str], ...]

    @property
    def party(self) -> Party:
        return Party(agency_id=self.agency_id, identifier=self.identifier, name=self.name)

    def actor(self, who: tuple[UUID, str], post: str) -> Actor:
        return Actor(person_id=who[0], name=who[1], post=post, agency_id=self.agency_id)


@dataclass(frozen=True, slots=True)
class Sent:
    """One recipient (its place in the list of homes), how far it came, and its arrival number."""

    receiver: int
    status: str
    number: int | None


@dataclass(frozen=True, slots=True)
class Out:
    """One outgoing document in short; what it says comes of its seed."""

    sender: int
    at: datetime
    kind: str
    state: str
    number: int | None
    sent: tuple[Sent, ...]
    seed: int


def homes_of(connection: psycopg.Connection[Any], dice: Random) -> list[Home]:
    """The agencies that live in this database, with their people; whom an agency lacks is made up and not in the registry."""
    people: dict[UUID, list[tuple[UUID, str, list[str]]]] = defaultdict(list)
    for row in connection.execute(
        "SELECT p.agency_id, p.person_id, e.name, p.roles FROM post p JOIN person e USING (person_id) ORDER BY e.name"
    ):
        people[row[0]].append((row[1], row[2], row[3]))
    found = []
    for agency_id, identifier, name, level in connection.execute(
        "SELECT agency_id, identifier, name, level FROM agency WHERE partner IS NULL AND level <> 'outside' ORDER BY identifier"
    ).fetchall():
        clerks = [(p, n) for p, n, roles in people[agency_id] if "clerk" in roles]
        leaders = [(p, n) for p, n, roles in people[agency_id] if "leader" in roles]
        some = [(uuid_of(dice), docs_words.person(dice)) for _ in range(4)]
        short = "UBND" if name.startswith("Ủy ban nhân dân") else "".join(w[0] for w in name.split()[:4]).upper()
        found.append(
            Home(
                agency_id,
                identifier,
                name,
                level,
                short,
                (clerks or some)[0],
                (leaders or some)[-1],
                tuple([*clerks, *leaders, *some][:5]),
            )
        )
    return found


def last_numbers(connection: psycopg.Connection[Any]) -> Numbers:
    """Registers go on where they are."""
    rows = connection.execute("SELECT agency_id, code, year, last FROM register").fetchall()
    return {(row[0], row[1], row[2]): row[3] for row in rows}


def write_registers(connection: psycopg.Connection[Any], story: Sequence[Out], homes: Sequence[Home]) -> None:
    """What was the last number of each register; without the trigger that lets nobody count by more than one."""
    last: Numbers = {}
    for out in story:
        if out.number:
            last[homes[out.sender].agency_id, OUTGOING, out.at.year] = out.number
        for each in out.sent:
            if each.number:
                key = (homes[each.receiver].agency_id, ARRIVALS, out.at.year)
                last[key] = max(each.number, last.get(key, 0))
    with connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        for (agency, code, year), number in last.items():
            connection.execute(
                "INSERT INTO register (agency_id, code, year, last) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (agency_id, code, year) DO UPDATE SET last = excluded.last",
                [agency, code, year, number],
            )


# --- in the processes that make rows

_connection: psycopg.Connection[Any] | None = None
_homes: list[Home] = []


def begin(admin: str, homes: list[Home]) -> None:
    global _connection, _homes
    _connection, _homes = psycopg.connect(admin), homes
    # As a restore does it: keys were checked when the story was told, the book's triggers are for people.
    _connection.execute("SET session_replication_role = replica")
    _connection.execute("SET synchronous_commit = off")
    _connection.commit()


def write(chunk: Sequence[Out], number: int) -> dict[str, int]:
    """The rows of some documents, copied in one transaction; how many went into which table."""
    assert _connection is not None
    desk = Desk(Random(f"{number} {chunk[0].seed}"))
    for out in chunk:
        desk.send(out)
    with _connection.transaction(), _connection.cursor() as cursor:
        for table, rows in desk.rows.items():
            names = list(rows[0])
            into = sql.SQL("COPY {} ({}) FROM STDIN").format(
                sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, names))
            )
            with cursor.copy(into) as copy:
                for row in rows:
                    copy.write_row([row[name] for name in names])
    return {table: len(rows) for table, rows in desk.rows.items()}


class Desk:
    """Collects the rows of a chunk."""

    def __init__(self, dice: Random) -> None:
        self.dice = dice
        self.rows: dict[str, list[Row]] = defaultdict(list)

    def add(self, table: str, **row: Any) -> None:
        self.rows[table].append(row)

    def send(self, out: Out) -> None:
        """One document, its book entry, deliveries, what arrived and what is found of all of them."""
        home, dice = _homes[out.sender], Random(out.seed)
        about = docs_words.matter(dice)
        document = document_of(out, home, dice, about)
        body = docs_words.text(dice, out.at.year, home.name, about)
        names = ", ".join(
            name for _, name in sorted((_homes[s.receiver].identifier, _homes[s.receiver].name) for s in out.sent)
        )
        self.add("whereabouts", subject_id=document.id, kind="document", agency_id=home.agency_id)
        columns = [name.strip() for name in store.DOCUMENT_COLUMNS.split(",")]
        terms = Jsonb(store.TERMS.dump_python(document.terms, mode="json", exclude_defaults=True))
        self.add("document", **dict(zip(columns, store._document_values(document), strict=True)), terms=terms)  # noqa: SLF001  the columns as the store writes them
        clerk, leader = home.actor(home.clerk, "Văn thư"), home.actor(home.leader, "Lãnh đạo")
        self.history(home, document.id, out.at, ("submitted", clerk, None), ("prepared", SIGNING, None))
        if document.state in ("signed", "issued"):
            self.history(home, document.id, out.at + timedelta(hours=2), ("signed", leader, home.leader[1]))
        if document.numbering:
            n = document.numbering
            self.book(document, "out", n)
            self.history(
                home,
                document.id,
                out.at + timedelta(hours=3),
                ("numbered", clerk, n.number_symbol),
                ("issued", SIGNING, n.number_symbol),
            )
        self.entry(domain.of_document(document, names), body, self.restricted(document.id, home, document.author_id))
        for each in out.sent:
            self.deliver(document, out, each, body)

    def deliver(self, document: Document, out: Out, sent: Sent, body: str) -> None:
        sender, home = _homes[out.sender], _homes[sent.receiver]
        at = out.at + timedelta(hours=4)
        incoming = incoming_of(document, home, sent, at, self.dice)
        self.add(
            "delivery",
            id=incoming.delivery_id,
            agency_id=sender.agency_id,
            document_id=document.id,
            receiver=_party(home.party),
            receiver_identifier=home.identifier,
            partner=None,
            status=sent.status,
            reason=incoming.reason,
            reason_code=incoming.reason_code,
            arrival_number=sent.number,
            dispatched_at=at,
            version=2,
        )
        self.add("whereabouts", subject_id=incoming.id, kind="incoming", agency_id=home.agency_id)
        readers = self.restricted(incoming.id, home, incoming.assignee_id or home.agency_id)
        self.incoming(incoming, readers)
        clerk = home.actor(home.clerk, "Văn thư")
        self.history(
            sender, incoming.delivery_id, at, ("00", sender.actor(sender.clerk, "Văn thư"), None), ("01", SYSTEM, None)
        )
        self.history(home, incoming.id, at, ("arrived", SYSTEM, None), ("validated", SIGNING, "TOTAL_PASSED"))
        if sent.status == "02":
            self.history(home, incoming.id, at + timedelta(hours=1), ("refused", clerk, incoming.reason))
        steps = (("03", "registered"), ("04", "assigned"), ("05", "started"), ("06", "completed"))
        for hours, (status, act) in enumerate(steps, start=1):
            if sent.status not in ("01", "02") and status <= sent.status:
                later = at + timedelta(hours=hours * 5)
                self.history(
                    home, incoming.id, later, (act, clerk, incoming.assignee_name if act == "assigned" else None)
                )
                self.history(sender, incoming.delivery_id, later, (status, clerk, None))
        if sent.number:
            self.book(incoming, "in", Numbering(ARRIVALS, out.at.year, sent.number, "", numbering.today(at)))
        self.entry(domain.of_incoming(incoming), body, readers)

    def restricted(self, subject: UUID, home: Home, reader: UUID) -> list[UUID] | None:
        """One in a hundred is for whoever works on it only: who may read it, as docs leaves it; None for all others."""
        if subject.int % 100:
            return None
        self.add(
            "restriction",
            subject_id=subject,
            agency_id=home.agency_id,
            people=Jsonb([]),
            units=Jsonb([]),
            keys=[],
            readers=[reader],
        )
        return [reader]

    def incoming(self, held: Incoming, readers: list[UUID] | None) -> None:
        self.add(
            "incoming",
            id=held.id,
            agency_id=held.agency_id,
            delivery_id=held.delivery_id,
            document_id=held.document_id,
            sender=_party(held.sender),
            receiver=_party(held.receiver),
            descriptor=store.json_of(held.descriptor),
            signer_name=held.signer_name,
            parts=store.json_of(held.parts),
            status=held.status,
            reason=held.reason,
            reason_code=held.reason_code,
            arrival_number=held.arrival_number,
            arrived_at=held.arrived_at,
            validation=store_incoming._validation_json(held.validation),  # noqa: SLF001  as the store writes it
            assignee_id=held.assignee_id,
            assignee_name=held.assignee_name,
            owes=list(held.owes),
            restricted_to=readers,
            version=4,
        )

    def history(self, home: Home, subject: UUID, at: datetime, *acts: tuple[str, Actor, str | None]) -> None:
        for act, by, detail in acts:
            self.add(
                "history", agency_id=home.agency_id, subject_id=subject, at=at, act=act, actor=_actor(by), detail=detail
            )

    def book(self, held: Document | Incoming, direction: str, entered: Numbering) -> None:
        self.add(
            "book",
            agency_id=held.agency_id,
            register_code=entered.register_code,
            year=entered.year,
            number=entered.number,
            direction=direction,
            number_symbol=entered.number_symbol or None,
            entered_on=entered.issued_on,
            subject_id=held.id,
        )

    def entry(self, entry: domain.Entry, body: str, readers: list[UUID] | None) -> None:
        """As store.put and then put_text leave it: the words of the text stand behind those of the metadata."""
        row = finding.values_of(entry)
        words = lexemes.vector((*entry.texts, lexemes.Text(body, "D")))
        self.add("search_entry", **row | {"words": words, "body": body, "text_state": "read", "restricted_to": readers})


@lru_cache(maxsize=10_000)
def _actor(by: Actor) -> str:
    return by.model_dump_json(exclude_none=True)


@lru_cache(maxsize=1000)
def _party(party: Party) -> str:
    return party.model_dump_json(exclude_none=True)


def uuid_of(dice: Random, at: datetime | None = None) -> UUID:
    """A UUIDv7 of that moment, from the dice, so that the same seed makes the same rows."""
    stamp = int(at.timestamp() * 1000) if at else dice.getrandbits(40)
    value = stamp << 80 | dice.getrandbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)


def _blob(dice: Random, prefix: str) -> BlobRef:
    return BlobRef(
        prefix=prefix, sha256=f"{dice.getrandbits(256):064x}", size=dice.randint(40_000, 900_000), media_type=PDF
    )


def document_of(out: Out, home: Home, dice: Random, about: str) -> Document:
    code, name, short, _, lead = KINDS[out.kind]
    symbol = f"{short}-{home.short}" if short else f"{home.short}-{dice.choice(('VX', 'KT', 'NC', 'VP', 'TH'))}"
    part = Part(ordinal=0, kind="main", filename="van-ban.pdf", content=_blob(dice, "docs"))
    signer = Signer(
        person_id=home.leader[0],
        post_id=home.leader[0],
        authority_id=home.leader[0],
        name=home.leader[1],
        post="Chủ tịch",
        capacity="TM.",
        block=("TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH"),
    )
    day = numbering.today(out.at)
    numbered = (
        Numbering(OUTGOING, day.year, out.number, numbering.number_symbol(out.number, symbol), day)
        if out.number
        else None
    )
    author = dice.choice(home.officers)
    reviewer = dice.choice(home.officers)
    made = Document(
        id=uuid_of(dice, out.at),
        agency=home.party,
        state=out.state,  # type: ignore[arg-type]
        type_code=code,
        type_name=name,
        symbol=symbol,
        abstract=docs_words.abstract(dice, lead, out.at.year, home.name, about),
        urgency=dice.choices((0, 1, 2, 3), (93, 4, 2, 1))[0],
        signers=(signer,),
        reviews=(Review(reviewer[0], reviewer[1], approved=out.state != "in_review"),) if dice.random() < 0.6 else (),
        parts=(part,),
        content=part.content,
        author_id=author[0],
        author_name=author[1],
        submitted_at=out.at,
        waits_for=home.leader[0] if out.state == "awaiting_signature" else None,
        numbering=numbered,
        version=5,
        terms=Terms(signed=(signer.authority_id,) if out.state in ("signed", "issued") else ()),
    )
    if out.state in ("signed", "issued"):
        made = replace(
            made, content=_blob(dice, "signing"), level="PAdES-BASELINE-LTA" if out.number else "PAdES-BASELINE-T"
        )
    return made


def incoming_of(document: Document, home: Home, sent: Sent, at: datetime, dice: Random) -> Incoming:
    passed = Validation(
        indication="TOTAL_PASSED",
        sub_indication=None,
        code=None,
        reason_vi="Mọi chữ ký đều hợp lệ.",
        reason_en="All signatures are valid.",
        signatures=tuple(
            SignatureSummary(
                field=field, signer=name, indication="TOTAL_PASSED", level="PAdES-BASELINE-LTA", signed_at=at
            )
            for field, name in (("signature-1", document.signed_for), ("seal", document.agency.name))
        ),
        report=BlobRef(prefix="signing", sha256=document.content.sha256, size=9000, media_type="application/json"),
    )
    assigned = dice.choice(home.officers) if sent.status in ("04", "05", "06") else (None, None)
    return Incoming(
        id=uuid_of(dice, at),
        delivery_id=uuid_of(dice, at),
        document_id=document.id,
        sender=document.agency,
        receiver=home.party,
        descriptor=document.descriptor,
        signer_name=document.signed_for,
        parts=document.issued_parts,
        arrived_at=at,
        status=sent.status,
        reason="Văn bản không thuộc thẩm quyền giải quyết." if sent.status == "02" else None,
        reason_code="refused_by_clerk" if sent.status == "02" else None,
        arrival_number=sent.number,
        validation=passed,
        assignee_id=assigned[0],
        assignee_name=assigned[1],
    )
