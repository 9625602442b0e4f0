"""Signing as tests meet it: the real rows, jobs, processes, PKI and key device, and what the others would state."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pikepdf
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from deploy.devpki.issuing import Issued
from deploy.devpki.server import Running
from services.signing.consumer import follower
from services.signing.desk import Desk
from services.signing.work import kinds
from shared import db
from shared.blobs import Blobs
from shared.events import Actor, BlobRef, Envelope, Event, decode, docs, encode, registry, signing
from shared.ids import new_id
from shared.inbox import Record
from shared.jobs import Runner
from shared.tokens import Principal

BESIDE = ("refused", "post ", "put ", "patch ", "delete ")
SOURCE = "urn:vanthu:test"
AGENCY = UUID(int=0xA)
PARENT = UUID(int=0xB)
OTHER = UUID(int=0xC)
CLERK = Actor(person_id=UUID(int=0x10), name="Trần Thị Văn Thư", agency_id=AGENCY)
HOUR = 3600.0  # seconds
TOPICS = ("registry.agency", "registry.person", "registry.authority", "registry.certificate")


def blank_pdf(text: str = "UBND XA DONG HA") -> bytes:
    """One A4 page with a line of text, blanks for number and date, and room for one signature."""
    made = pikepdf.new()
    made.add_blank_page(page_size=(595, 842))
    page = made.pages[0]
    font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
    page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))
    lines = [
        (90, 770, text),
        (90, 740, "So:         /UBND-VX"),
        (320, 740, "Dong Ha, ngay         thang         nam 2026"),
        (90, 270, "Noi nhan:"),
        (380, 270, "CHU TICH"),
        (375, 160, "Nguyen Van Binh"),
    ]
    ops = (f"BT /F1 14 Tf {x} {y} Td ({said}) Tj ET" for x, y, said in lines)
    page.Contents = made.make_stream("\n".join(ops).encode())
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


@dataclass(frozen=True, slots=True)
class Leader:
    """A person with a key, whose certificate the registry states."""

    name: str
    key: rsa.RSAPrivateKey
    certificate: Issued
    id: UUID = field(default_factory=uuid4)
    post_id: UUID = field(default_factory=uuid4)
    authority_id: UUID = field(default_factory=uuid4)
    certificate_id: UUID = field(default_factory=uuid4)
    agency_id: UUID = AGENCY

    @property
    def principal(self) -> Principal:
        return Principal(
            kind="person",
            name=self.name,
            roles=frozenset({"leader"}),
            person_id=self.id,
            post_id=self.post_id,
            post="Chủ tịch",
            agency_id=self.agency_id,
        )

    @property
    def signer(self) -> docs.Signer:
        return docs.Signer(
            person_id=self.id,
            post_id=self.post_id,
            authority_id=self.authority_id,
            name=self.name,
            post="Chủ tịch",
            capacity="TM.",
            block=("TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH"),
        )

    def sign(self, item: dict[str, Any], base: bytes) -> str:
        """As a token's client does: check what the server sent against the bytes, then sign the attributes."""
        document = base + base64.b64decode(item["update_b64"])
        start, first, second, rest = item["byte_range"]
        covered = document[start : start + first] + document[second : second + rest]
        attributes = base64.b64decode(item["signed_attributes_b64"])
        assert hashlib.sha256(covered).digest() in attributes, "the server wants something else signed"
        assert hashlib.sha256(self.certificate.der).digest() in attributes
        assert item["mechanism"] == "rsa-pkcs1v15"
        return base64.b64encode(self.key.sign(attributes, padding.PKCS1v15(), hashes.SHA256())).decode()


def leader(pki: Running, name: str = "Nguyễn Văn Bình", **validity: Any) -> Leader:
    key = rsa.generate_private_key(65537, 2048)
    issued = pki.issue(key.public_key(), common_name=name, organisation="UBND xã Đông Hà", **validity)
    return Leader(name, key, issued)


def runner(desk: Desk) -> Runner:
    """Of the service's jobs; what failed is tried again when a test says so, and not for the second that the others took."""
    patient = {name: replace(kind, first_pause=HOUR, longest_pause=HOUR) for name, kind in kinds(desk).items()}
    return Runner(desk.pool, patient, stop=threading.Event())


