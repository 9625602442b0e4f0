"""What the people of the story do, one function an act; each ends the story when it does not go as told."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from vanthu_integrator import FileDamaged
from vanthu_integrator.files import check
from vanthu_integrator.messages import (
    Agency,
    DocumentDelivered,
    DocumentSent,
    File,
    Message,
    MessageAccepted,
    MessageRejected,
    StatusReported,
    StatusSent,
)

from deploy.demo.people import Person, Unexpected, eventually, expect

if TYPE_CHECKING:
    from vanthu_integrator import Files, Partner, Received

    from deploy.demo.signer import Signer
    from deploy.demo.story import Story

PDF = "application/pdf"
LETTER = "CV"  # công văn, which has no abbreviation of its own


@dataclass(frozen=True, slots=True)
class PartnerSystem:
    """A partner's program: its line of var/demo/partners.json, its Kafka side, its file side."""

    entry: dict[str, str]
    partner: Partner
    files: Files


def describe(pdf: Path) -> dict[str, Any]:
    """Type, symbol, abstract and signer of a sample, as samples.json beside it says; of any other PDF plain ones."""
    listed = pdf.parent / "samples.json"
    documents = json.loads(listed.read_text(encoding="utf-8"))["documents"] if listed.exists() else []
    fields = next((d["fields"] for d in documents if d["file"] == pdf.name and d.get("fields")), None)
    return fields or {"type_code": LETTER, "symbol": "UBND-VX", "abstract": f"văn bản {pdf.stem}", "signer": None}


def signer_of(pdf: Path, leaders: list[Person]) -> Person:
    """The leader whose name stands under the text, else the first."""
    signer = describe(pdf)["signer"]
    return next((leader for leader in leaders if signer and leader.login.name == signer["name"]), leaders[0])


def submit(story: Story, clerk: Person, leader: Person, pdf: Path, *annexes: Path, urgency: int = 0) -> dict[str, Any]:
    """The clerk uploads a PDF, with annexes in files of their own, and submits it for the leader's signature."""
    with story.step(f"văn thư trình {pdf.name}" + (f" kèm {len(annexes)} phụ lục" if annexes else "")):
        file, *others = [_upload(clerk, each) for each in (pdf, *annexes)]
        authority = next(
            (a for a in clerk.get("docs", "/choices")["authorities"] if a["person_name"] == leader.login.name), None
        )
        if authority is None:
            raise Unexpected(f"{leader.login.name} has no authority to sign for {clerk.login.agency}")
        described = describe(pdf)
        body = {
            "type_code": described["type_code"] or LETTER,
            "symbol": described["symbol"],
            "abstract": described["abstract"],
            "urgency": urgency,
            "authority_id": authority["authority_id"],
            "parts": [{"file_id": file, "kind": "main"}, *({"file_id": each, "kind": "annex"} for each in others)],
            "reviewer_ids": [],
        }
        answer = clerk.call("POST", "docs", "/documents", json=body)
        expect(answer.status_code == 201, f"the document was not taken: {answer.status_code} {answer.text[:400]}")
        document: dict[str, Any] = answer.json()
        story.summary.setdefault("trace_id", answer.headers["x-trace-id"])
    with story.step("hệ thống đặt ô chữ ký, số, ngày và dấu"):
        return _placed(clerk, document["id"])


def _placed(clerk: Person, document_id: str) -> dict[str, Any]:
    """Ready for the leader. Where the text does not say where to sign, the clerk is asked and agrees to what is proposed."""

    def look() -> dict[str, Any] | None:
        document: dict[str, Any] = clerk.get("docs", f"/documents/{document_id}")
        expect(document["state"] != "refused", f"document {document_id}: {document['state_reason']}")
        asked = (document["state_reason"] or {}).get("code") == "places_to_confirm"
        return document if asked or document["state"] == "awaiting_signature" else None

    found = eventually(look, f"document {document_id} to have its places", seconds=120.0)
    if found["state"] == "awaiting_signature":
        return found
    path = f"/documents/{document_id}/places"
    headers = {"If-Match": f'"{clerk.get("signing", path)["version"]}"'}
    answer = clerk.call("PUT", "signing", path, json={"places": []}, headers=headers)
    expect(answer.is_success, f"the places were not taken: {answer.status_code} {answer.text[:400]}")
    return wait_for_state(clerk, document_id, "awaiting_signature")


