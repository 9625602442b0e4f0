"""A notice is open until the work that it speaks of is done, by whomever; what waits for nothing is not kept for ever."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from services.notify import pulse, store_work
from services.notify.consumer import follower
from services.notify.settling import ENDS, WORKS
from shared import db
from shared.events import Actor, Event, docs, registry, signing
from shared.ids import new_id
from shared.inbox import Record
from tests.notify.conftest import Office
from tests.notify.facts import NOW, Story, person, record

_seq: Counter[tuple[str, str]] = Counter()
_moments = itertools.count(1)


def said(event: Event) -> Record:
    """The next event of its key, later than whatever was said before."""
    _seq[event.topic, event.key] += 1
    later = NOW + timedelta(milliseconds=next(_moments))
    return record(event, _seq[event.topic, event.key], time=later)


def say(office: Office, *events: Event) -> list[str]:
    return office.take(*map(said, events))


def unread(office: Office, who: UUID) -> int:
    with office.http(who) as http:
        return int(http.get("/notices").raise_for_status().json()["unread"])


def clerks(office: Office, agency: UUID, *names: str) -> list[UUID]:
    people = [person(name, agency, "clerk") for name in names]
    stated = registry.AgencyStated(
        agency_id=agency, identifier="H01.01", name="UBND xã", level="commune", valid_from=NOW.date()
    )
    say(office, stated, *people, registry.Heartbeat(of="registry.person", as_of=NOW))
    return [each.person_id for each in people]


def known(office: Office, *others: UUID) -> None:
    say(office, *(person("Người", new_id(), "clerk", person_id=each) for each in others))


def status(story: Story, code: str, **more: Any) -> docs.DeliveryStatusReported:
    return docs.DeliveryStatusReported(
        by=Actor(person_id=new_id(), name="Vi Thị Lan"),
        at=NOW,
        delivery_id=story.delivery,
        document_id=story.document,
        sender=docs.Party(agency_id=story.agency, identifier="H01.01", name="UBND xã"),
        receiver=docs.Party(agency_id=story.receiver, identifier="H01.02", name="UBND xã B"),
        status=code,
        **more,
    )


def task(act: docs.TaskAct, task_id: UUID, *people: UUID, by: UUID | None = None) -> docs.TaskChanged:
    return docs.TaskChanged(
        task_id=task_id,
        agency_id=new_id(),
        incoming_id=new_id(),
        act=act,
        title="Công văn",
        holder="Phòng Tài chính",
        people=people,
        by=Actor(person_id=by or new_id(), name="Vi Thị Lan"),
        at=NOW,
    )


def test_what_one_clerk_registers_is_open_for_no_other(office: Office) -> None:
    story = Story()
    first, second = clerks(office, story.receiver, "Một", "Hai")
    say(office, story.dispatched())
    assert (unread(office, first), unread(office, second)) == (1, 1)
    done = said(status(story, "03"))
    assert office.take(done, done) == ["handled", "duplicate"]
    assert (unread(office, first), unread(office, second)) == (0, 0)
    (notice,) = office.notices(second)
    assert (notice["read"], notice["done"], notice["done_by"]) == (False, True, "Vi Thị Lan")
    with office.http(second) as http:
        assert http.get("/notices?unread=true").json()["items"] == []
    assert office.rows("SELECT FROM open_work") == []


def test_signatures_to_look_at_are_looked_at_when_it_is_registered(office: Office) -> None:
    story, incoming = Story(), new_id()
    (binh,) = clerks(office, story.receiver, "Đỗ Văn Bình")
    judged = signing.DocumentValidated(
        incoming_id=incoming,
        agency_id=story.receiver,
        sha256="a" * 64,
        indication="INDETERMINATE",
        reason_vi="Không kiểm tra được thu hồi",
        reason_en="Revocation could not be checked",
        by=Actor(name="Vanthu", system="signing"),
        at=NOW,
    )
    say(office, judged)
    assert unread(office, binh) == 1
    say(office, status(story, "01", incoming_id=incoming))
    assert unread(office, binh) == 1
    say(office, status(story, "03", incoming_id=incoming))
    assert unread(office, binh) == 0
    other = judged.model_copy(update={"incoming_id": new_id()})
    say(office, other)
    assert unread(office, binh) == 1
    say(office, other.model_copy(update={"indication": "TOTAL_PASSED"}))
    assert unread(office, binh) == 0


def test_a_review_that_somebody_else_answered_and_a_signature_are_done(office: Office) -> None:
    story, other = Story(), new_id()
    known(office, story.author, story.leader, other)
    say(office, story.submitted(story.leader, other))
    answered = docs.ReviewAnswered(
        document_id=story.document,
        agency_id=story.agency,
        act="approved",
        people=(story.leader,),
        by=story.by,
        at=NOW,
    )
    say(office, answered)
    assert (unread(office, story.leader), unread(office, other)) == (0, 1)
    say(office, docs.DocumentApproved(document_id=story.document, agency_id=story.agency, by=story.by, at=NOW))
    assert unread(office, other) == 0
    say(office, story.prepared())
    assert unread(office, story.leader) == 1
    say(office, story.signed())
    assert unread(office, story.leader) == 0
    say(office, story.returned())
    assert unread(office, story.author) == 1
    say(office, story.submitted(other))
    assert (unread(office, story.author), unread(office, other)) == (0, 1), "asked again"


def test_tasks_end_with_what_ends_them(office: Office) -> None:
    holder, giver, heir, one = new_id(), new_id(), new_id(), new_id()
    known(office, holder, giver, heir)
    say(office, task("given", one, holder), task("due_soon", one, holder), task("extension_asked", one, giver))
    assert (unread(office, holder), unread(office, giver)) == (2, 1)
    say(office, task("extension_granted", one, holder, by=giver))
    assert (unread(office, holder), unread(office, giver)) == (1, 0), "the answer is to be read"
    say(office, task("proposed", one, giver, by=holder))
    assert unread(office, giver) == 1
    say(office, task("returned", one, holder, by=giver))
    assert (unread(office, holder), unread(office, giver)) == (2, 0)
    say(office, task("reassigned", one, heir, by=giver))
    assert (unread(office, holder), unread(office, heir)) == (1, 1)
    say(office, task("closed", one, heir, by=giver))
    assert [notice["done"] for notice in office.notices(heir)] == [False, True]


def test_what_ends_the_work_may_come_before_what_asks_for_it(office: Office) -> None:
    """Topics have no order between them."""
    story = Story()
    clerk, *_ = clerks(office, story.agency, "Một")
    known(office, story.author)
    say(office, story.submitted())
    asks, ends = said(story.signed()), said(numbered(story))
    assert office.take(ends, asks) == ["handled", "handled"]
    assert [n["done"] for n in office.notices(clerk)] == [True]
    assert unread(office, clerk) == 0


def numbered(story: Story) -> docs.DocumentNumbered:
    return docs.DocumentNumbered(
        document_id=story.document,
        agency_id=story.agency,
        register_code="VB",
        year=2026,
        number=12,
        number_symbol="12/UBND",
        issued_on=NOW.date(),
        by=story.by,
        at=NOW,
    )


def test_a_delay_of_what_is_no_document_is_dropped_after_some_days(office: Office) -> None:
    """A tree head's seal waits for the TSA: its id is no document's, and no submission will ever come."""
    story = Story()
    say(office, story.delayed())
    assert len(office.rows("SELECT FROM held")) == 1
    now = datetime.now(UTC)
    with db.transaction(office.pool) as tx:
        assert store_work.forget(tx, ended_before=now - pulse.KEPT, held_before=now - pulse.HELD) == 0
    later = now + pulse.HELD + timedelta(minutes=1)
    with db.transaction(office.pool) as tx:
        assert store_work.forget(tx, ended_before=later - pulse.KEPT, held_before=later - pulse.HELD) == 1
    assert office.rows("SELECT FROM held") == []


def test_every_fact_that_ends_or_begins_work_is_followed() -> None:
    followed = set(follower().handlers)
    wanted: set[type[Event]] = {*ENDS, *WORKS}
    assert wanted <= followed, wanted - followed
