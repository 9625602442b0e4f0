"""A ledger with sealed heads, what others keep of it, and somebody with full rights on its database."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from asn1crypto import cms
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from psycopg import sql
from psycopg.rows import dict_row
from vanthu_verify.ledger.command import main

from deploy.devpki.issuing import Issued
from deploy.devpki.server import Running
from services.docs import store_registry
from services.docs.ledger import consumer, domain, heads, merkle, store
from services.docs.ledger.api import export_lines
from services.signing.craft import Network
from services.signing.craft_head import seal_text
from services.signing.key_device import Key
from services.signing.mechanism import Mechanism
from shared import db
from shared.events import Actor, Envelope, Event, decode, docs, encode, registry, signing
from shared.ids import new_id
from shared.inbox import Record
from tests.docs.facts import SIGNING, SINCE
from tests.support.postgres import Database

SOURCE, SEALER = "urn:vanthu:test", "H37"
TABLES = ("ledger_entry", "ledger_node", "ledger_head")
CLERK = Actor(person_id=UUID(int=1), name="Nông Thị Thu Hằng", post="Văn thư", agency_id=UUID(int=2))


@dataclass(frozen=True, slots=True)
class SoftKey:
    """A key in memory where the seal's device stands otherwise."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def spki(self) -> bytes:
        der, info = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        return self.key.public_key().public_bytes(der, info)

    def find_key(self, spki: bytes) -> Key | None:
        return Key(label="soft", algorithm="ec", spki=spki) if spki == self.spki else None

    def sign(self, label: str, digest: bytes, mechanism: Mechanism) -> bytes:
        assert (label, mechanism) == ("soft", Mechanism.ECDSA)
        return self.key.sign(digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))


@dataclass(frozen=True, slots=True)
class Seal:
    """A key with its certificate from some CA, and the time-stamping authority that it uses."""

    pki: Running
    name: str = "UBND tỉnh Lạng Biên"
    keys: SoftKey = field(default_factory=SoftKey)

    def certificate(self) -> Issued:
        return self.pki.issue(self.keys.key.public_key(), common_name=self.name, profile="agency")

    def over(self, text: bytes, *, stamped: bool = True) -> tuple[bytes, datetime | None]:
        """The CMS and its time stamp's time."""
        issued = self.certificate()
        made = seal_text(
            text,
            [(issued.der, issued.chain_pem.decode())],
            sealed_at=datetime.now(UTC).replace(microsecond=0),
            pss=False,
            keys=self.keys,
            network=network_of(self.pki, stamped=stamped),
        )
        return made.cms, made.stamped_at


def network_of(pki: Running, *, stamped: bool = True) -> Network:
    """Who believes this CA and no other."""
    root = pki.root.public_bytes(serialization.Encoding.DER)
    return Network(roots=(root,), tsa=(pki.tsa_url,) if stamped else ())