def _upload(clerk: Person, pdf: Path) -> str:
    headers = {"Content-Type": PDF}
    file_id: str = clerk.post("docs", f"/files?filename={pdf.name}", content=pdf.read_bytes(), headers=headers)[
        "file_id"
    ]
    return file_id


def wait_for_state(clerk: Person, document_id: str, state: str, *, seconds: float = 120.0) -> dict[str, Any]:
    """The document once it is in this state; the story ends when it is refused on the way."""

    def look() -> dict[str, Any] | None:
        document: dict[str, Any] = clerk.get("docs", f"/documents/{document_id}")
        expect(
            document["state"] not in {"refused", "voided"} - {state},
            f"document {document_id}: {document['state_reason']}",
        )
        return document if document["state"] == state else None

    return eventually(look, f"document {document_id} to be {state}", seconds=seconds)


def sign(story: Story, clerk: Person, signer: Signer, documents: list[dict[str, Any]]) -> None:
    """The leader looks at the list and signs all with one PIN entry."""
    wanted = [document["id"] for document in documents]
    with story.step("lãnh đạo xem danh sách chờ ký"):
        waiting = eventually(lambda: _all_there(signer.tasks(), wanted), "the tasks of the leader")
        expect(all(not task["problems"] for task in waiting), f"problems before signing: {waiting}")
    with story.step(f"lãnh đạo ký {len(wanted)} văn bản bằng token, nhập PIN một lần"):
        code, said, errors = signer.sign(*wanted)
        expect(code == 0, f"vanthu-sign sign: {said} {errors}")
    for document_id in wanted:
        wait_for_state(clerk, document_id, "signed")


def _all_there(tasks: list[dict[str, Any]], wanted: list[str]) -> list[dict[str, Any]] | None:
    found = [task for task in tasks if task["document_id"] in wanted]
    return found if len(found) == len(wanted) else None


def issue(story: Story, clerk: Person, document: dict[str, Any]) -> dict[str, Any]:
    """The clerk takes the number; the seal follows, in the end at PAdES-BASELINE-LTA; the PDF is kept."""
    with story.step("văn thư cấp số và đóng dấu cơ quan"):
        clerk.post("docs", f"/documents/{document['id']}/issue", {})
        wait_for_state(clerk, document["id"], "issued")
        # Sealed at once; what a TSA or CA that is away keeps back is added by itself.
        issued = eventually(lambda: _archived(clerk, document["id"]), "the proof of the signatures to be complete")
    pdf = clerk.call("GET", "docs", f"/documents/{document['id']}/content")
    expect(pdf.content.startswith(b"%PDF-"), "what was issued is no PDF")
    name = re.sub(r"[^\w-]+", "-", f"{issued['number_symbol']}-{issued['issued_on']}")
    issued["file"] = story.folder / f"{name}.pdf"
    issued["file"].write_bytes(pdf.content)
    for part in issued["issued_parts"][1:]:
        _keep_part(story, clerk, issued, part["ordinal"], f"{name}-phu-luc-{part['ordinal']}")
    story.summary["documents"].append(
        {
            "id": issued["id"],
            "number": issued["number"],
            "number_symbol": issued["number_symbol"],
            "level": issued["level"],
            "file": issued["file"].name,
        }
    )
    return issued


def _archived(clerk: Person, document_id: str) -> dict[str, Any] | None:
    document: dict[str, Any] = clerk.get("docs", f"/documents/{document_id}")
    return document if document["level"] == "PAdES-BASELINE-LTA" else None


def _keep_part(story: Story, clerk: Person, issued: dict[str, Any], ordinal: int, name: str) -> None:
    """A part as it is sent, beside the documents themselves: var/demo/parts/."""
    folder = story.folder / "parts"
    folder.mkdir(exist_ok=True)
    pdf = clerk.call("GET", "docs", f"/documents/{issued['id']}/issued-parts/{ordinal}/content").content
    expect(pdf.startswith(b"%PDF-") and b"ETSI.CAdES.detached" in pdf, f"part {ordinal} is no signed PDF")
    (folder / f"{name}.pdf").write_bytes(pdf)


