"""Whose turn it is: from a stated fact and what we know of its document, who must be told what.

Pure: no IO and no clock. Who the clerks of an agency are, and what their addresses are, is looked up by the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

from services.notify.words import ARRIVALS, DEBTS, RELATIONS, STATUS_FOR_SENDER, TASK_TITLES
from shared.events import Event, docs, signing, workfile

VIETNAM = timezone(timedelta(hours=7))


@dataclass(frozen=True, slots=True)
class Document:
    """What we keep of a document: enough to name it. `symbol` is its number and symbol once it has one."""

    id: UUID
    agency_id: UUID
    author_id: UUID
    title: str
    symbol: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """What we keep of a delivery: the same of the document as its receiver reads it."""

    id: UUID
    title: str
    symbol: str | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """One person is to be told."""

    person_id: UUID


@dataclass(frozen=True, slots=True)
class Clerks:
    """All clerks of an agency are to be told, whoever they are on that day."""

    agency_id: UUID


@dataclass(frozen=True, slots=True)
class Call:
    """What `to` is told. `link` is a path of the portal.

    `reason` is what somebody wrote or what failed: shown in the portal, never sent by e-mail. `once_while_unread`
    keeps a fact that repeats itself (a time stamp is still not to be had) from filling an inbox.
    """

    to: Person | Clerks
    title: str
    text: str
    link: str
    reason: str | None = None
    once_while_unread: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """Our copies that concern a fact, as far as we have them."""

    document: Document | None = None
    delivery: Delivery | None = None


class DocumentUnknown(Exception):
    """The fact is about a document whose submission has not reached us yet: the two travel on different topics."""

    def __init__(self, document_id: UUID) -> None:
        self.document_id = document_id
        super().__init__(f"document {document_id} is not known here yet")


def title_of(descriptor: docs.Descriptor) -> str:
    """Type and abstract on one line, as an office speaks of a document."""
    return " ".join(f"{descriptor.type_name}: {descriptor.abstract}".split()).removesuffix(":")


def whose_turn(event: Event, known: Known) -> tuple[Call, ...]:
    """Who is told what because of `event`; nobody when it is nobody's turn.

    Raises DocumentUnknown when the document must be known to say so.
    """
    rule = RULES.get(type(event))
    return rule(event, known) if rule else ()


def _document(document_id: UUID, known: Known) -> Document:
    if known.document is None:
        raise DocumentUnknown(document_id)
    return known.document


def _page(document_id: UUID) -> str:
    return f"/documents/{document_id}"


# --- the life of a document


def _submitted(event: docs.DocumentSubmitted, _known: Known) -> tuple[Call, ...]:
    title = title_of(event.descriptor)
    return tuple(
        Call(Person(each), "Dự thảo chờ bạn cho ý kiến", title, _page(event.document_id)) for each in event.reviewers
    )


def _returned(event: docs.DocumentReturned, known: Known) -> tuple[Call, ...]:
    document = _document(event.document_id, known)
    text = f"{document.title}. {event.by.name} đã trả lại; hãy sửa rồi trình lại."
    return (Call(Person(event.author_id), "Văn bản bị trả lại", text, _page(document.id), reason=event.reason),)


def _prepared(event: signing.DocumentPrepared, known: Known) -> tuple[Call, ...]:
    document = _document(event.document_id, known)
    if event.copy_of_paper:
        return ()  # its clerk has just made it and numbers it next
    return tuple(_to_sign(document, each) for each in event.may_sign or (event.waits_for,))


def _signed(event: signing.DocumentSigned, known: Known) -> tuple[Call, ...]:
    document = _document(event.document_id, known)
    if event.waits_for is not None:
        return (_to_sign(document, event.waits_for),)
    if event.seals_due:
        return tuple(_to_counter_seal(document, each) for each in event.seals_due)
    text = f"{document.title}. {event.signer_name} đã ký; hãy lấy số và đóng dấu."
    return (Call(Clerks(document.agency_id), "Văn bản chờ lấy số và đóng dấu", text, _page(document.id)),)


def _to_counter_seal(document: Document, agency_id: UUID) -> Call:
    text = f"{document.title}. Mọi người đã ký; cơ quan bạn cùng ban hành, hãy mở văn bản và đóng dấu."
    return Call(Clerks(agency_id), "Văn bản chờ cơ quan bạn đóng dấu", text, _page(document.id))


def _counter_sealed(event: signing.DocumentCounterSealed, known: Known) -> tuple[Call, ...]:
    document = _document(event.document_id, known)
    if event.seals_due:
        return ()
    text = f"{document.title}. Các cơ quan cùng ban hành đã đóng dấu; hãy lấy số và đóng dấu."
    return (Call(Clerks(document.agency_id), "Văn bản chờ lấy số và đóng dấu", text, _page(document.id)),)


def _to_sign(document: Document, signer: UUID) -> Call:
    # Where signing's own list stands: a co-signer of another agency does not see the document in docs.
    return Call(Person(signer), "Văn bản chờ bạn ký", document.title, "/signing")


def _refused(event: signing.DocumentRefused, known: Known) -> tuple[Call, ...]:
    document = _document(event.document_id, known)
    what = {"prepare": "chuẩn bị để ký", "sign": "hoàn tất chữ ký", "seal": "đóng dấu"}[event.stage]
    text = f"{document.title}. Hệ thống không thể {what} văn bản này; hãy mở văn bản để xem lý do."
    to: list[Person | Clerks] = [Person(document.author_id)]
    if event.stage == "seal":
        # The number is taken by now, and only a clerk may void it; a co-issuer's clerk asks for their seal again.
        to.append(Clerks(event.agency_id or document.agency_id))
    return tuple(
        Call(each, "Văn bản không xử lý được", text, _page(document.id), reason=event.reason_vi) for each in to
    )


def _delayed(event: signing.DocumentDelayed, known: Known) -> tuple[Call, ...]:
    if event.stage == "validate":
        return ()  # about an incoming document: its state says so itself
    document = _document(event.document_id, known)
    if event.stage == "sign" and event.waits_for is not None:
        return _cannot_sign(event, document, event.waits_for)
    if event.code == "places_to_confirm":
        return _places_to_confirm(event, document)
    text = f"{document.title}. Việc xử lý đang chờ dịch vụ bên ngoài; hệ thống sẽ tự thử lại, bạn chưa cần làm gì."
    title = "Văn bản đang bị chậm"
    return (
        Call(
            Person(document.author_id),
            title,
            text,
            _page(document.id),
            reason=event.reason_vi,
            once_while_unread=True,
        ),
    )


def _owing(event: signing.DocumentOwing, known: Known) -> tuple[Call, ...]:
    """The clerks look after it; one notice for a pile of debts, unless this one needs somebody to do something."""
    document = _document(event.document_id, known)
    if event.final:
        title = "Chữ ký không đủ bằng chứng"
        text = f"{document.title}. Không bổ sung được bằng chứng cho chữ ký; hãy mở văn bản để xem lý do."
        to: tuple[Person | Clerks, ...] = (Clerks(document.agency_id), Person(document.author_id))
        return tuple(Call(each, title, text, _page(document.id), reason=event.reason_vi) for each in to)
    text = (
        f"{document.title}. Chữ ký còn nợ {_debts(event.owes)} vì máy chủ bên ngoài chưa trả lời; hệ thống vẫn tự bổ"
        " sung, bạn chưa cần làm gì. Các văn bản khác xem ở trang bằng chứng chữ ký."
    )
    return (
        Call(
            Clerks(document.agency_id),
            "Chữ ký còn nợ bằng chứng",
            text,
            "/at-risk",
            reason=event.reason_vi,
            once_while_unread=True,
        ),
    )


def _augmented(event: signing.DocumentAugmented, known: Known) -> tuple[Call, ...]:
    """Good news for those alone who had heard the bad one."""
    if not event.was_told or event.owes:
        return ()
    document = _document(event.document_id, known)
    text = f"{document.title}. Chữ ký đã đủ bằng chứng; nơi đã nhận cũng được gửi bản mới."
    return (Call(Clerks(document.agency_id), "Chữ ký đã đủ bằng chứng", text, _page(document.id)),)


def _debts(owes: tuple[str, ...]) -> str:
    return ", ".join(DEBTS.get(debt, debt) for debt in owes)


def _places_to_confirm(event: signing.DocumentDelayed, document: Document) -> tuple[Call, ...]:
    """The document goes to its leader when somebody has looked at the places of its signatures."""
    title = "Cần xác nhận vị trí chữ ký"
    text = f"{document.title}. Văn bản chưa chuyển lãnh đạo ký: hãy mở trang vị trí chữ ký, chỉnh nếu cần rồi xác nhận."
    page = f"{_page(document.id)}/places"
    to: tuple[Person | Clerks, ...] = (Person(document.author_id), Clerks(document.agency_id))
    return tuple(Call(each, title, text, page, reason=event.reason_vi, once_while_unread=True) for each in to)


def _cannot_sign(event: signing.DocumentDelayed, document: Document, signer: UUID) -> tuple[Call, ...]:
    """The certificate was taken away while documents wait: one notice for the signer and the clerks, however many do."""
    title, who = "Chữ ký bị dừng: chứng thư số không còn hiệu lực", event.signer_name or "Người ký"
    own = (
        "Chứng thư số của bạn đã bị thu hồi hoặc tạm dừng; các lần ký đang làm dở đã dừng, chữ ký đã hoàn tất vẫn"
        " hợp lệ. Hãy liên hệ văn thư để làm thủ tục cấp chứng thư mới."
    )
    clerks = (
        f"Chứng thư số của {who} đã bị thu hồi hoặc tạm dừng; văn bản đang chờ người này ký chưa ký được. Hãy làm thủ tục"
        " cấp chứng thư mới, hoặc trả lại văn bản để trình người khác ký."
    )
    author = f"{document.title}. {who} chưa ký được: chứng thư số đã bị thu hồi hoặc tạm dừng."
    return (
        Call(Person(signer), title, own, "/signing", once_while_unread=True),
        Call(Person(document.author_id), title, author, _page(document.id), once_while_unread=True),
        Call(Clerks(document.agency_id), title, clerks, "/documents", once_while_unread=True),
    )


def _issued(event: docs.DocumentIssued, _known: Known) -> tuple[Call, ...]:
    number = event.descriptor.number_symbol
    owing = f" Chữ ký còn nợ {_debts(event.owes)}, hệ thống tự bổ sung." if event.owes else ""
    text = f"{title_of(event.descriptor)}. Số {number} đã ký, đóng dấu xong; hãy gửi đi.{owing}"
    return (Call(Person(event.author_id), f"Văn bản {number} sẵn sàng gửi", text, _page(event.document_id)),)


def _voided(event: docs.NumberVoided, known: Known) -> tuple[Call, ...]:
    document = _document(event.document_id, known)
    text = f"{document.title}. Số {event.number} đã được hủy trong sổ; số này không dùng lại."
    return (Call(Person(document.author_id), "Số văn bản đã hủy", text, _page(document.id), reason=event.reason),)


# --- deliveries


def _dispatched(event: docs.DeliveryDispatched, _known: Known) -> tuple[Call, ...]:
    if event.partner is not None or event.receiver.agency_id is None:
        return ()  # the receiver works in another system
    heading = next((ARRIVALS[each.kind] for each in event.relations), "Văn bản đến mới")
    related = "".join(f" {RELATIONS[each.kind]} số {each.document.number_symbol}." for each in event.relations)
    text = f"{event.sender.name}: {_named(event.descriptor)}.{related} Hãy kiểm tra và vào sổ văn bản đến."
    return (Call(Clerks(event.receiver.agency_id), heading, text, "/incoming"),)


def _chased(event: docs.DeliveryChased, known: Known) -> tuple[Call, ...]:
    if event.partner is not None or event.receiver.agency_id is None:
        return ()  # the receiver works in another system
    title = known.delivery.title if known.delivery else "Văn bản"
    said = ("Nơi gửi đôn đốc xử lý", f"{title}. {event.sender.name} đôn đốc xử lý văn bản này.")
    return (Call(Clerks(event.receiver.agency_id), *said, f"/arrivals/{event.delivery_id}", event.note),)


def _chase_passed_on(event: docs.ArrivalChased, _known: Known) -> tuple[Call, ...]:
    text = f"{event.title}. {event.sender_name} đôn đốc; văn bản đang giao bạn xử lý."
    said = ("Nơi gửi đôn đốc xử lý", text, f"/incoming/{event.incoming_id}", event.note)
    return tuple(Call(Person(each), *said) for each in event.people)


def _named(descriptor: docs.Descriptor) -> str:
    title = title_of(descriptor)
    return f"{descriptor.number_symbol} – {title}" if descriptor.number_symbol else title


def _status_reported(event: docs.DeliveryStatusReported, known: Known) -> tuple[Call, ...]:
    title = known.delivery.title if known.delivery else "Văn bản"
    receiver, sender = event.receiver.name, event.sender.name
    if event.status == "13":
        if event.partner is not None or event.receiver.agency_id is None:
            return ()  # the receiver works in another system
        text = f"{title}. {sender} yêu cầu lấy lại văn bản đã gửi; hãy đồng ý hoặc từ chối."
        where = f"/arrivals/{event.delivery_id}"
        return (Call(Clerks(event.receiver.agency_id), "Yêu cầu lấy lại văn bản", text, where, reason=event.reason),)
    if event.status == "04" and event.assignee_id:
        text = f"{title}. Văn bản của {sender} được giao cho bạn xử lý."
        return (Call(Person(event.assignee_id), "Văn bản giao bạn xử lý", text, "/incoming", reason=event.reason),)
    said = STATUS_FOR_SENDER.get(f"{event.status}:{event.about}") or STATUS_FOR_SENDER.get(event.status)
    if said is None:
        return ()  # 01, 03 and 05 are nobody's turn at the sender: the document's page shows them
    heading, sentence = said
    to: list[Person | Clerks] = []
    if event.sender.agency_id and event.status in NEEDS_THE_CLERKS:
        to.append(Clerks(event.sender.agency_id))
    if known.document is not None:
        to.append(Person(known.document.author_id))
    text = f"{title}. {receiver} {sentence}"
    reason = event.reason
    if event.reason_vi:  # a partner's words, often in another language, stay a quotation
        reason = f"{event.reason_vi} “{event.reason}”" if event.reason else event.reason_vi
    return tuple(Call(each, heading, text, _page(event.document_id), reason=reason) for each in to)


NEEDS_THE_CLERKS = frozenset({"02", "16"})


def _validated(event: signing.DocumentValidated, _known: Known) -> tuple[Call, ...]:
    if event.indication == "TOTAL_PASSED":
        return ()
    text = "Chữ ký trên một văn bản đến chưa được xác nhận là hợp lệ; hãy mở báo cáo kiểm tra trước khi vào sổ."
    link = f"/incoming/{event.incoming_id}"
    return (Call(Clerks(event.agency_id), "Văn bản đến cần xem lại chữ ký", text, link, reason=event.reason_vi),)


# --- drafting and review: these facts name the document themselves, a draft is not known otherwise


def _until(due_at: datetime | None) -> str:
    return f" Hạn: {due_at.astimezone(VIETNAM):%H:%M %d/%m/%Y}." if due_at else ""


def _review_asked(event: docs.ReviewAsked, _known: Known) -> tuple[Call, ...]:
    back = f" {event.by.name} trả về bước này." if event.reason else ""
    text = f"{event.title}. Bước: {event.stage}.{back}{_until(event.due_at)}"
    return tuple(
        Call(Person(each), "Dự thảo chờ bạn xem xét", text, _page(event.document_id), reason=event.reason)
        for each in event.people
    )


def _review_due(event: docs.ReviewDue, _known: Known) -> tuple[Call, ...]:
    title, what = {
        "due_soon": ("Dự thảo sắp đến hạn xem xét", "sắp đến hạn"),
        "overdue": ("Dự thảo quá hạn xem xét", "đã quá hạn; hãy xem xét hoặc thay người xem xét"),
        "stuck": ("Dự thảo không còn ai xem xét", "không còn ai xem xét được; hãy thay người hoặc trả lại"),
    }[event.standing]
    text = f"{event.title}. Bước {event.stage} {what}.{_until(event.due_at)}"
    to: list[Person | Clerks] = [Person(each) for each in event.people]
    to += [Clerks(event.agency_id)] if event.clerks else []
    return tuple(Call(each, title, text, _page(event.document_id)) for each in to)


def _remark_made(event: docs.RemarkMade, _known: Known) -> tuple[Call, ...]:
    text = f"{event.title}. {event.by.name} nhắc đến bạn trong phần trao đổi."
    others = (each for each in event.mentions if each != event.by.person_id)
    return tuple(Call(Person(each), "Bạn được nhắc đến", text, _discussion(event.document_id)) for each in others)


def _opinion_asked(event: docs.OpinionAsked, _known: Known) -> tuple[Call, ...]:
    title = {
        "asked": "Bạn được xin ý kiến",
        "due_soon": "Sắp đến hạn cho ý kiến",
        "overdue": "Quá hạn cho ý kiến",
    }[event.standing]
    text = f"{event.title}.{_until(event.due_at)}"
    return tuple(Call(Person(each), title, text, _discussion(event.document_id)) for each in event.people)


def _opinion_given(event: docs.OpinionGiven, _known: Known) -> tuple[Call, ...]:
    verdict = {"agreed": "đồng ý", "remarks": "có ý kiến", "disagreed": "không đồng ý"}[event.verdict]
    text = f"{event.title}. {event.by.name} {verdict}."
    return (Call(Person(event.asked_by), "Có người cho ý kiến", text, _discussion(event.document_id)),)


# --- work files: their facts name them


def _workfile_due(event: workfile.WorkfileDue, _known: Known) -> tuple[Call, ...]:
    text = f"Hồ sơ {event.code}: {event.title}. Hạn nộp lưu trữ: {event.due_on:%d/%m/%Y}."
    link = f"/work-files/{event.workfile_id}"
    to: tuple[Person | Clerks, ...] = (Person(event.keeper_id), Clerks(event.agency_id))
    return tuple(Call(each, "Hồ sơ sắp đến hạn nộp lưu trữ", text, link) for each in to)


def _workfile_submitted(event: workfile.WorkfileSubmitted, _known: Known) -> tuple[Call, ...]:
    text = (
        f"Hồ sơ {event.code}: {event.title}. {event.by.name} nộp theo biên bản {event.minutes}; hãy nhận hoặc trả lại."
    )
    link = f"/work-files/{event.workfile_id}"
    return (Call(Clerks(event.agency_id), "Hồ sơ chờ nhận vào lưu trữ", text, link),)


def _workfile_returned(event: workfile.WorkfileReturned, _known: Known) -> tuple[Call, ...]:
    text = f"Hồ sơ {event.code}: {event.title}. {event.by.name} trả lại; hãy bổ sung rồi nộp lại."
    link = f"/work-files/{event.workfile_id}"
    return (Call(Person(event.keeper_id), "Lưu trữ trả lại hồ sơ", text, link, reason=event.reason),)


def _discussion(document_id: UUID) -> str:
    return f"/documents/{document_id}/discussion"


def _task_changed(event: docs.TaskChanged, _known: Known) -> tuple[Call, ...]:
    title = TASK_TITLES.get(event.act)
    if title is None:
        return ()
    due = f" Hạn {event.due_on:%d/%m/%Y}." if event.due_on else ""
    who = "" if event.by.person_id is None else f" {event.by.name}"
    text = f"{event.title}. {event.holder}.{due}{who and f' Người ghi:{who}.'}"
    link = f"/tasks/{event.task_id}"
    return tuple(Call(Person(each), title, text, link, reason=event.reason) for each in event.people)


RULES: Mapping[type[Event], Callable[[Any, Known], tuple[Call, ...]]] = {
    docs.DocumentSubmitted: _submitted,
    docs.DocumentReturned: _returned,
    docs.ReviewAsked: _review_asked,
    docs.ReviewDue: _review_due,
    docs.RemarkMade: _remark_made,
    docs.OpinionAsked: _opinion_asked,
    docs.OpinionGiven: _opinion_given,
    docs.TaskChanged: _task_changed,
    docs.DocumentIssued: _issued,
    docs.NumberVoided: _voided,
    docs.DeliveryDispatched: _dispatched,
    docs.DeliveryStatusReported: _status_reported,
    docs.DeliveryChased: _chased,
    docs.ArrivalChased: _chase_passed_on,
    signing.DocumentPrepared: _prepared,
    signing.DocumentCounterSealed: _counter_sealed,
    signing.DocumentSigned: _signed,
    signing.DocumentRefused: _refused,
    signing.DocumentDelayed: _delayed,
    signing.DocumentOwing: _owing,
    signing.DocumentAugmented: _augmented,
    signing.DocumentValidated: _validated,
    workfile.WorkfileDue: _workfile_due,
    workfile.WorkfileSubmitted: _workfile_submitted,
    workfile.WorkfileReturned: _workfile_returned,
}
"""A type that is not here is nobody's turn: approving and sealing are followed by another fact at once."""