class World:
    """Entries 0 … with heads over the first 6, 13 and 20, each head's sealing an entry itself."""

    def __init__(self, database: Database, pki: Running, own: Running, folder: Path) -> None:
        self.database, self.pki, self.folder = database, pki, folder
        self.own = own  # what somebody sets up for themselves
        self.pool = db.open_pool(database.app)
        self.seal = Seal(pki)
        self._seq: dict[tuple[str, str], int] = {}
        self.documents = [new_id() for _ in range(3)]
        self.kept: list[bytes] = []
        stated = registry.AgencyStated(
            agency_id=new_id(), identifier=SEALER, name=self.seal.name, level="province", valid_from=SINCE
        )
        with db.transaction(self.pool) as tx:
            store_registry.put_agency(tx, stated)
        for count in (6, 6, 6, 2):
            for n in range(count):
                self.say(self.act(self.documents[n % 3], f"việc {n}"))
            if count == 6:
                self.have_sealed()
        self.older = folder / "older.ndjson"
        self.older.write_bytes(self.export())
        (folder / "root.pem").write_bytes(pki.root_pem)
        (folder / "kept.ndjson").write_bytes(b"".join(line + b"\n" for line in self.kept))
        with self.admin() as admin:
            for table in (*TABLES, "ledger_tree"):
                admin.execute(sql.SQL("CREATE TABLE {} AS SELECT * FROM {}").format(_was(table), sql.Identifier(table)))

    # --- what happens in the office

    def act(self, document: UUID, what: str) -> docs.DocsAct:
        return docs.DocsAct(
            act="read", object_kind="document", object_id=str(document), detail={"what": what}, by=CLERK, at=now()
        )

    def record(self, event: Event, *, at: datetime | None = None) -> Record:
        seq = self._seq[event.topic, event.key] = self._seq.get((event.topic, event.key), 0) + 1
        envelope = Envelope(id=new_id(), source=SOURCE, seq=seq, time=at or now(), data=event, topic=event.topic)
        return Record(event.topic, 0, 0, event.key.encode(), encode(envelope), None)

    def say(self, event: Event, *, at: datetime | None = None) -> None:
        with db.transaction(self.pool) as tx:
            assert consumer.Sequencer().take(tx, self.record(event, at=at)) == "appended"

    def have_sealed(self, at: datetime | None = None) -> None:
        """A head is ordered, sealed, told and published; others keep what stands on the topic."""
        with db.transaction(self.pool) as tx:
            head = heads.order_head(tx, SEALER, SOURCE, at or now())
            log_id = store.get_tree(tx).log_id
        text = domain.head_text(log_id, head.size, head.root, head.ordered_at)
        signature, stamped_at = self.seal.over(text)
        fact = signing.TreeHeadSealed(
            head_id=head.id,
            text=text.decode(),
            signature=base64.b64encode(signature).decode(),
            certificate_serial="1f",
            stamped_at=stamped_at,
            by=SIGNING,
            at=now(),
        )
        record = self.record(fact)
        with db.transaction(self.pool) as tx:
            consumer.Sequencer().take(tx, record)
            consumer.receive_sealed_head(tx, decode(record.value, topic=record.topic), source=SOURCE)
            row = tx.execute("SELECT payload FROM outbox WHERE topic = 'docs.treehead' ORDER BY pos DESC").fetchone()
        assert row
        self.kept.append(bytes(row["payload"]))

    # --- checking

    def export(self) -> bytes:
        with db.transaction(self.pool) as tx:
            tree = store.get_tree(tx)
        return b"".join(export_lines(self.pool, 0, tree.size))

    def check(self, capsys: Any, *, kept: bool = False, older: bool = False, trust: bool = True) -> Verdict:
        """What the verifier says of an export of the ledger as it is now."""
        file = self.folder / "export.ndjson"
        file.write_bytes(self.export())
        asked = [str(file), "--json", *(["--trust", str(self.folder / "root.pem")] if trust else [])]
        asked += ["--kept", str(self.folder / "kept.ndjson")] if kept else []
        asked += ["--kept", str(self.older)] if older else []
        code = main(asked)
        said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return Verdict(code, said[0], said[1:])

    # --- somebody with full rights

    @contextmanager
    def admin(self) -> Iterator[psycopg.Connection[dict[str, Any]]]:
        """The super user, for whom no trigger and no policy holds."""
        with psycopg.connect(self.database.admin, row_factory=dict_row) as admin:
            admin.execute("SET session_replication_role = replica")
            yield admin

    def restore(self) -> None:
        with self.admin() as admin:
            for table in (*TABLES, "ledger_tree"):
                name = sql.Identifier(table)
                admin.execute(sql.SQL("TRUNCATE {}").format(name))
                admin.execute(sql.SQL("INSERT INTO {} SELECT * FROM {}").format(name, _was(table)))

    def close(self) -> None:
        self.pool.close()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Exit code, summary and findings of one run."""

    code: int
    summary: dict[str, Any]
    findings: list[dict[str, Any]]

    @property
    def codes(self) -> set[str]:
        return {f["code"] for f in self.findings}

    def positions(self, code: str) -> set[int]:
        return {p for f in self.findings if f["code"] == code for p in f["positions"]}


def _was(table: str) -> sql.Identifier:
    return sql.Identifier(f"was_{table}")


Admin = psycopg.Connection[dict[str, Any]]
Deed = Callable[[World, Admin], None]


def now() -> datetime:
    return datetime.now(UTC)


def changed(event: bytes, **data: Any) -> bytes:
    """The event with other data, written as the codec writes."""
    document = json.loads(event)
    document["data"] |= data
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def event_at(admin: Admin, pos: int) -> bytes:
    row = admin.execute("SELECT event FROM ledger_entry WHERE pos = %s", [pos]).fetchone()
    assert row
    return bytes(row["event"])


def put_event(admin: Admin, pos: int, event: bytes) -> None:
    admin.execute("UPDATE ledger_entry SET event = %s WHERE pos = %s", [event, pos])


def shift(admin: Admin, after: int, by: int) -> None:
    """Every later entry takes another place."""
    admin.execute("UPDATE ledger_entry SET pos = pos + 1000000 + %s WHERE pos > %s", [by, after])
    admin.execute("UPDATE ledger_entry SET pos = pos - 1000000 WHERE pos > 900000")


def recompute(admin: Admin) -> None:
    """All hashes anew, as if the entries had always been these."""
    rows = admin.execute("SELECT event FROM ledger_entry ORDER BY pos").fetchall()
    peaks, made = merkle.grow(0, [], [merkle.leaf_hash(bytes(row["event"])) for row in rows])
    admin.execute("TRUNCATE ledger_node")
    with admin.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO ledger_node VALUES (%s, %s, %s)", [(level, n, digest) for (level, n), digest in made.items()]
        )
    admin.execute("UPDATE ledger_tree SET size = %s, peaks = %s", [len(rows), peaks])


def rewrite_heads(admin: Admin, seal: Seal | None = None, *, resized: Callable[[int], int] = lambda size: size) -> None:
    """Every head says the new root; with a seal, under a signature and time stamp by that one."""
    leaves = [
        merkle.leaf_hash(bytes(row["event"]))
        for row in admin.execute("SELECT event FROM ledger_entry ORDER BY pos").fetchall()
    ]
    tree = admin.execute("SELECT log_id FROM ledger_tree").fetchone()
    assert tree
    for row in admin.execute("SELECT * FROM ledger_head").fetchall():
        size = resized(row["size"])
        root = merkle.root(merkle.grow(0, [], leaves[:size])[0])
        signature, stamped = row["signature"], row["stamped_at"]
        if seal:
            signature, stamped = seal.over(domain.head_text(tree["log_id"], size, root, row["ordered_at"]))
        admin.execute(
            "UPDATE ledger_head SET size = %s, root = %s, signature = %s, stamped_at = %s WHERE id = %s",
            [size, root, signature, stamped, row["id"]],
        )


def forge_everything(admin: Admin, seal: Seal) -> None:
    """The tree and the heads anew under a seal of one's own, also where entries tell of them."""
    for _ in range(
        4
    ):  # a later head covers the entry that tells of an earlier one, so it takes as many rounds as heads
        recompute(admin)
        rewrite_heads(admin)
        tell_of_heads(admin, seal)
    recompute(admin)