def certify_copy(story: Story, clerk: Person, scan: Path) -> dict[str, Any]:
    """A certified copy of a paper: its scan, with the agency's text-only signature, numbered among the copies."""
    with story.step("văn thư sao y một văn bản giấy từ bản quét"):
        original = {
            "agency": "Bộ Khoa học và Công nghệ",
            "number_symbol": "15/QĐ-BKHCN",
            "issued_on": "2019-03-04",
            "abstract": "ban hành danh mục",
        }
        body = {"form": "SY", "symbol": "UBND", "file_id": _upload(clerk, scan), "original": original}
        made = clerk.post("docs", "/copies", body)
        wait_for_state(clerk, made["id"], "signed")
        clerk.post("docs", f"/documents/{made['id']}/issue", {})
        issued = wait_for_state(clerk, made["id"], "issued")
        _keep_part(story, clerk, issued, 0, re.sub(r"[^\w-]+", "-", issued["number_symbol"]))
        story.summary["copy"] = {name: issued[name] for name in ("id", "number_symbol", "level")}
    return issued


def dispatch(story: Story, clerk: Person, document: dict[str, Any], recipients: list[str]) -> dict[str, str]:
    """Send to all recipients with one decision; returns delivery ids by recipient identifier."""
    with story.step(f"văn thư phát hành tới {', '.join(recipients)}"):
        sent = clerk.post("docs", f"/documents/{document['id']}/dispatch", {"recipients": recipients})
        deliveries = {d["receiver"]["identifier"]: d["delivery_id"] for d in sent["deliveries"]}
        expect(set(recipients) <= set(deliveries), f"deliveries were made for {sorted(deliveries)} only")
    story.summary["deliveries"] = deliveries
    return deliveries


def receive(story: Story, receivers: list[Person], deliveries: dict[str, str]) -> None:
    """Both agencies see a validated document and register it; the first one handles it to the end."""
    for receiver in receivers:
        with story.step(f"{receiver.login.agency} nhận, kiểm tra chữ ký, vào sổ đến"):
            incoming = wait_for_incoming(receiver, deliveries[receiver.login.agency_identifier])
            verdicts = [incoming["validation"], *incoming["validation"]["annexes"]]
            expect(all(v["indication"] == "TOTAL_PASSED" for v in verdicts), f"validation: {verdicts}")
            expect(len(verdicts) == len(incoming["parts"]), f"not every part was validated: {verdicts}")
            receiver.get("docs", f"/incoming/{incoming['id']}/report")
            registered = receiver.post("docs", f"/incoming/{incoming['id']}/register", {})
            expect(registered["status"] == "03" and registered["arrival_number"], f"not registered: {registered}")
            story.summary.setdefault("arrivals", {})[receiver.login.agency_identifier] = registered["arrival_number"]
            story.summary.setdefault("statuses_seen_by_receivers", {})[receiver.login.agency_identifier] = "03"
    first = receivers[0]
    with story.step(f"{first.login.agency} phân công, xử lý, hoàn thành"):
        incoming = wait_for_incoming(first, deliveries[first.login.agency_identifier])
        handler = first.get("docs", "/choices")["reviewers"][0]["person_id"]
        first.post("docs", f"/incoming/{incoming['id']}/assign", {"person_id": handler})
        first.post("docs", f"/incoming/{incoming['id']}/start", {})
        note = {"note": "đã triển khai tới các đơn vị"}
        done = first.post("docs", f"/incoming/{incoming['id']}/complete", note)
        expect(done["status"] == "06", f"not done: {done}")
        story.summary["statuses_seen_by_receivers"][first.login.agency_identifier] = done["status"]


def wait_for_incoming(receiver: Person, delivery_id: str) -> dict[str, Any]:
    """The receiver's side of a delivery, once validated."""

    def look() -> dict[str, Any] | None:
        for item in receiver.get("docs", "/incoming")["items"]:
            if item["delivery_id"] == delivery_id:
                found: dict[str, Any] = receiver.get("docs", f"/incoming/{item['id']}")
                return found if found["validation"] else None
        return None

    return eventually(look, f"delivery {delivery_id} at {receiver.login.agency}")


def partner_receives(story: Story, system: PartnerSystem, delivery_id: str) -> None:
    """The partner's system takes its delivery from Kafka, fetches the file by digest and acknowledges."""
    with story.step(f"đối tác {system.partner.credential.name} nhận qua Kafka, tải tệp, báo đã vào sổ"):
        delivered = _delivered(story, system, delivery_id)
        for file in delivered.message.files:
            expect(system.files.download(file).startswith(b"%PDF-"), f"the partner got no PDF as {file.filename}")
        for status in ("01", "03"):
            said = StatusSent(
                delivery_id=UUID(delivery_id), status=status, staff="Cổng dịch vụ công", at=datetime.now(UTC)
            )
            _note_sent(story, system, system.partner.send(said))