class Office:
    """One deployment of signing for one test."""

    def __init__(self, desk: Desk, blobs: str, *, admin: str = "") -> None:
        self.admin = admin  # conninfo of the super user, who sees every row
        self.desk = desk
        self.pool = desk.pool
        self.follower = follower(SOURCE)
        self.docs = Blobs(blobs, "docs")
        self.folder = Path(urlsplit(blobs).path)
        self.runner = runner(desk)
        self._seq: dict[tuple[str, str], int] = {}
        self._offset = 0

    # --- what others state

    def take(self, *events: Event) -> None:
        """Deliver events in order, each one twice: the second time must change nothing."""
        for event in events:
            record = self._record(event)
            with db.transaction(self.pool) as tx:
                assert self.follower.take(tx, record) == "handled"
            with db.transaction(self.pool) as tx:
                assert self.follower.take(tx, record) == "duplicate"

    def _record(self, event: Event) -> Record:
        seq = self._seq[event.topic, event.key] = self._seq.get((event.topic, event.key), 0) + 1
        self._offset += 1
        now = datetime.now(UTC)
        envelope = Envelope(id=new_id(), source=SOURCE, seq=seq, time=now, data=event, topic=event.topic)
        return Record(event.topic, 0, self._offset, event.key.encode(), encode(envelope), None)

    def heartbeat(self, *, age: float = 0.0) -> None:
        at = datetime.now(UTC) - timedelta(seconds=age)
        self.take(*(registry.Heartbeat(of=topic, as_of=at) for topic in TOPICS))

    def found(self, *leaders: Leader) -> None:
        """The registry states two agencies and these people, and that its word is fresh."""
        for id_, name, parent in ((PARENT, "Tỉnh Quảng Trị", None), (AGENCY, "Xã Đông Hà", PARENT)):
            self.take(agency_stated(id_, name, parent_id=parent))
        self.take(clerk_stated(CLERK))
        for each in leaders:
            self.take(person(each), authority(each), certificate(each))
        self.heartbeat()

    def order(self, *leaders: Leader, pdf: bytes | None = None, document_id: UUID | None = None, **more: Any) -> UUID:
        """Docs orders a file to be prepared for these signers."""
        command = self.order_of(*leaders, pdf=pdf, document_id=document_id).model_copy(update=more)
        self.take(command)
        return command.document_id

    def order_of(
        self, *leaders: Leader, pdf: bytes | None = None, document_id: UUID | None = None
    ) -> docs.PrepareDocument:
        return docs.PrepareDocument(
            by=CLERK,
            at=datetime.now(UTC),
            document_id=document_id or uuid4(),
            descriptor=descriptor(),
            content=self.docs.put(blank_pdf() if pdf is None else pdf, "application/pdf"),
            filename="cong-van.pdf",
            signers=tuple(each.signer for each in leaders),
            author_id=UUID(int=0x10),
        )

    def order_seal(self, document_id: UUID, number: int = 15, *parts: docs.Part) -> None:
        self.take(
            docs.SealDocument(
                parts=parts,
                by=CLERK,
                at=datetime.now(UTC),
                document_id=document_id,
                agency_id=AGENCY,
                number=number,
                number_symbol=f"{number:02d}/UBND-VX",
                issued_on=date(2026, 11, 22),
            )
        )

    def seal_certificate(self, issued: Issued, **changed: Any) -> registry.CertificateStated:
        """The registry states an agency's seal certificate."""
        stated = stated_certificate(issued, kind="seal", agency_id=AGENCY, **changed)
        self.take(stated)
        return stated

    def order_validation(self, content: BlobRef, *, agency_id: UUID = OTHER, **more: Any) -> UUID:
        order = docs.ValidateDocument(
            by=CLERK, at=datetime.now(UTC), incoming_id=uuid4(), agency_id=agency_id, content=content, **more
        )
        self.take(order)
        return order.incoming_id

    def tamper(self, content: BlobRef) -> None:
        """Change the stored bytes behind everybody's back."""
        [path] = self.folder.rglob(content.sha256)
        path.write_bytes(path.read_bytes() + b"%")

    # --- what signing does

    def work(self) -> None:
        """Run every job that is due."""
        while self.runner.run_one():
            pass

    def work_again(self) -> None:
        """Run also what waits for its next try."""
        with db.transaction(self.pool) as tx:
            tx.execute("UPDATE job SET run_at = now()")
        self.work()

    def stated(self) -> list[Event]:
        """What was stated since the last look, in order, without refusals and what the net beneath tells (test_acts.py)."""
        with db.transaction(self.pool) as tx:
            rows = tx.execute("SELECT pos, topic, payload FROM outbox ORDER BY pos").fetchall()
            tx.execute("DELETE FROM outbox")
        found = [decode(bytes(row["payload"]), topic=row["topic"]).data for row in rows]
        return [e for e in found if not (isinstance(e, signing.SigningAct) and e.act.startswith(BESIDE))]

    def only(self, kind: type[Any]) -> Any:
        """The one fact that was stated since the last look, beside permits to use a seal key."""
        stated = [e for e in self.stated() if not (isinstance(e, signing.SigningAct) and e.act == "seal_permitted")]
        assert [type(event) for event in stated] == [kind], stated
        return stated[0]