def tell_of_heads(admin: Admin, seal: Seal) -> None:
    """The entries about heads say what now stands in the table."""
    tree = admin.execute("SELECT log_id FROM ledger_tree").fetchone()
    assert tree
    for head in admin.execute("SELECT * FROM ledger_head ORDER BY size").fetchall():
        text = domain.head_text(tree["log_id"], head["size"], bytes(head["root"]), head["ordered_at"])
        for row in admin.execute(
            "SELECT pos, event FROM ledger_entry WHERE type LIKE '%%treehead.sealed%%'"
        ).fetchall():
            event = bytes(row["event"])
            data = json.loads(event)["data"]
            if data["head_id"] != str(head["id"]) or data["text"] == text.decode():
                continue
            signature, stamped = seal.over(text)
            admin.execute(
                "UPDATE ledger_head SET signature = %s, stamped_at = %s WHERE id = %s", [signature, stamped, head["id"]]
            )
            put_event(
                admin, row["pos"], changed(event, text=text.decode(), signature=base64.b64encode(signature).decode())
            )


def newest_head(admin: Admin) -> dict[str, Any]:
    row = admin.execute("SELECT * FROM ledger_head ORDER BY size DESC LIMIT 1").fetchone()
    assert row
    return row


def with_stamp(signature: bytes, token: bytes | None) -> bytes:
    """The same signature with another time stamp, or none."""
    info = cms.ContentInfo.load(signature)
    signer = info["content"]["signer_infos"][0]
    if token is None:
        signer["unsigned_attrs"] = None
    else:
        signer["unsigned_attrs"] = cms.CMSAttributes(
            [{"type": "signature_time_stamp_token", "values": [cms.ContentInfo.load(token)]}]
        )
    return bytes(info.dump())


def stamp_of(signature: bytes) -> bytes:
    signer = cms.ContentInfo.load(signature)["content"]["signer_infos"][0]
    return bytes(signer["unsigned_attrs"][0]["values"][0].dump())


def days(count: float) -> timedelta:
    return timedelta(days=count)