def _delivered(story: Story, system: PartnerSystem, delivery_id: str) -> DocumentDelivered:
    for received in system.partner.receive("outbound", seconds=60):
        _note_received(story, received)
        if isinstance(received.data, DocumentDelivered) and str(received.data.delivery_id) == delivery_id:
            return received.data
    raise Unexpected(f"delivery {delivery_id} never came on exchange.outbound")


def sender_sees(story: Story, clerk: Person, document: dict[str, Any], expected: dict[str, str]) -> None:
    """The sender's page shows how each delivery stands."""
    with story.step("nơi gửi thấy trạng thái của từng nơi nhận"):

        def look() -> dict[str, str] | None:
            found = clerk.get("docs", f"/documents/{document['id']}")["deliveries"]
            seen = {d["receiver"]["identifier"]: d["status"] for d in found}
            story.summary["statuses_seen_by_sender"] = {
                d["receiver"]["identifier"]: [h["act"] for h in d["history"]] for d in found
            }
            return seen if expected.items() <= seen.items() else None

        eventually(look, f"the sender to see {expected}")


def _partner_number() -> str:
    """One that the partner has not used this year: each time that the story is played it is another document."""
    now = datetime.now(UTC)
    return f"{int((now - datetime(now.year, 1, 1, tzinfo=UTC)).total_seconds())}/MC-TT"


def partner_sends(story: Story, system: PartnerSystem, receiver: Person, document: dict[str, Any]) -> None:
    """The partner publishes a document; the agency registers it; acknowledgement and status come back on replies."""
    with story.step("đối tác gửi văn bản vào; cơ quan nhận vào sổ; đối tác thấy trạng thái"):
        file = system.files.upload(document["file"])
        sent = _message(system.entry, receiver, file, _partner_number())
        event_id, partition, offset = system.partner.send(sent)
        _note_sent(story, system, (event_id, partition, offset))
        accepted = _reply(story, system, lambda r: isinstance(r, MessageAccepted) and r.message_id == event_id)
        assert isinstance(accepted, MessageAccepted)  # noqa: S101  chosen above
        delivery_id = str(accepted.deliveries[0].delivery_id)
        incoming = wait_for_incoming(receiver, delivery_id)
        receiver.post("docs", f"/incoming/{incoming['id']}/register", {})
        _reply(
            story,
            system,
            lambda r: isinstance(r, StatusReported) and str(r.delivery_id) == delivery_id and r.status == "03",
        )


def partner_sends_nonsense(story: Story, system: PartnerSystem) -> None:
    """Bytes that are no message are answered with a stable code and a sentence in two languages."""
    with story.step("đối tác gửi một thông điệp hỏng và nhận câu trả lời rõ ràng"):
        partition, offset = system.partner.send_raw(b"x", b"{this is not JSON")
        _note_sent(story, system, ("not a message", partition, offset))
        rejected = _reply(story, system, lambda r: isinstance(r, MessageRejected) and r.offset == offset)
        assert isinstance(rejected, MessageRejected)  # noqa: S101  chosen above
        expect(rejected.code == "not_json" and rejected.detail_vi and rejected.detail_en, f"rejected with {rejected}")


def tampered_on_the_way_in(story: Story, system: PartnerSystem, receiver: Person, document: dict[str, Any]) -> None:
    """A signed document with one byte of its content changed is refused by the receiver: 02, with the reason."""
    with story.step("văn bản bị sửa trên đường tới: nơi nhận từ chối (02), đối tác thấy lý do"):
        forged = story.folder / "tampered.bin"
        forged.write_bytes(tamper(document["file"].read_bytes()))
        place = system.partner.send(_message(system.entry, receiver, system.files.upload(forged), _partner_number()))
        _note_sent(story, system, place)
        event_id = place[0]
        accepted = _reply(story, system, lambda r: isinstance(r, MessageAccepted) and r.message_id == event_id)
        assert isinstance(accepted, MessageAccepted)  # noqa: S101  chosen above
        delivery_id = accepted.deliveries[0].delivery_id
        refused = _reply(
            story,
            system,
            lambda r: isinstance(r, StatusReported) and r.delivery_id == delivery_id and r.status == "02",
        )
        assert isinstance(refused, StatusReported)  # noqa: S101  chosen above
        expect(refused.reason, "the refusal has no reason")
        incoming = wait_for_incoming(receiver, str(delivery_id))
        expect(incoming["status"] == "02", f"the receiver shows {incoming['status']}")
        forged.unlink()
        story.summary["tampered_in"] = {"status": refused.status, "reason": refused.reason, "code": refused.reason_code}