def agency_stated(agency_id: UUID, name: str, **changed: Any) -> registry.AgencyStated:
    stated = {"identifier": f"H50.{agency_id.int}", "level": "commune", "valid_from": date(2026, 1, 1)}
    return registry.AgencyStated(agency_id=agency_id, name=name, **{**stated, **changed})


def person(of: Leader, **changed: Any) -> registry.PersonStated:
    post = registry.Post(
        post_id=of.post_id,
        agency_id=of.agency_id,
        title="Chủ tịch",
        roles=("leader",),
        valid_from=date(2026, 1, 1),
    )
    stated = {"name": of.name, "login": str(of.id), "email": "a@example.vn", "active": True, "posts": (post,)}
    return registry.PersonStated(person_id=of.id, **{**stated, **changed})


def clerk_stated(of: Actor, **changed: Any) -> registry.PersonStated:
    """The registry's word that this person is a clerk of the agency for which they act."""
    assert of.person_id
    assert of.agency_id
    post = registry.Post(
        post_id=UUID(int=of.person_id.int + 1),
        agency_id=of.agency_id,
        title="Văn thư",
        roles=("clerk",),
        valid_from=date(2026, 1, 1),
    )
    stated = {"name": of.name, "login": str(of.person_id), "email": "v@example.vn", "active": True, "posts": (post,)}
    return registry.PersonStated(person_id=of.person_id, **{**stated, **changed})


def authority(of: Leader, **changed: Any) -> registry.AuthorityStated:
    stated = {"capacity": "TM.", "block": of.signer.block, "valid_from": date(2026, 1, 1), "agency_id": AGENCY}
    return registry.AuthorityStated(
        authority_id=of.authority_id, person_id=of.id, post_id=of.post_id, **{**stated, **changed}
    )


def certificate(of: Leader, **changed: Any) -> registry.CertificateStated:
    return stated_certificate(of.certificate, id_=of.certificate_id, kind="person", person_id=of.id, **changed)


def stated_certificate(issued: Issued, *, id_: UUID | None = None, **more: Any) -> registry.CertificateStated:
    found = issued.certificate
    spki = found.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return registry.CertificateStated(
        certificate_id=id_ or uuid4(),
        **{
            "pem": issued.pem.decode(),
            "chain_pem": issued.chain_pem.decode(),
            "spki_sha256": hashlib.sha256(spki).hexdigest(),
            "serial": issued.serial,
            "not_before": found.not_valid_before_utc,
            "not_after": found.not_valid_after_utc,
            "status": "active",
            **more,
        },
    )


def descriptor() -> docs.Descriptor:
    return docs.Descriptor(
        agency_id=AGENCY,
        agency_identifier="H50.10",
        agency_name="Ủy ban nhân dân xã Đông Hà",
        type_code="CV",
        type_name="Công văn",
        symbol="UBND-VX",
        abstract="Về việc thử nghiệm",
    )


def clerk_of(agency_id: UUID) -> tuple[Principal, registry.PersonStated]:
    """A clerk, and what the registry states of them."""
    person_id, post_id = uuid4(), uuid4()
    post = registry.Post(
        post_id=post_id, agency_id=agency_id, title="Văn thư", roles=("clerk",), valid_from=date(2026, 1, 1)
    )
    stated = registry.PersonStated(
        person_id=person_id, name="Lê Thị Clerk", login="clerk", email="c@example.vn", active=True, posts=(post,)
    )
    principal = Principal(
        kind="person",
        name=stated.name,
        roles=frozenset({"clerk"}),
        person_id=person_id,
        post_id=post_id,
        post="Văn thư",
        agency_id=agency_id,
    )
    return principal, stated


def die(*_: object, **__: object) -> NoReturn:
    """What a hostile file may make a native library do."""
    os._exit(139)


def root_der(pki: Running) -> bytes:
    return pki.root.public_bytes(serialization.Encoding.DER)