def tampered_on_the_way_out(story: Story, clerk: Person, system: PartnerSystem, document: dict[str, Any]) -> None:
    """What the partner got is not what was sent: it refuses with 02 and the reason, and the sender sees both."""
    with story.step("văn bản bị sửa trên đường đi: đối tác từ chối (02), nơi gửi thấy lý do"):
        again = clerk.post(
            "docs", f"/documents/{document['id']}/dispatch", {"recipients": [system.entry["agency_identifier"]]}
        )
        delivery_id = again["deliveries"][-1]["delivery_id"]
        delivered = _delivered(story, system, delivery_id)
        file = delivered.message.files[0]
        reason = ""
        try:
            check(file, tamper(system.files.download(file)))
        except FileDamaged as damage:
            reason = str(damage)  # in the words of that system, which has no Vietnamese
        expect(reason, "the SDK took damaged bytes")
        for status, why in (("01", None), ("02", reason)):
            said = StatusSent(
                delivery_id=UUID(delivery_id),
                status=status,
                reason=why,
                reason_code="file_damaged" if why else None,
                staff="Cổng dịch vụ công",
                at=datetime.now(UTC),
            )
            _note_sent(story, system, system.partner.send(said))

        def look() -> dict[str, Any] | None:
            found = clerk.get("docs", f"/documents/{document['id']}")["deliveries"]
            mine: dict[str, Any] = next(d for d in found if d["delivery_id"] == delivery_id)
            return mine if mine["status"] == "02" else None

        seen = eventually(look, "the sender to see status 02")
        expect(seen["reason"] == reason, f"the sender sees the reason {seen['reason']!r}")
        expect("mã băm" in seen["reason_vi"], f"the code is said in Vietnamese, not {seen['reason_vi']!r}")
        story.summary["tampered_out"] = {"status": seen["status"], "reason": seen["reason"]}


def tamper(pdf: bytes) -> bytes:
    """The same file with one byte of its first stream changed, as a line or a disk would do it."""
    place = pdf.index(b"stream") + 40
    return pdf[:place] + bytes([pdf[place] ^ 0x55]) + pdf[place + 1 :]


def notices(story: Story, people: list[Person], mails: list[dict[str, Any]]) -> None:
    """Everybody whose turn it was has a notice on screen and a mail that can be read."""
    with story.step("mỗi người tới lượt đều có thông báo và thư"):
        for person in people:
            found = person.get("notify", "/notices")["items"]
            expect(found, f"{person.login.name} has no notice")
        expect(mails, "no mail was delivered")
        story.summary["mails"] = len(mails)


def _message(entry: dict[str, str], receiver: Person, file: File, number_symbol: str) -> DocumentSent:
    sender = Agency(identifier=entry["agency_identifier"], name="Cổng dịch vụ công")
    message = Message(
        sender=sender,
        type_code=LETTER,
        type_name="Công văn",
        number_symbol=number_symbol,
        issued_on=date.today(),  # noqa: DTZ011  the paper's date, on this machine
        abstract="chuyển hồ sơ của công dân",
        signer_name="Nông Thị Mai",
        files=(file,),
    )
    to = Agency(identifier=receiver.login.agency_identifier, name=receiver.login.agency)
    return DocumentSent(document_id=uuid4(), message=message, recipients=(to,))


def _reply(story: Story, system: PartnerSystem, wanted: Any) -> MessageAccepted | MessageRejected | StatusReported:
    for received in system.partner.receive("replies", seconds=90):
        _note_received(story, received)
        if isinstance(received.data, MessageAccepted | MessageRejected | StatusReported) and wanted(received.data):
            return received.data
    raise Unexpected("no such reply came on exchange.replies")


def _note_received(story: Story, received: Received) -> None:
    place = {"topic": received.topic, "partition": received.partition, "offset": received.offset}
    if any(place.items() <= noted.items() for noted in story.summary["partner_messages"]):
        return  # at least once: the one that was being looked at comes again
    story.summary["partner_messages"].append(
        {
            "direction": "received",
            **place,
            "id": received.id,
            "type": received.type,
            "data": json.loads(received.data.model_dump_json()),
        }
    )


def _note_sent(story: Story, system: PartnerSystem, place: tuple[str, int, int]) -> None:
    event_id, partition, offset = place
    topic = f"exchange.inbound.{system.partner.credential.name}"
    story.summary["partner_messages"].append(
        {"direction": "sent", "topic": topic, "partition": partition, "offset": offset, "id": event_id}
    )
