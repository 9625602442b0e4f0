"""Nobody is surprised by the end of a certificate: whom it concerns is told ahead, once, and no longer than needed."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from starlette.routing import Match

from services.notify import expiry, mail, mailing, pulse
from services.notify.expiry import Certificate, Holder, due
from services.portal.pages.wiring import PAGES
from shared import db
from shared.events import registry
from shared.ids import new_id
from shared.jobs import Runner
from tests.notify.conftest import Office
from tests.notify.facts import Story, person, record
from tests.notify.test_mail import Postbox, smtp
from tests.notify.test_stream import notices
from tests.support.parts import free_port

DAYS = (60, 30, 14, 7, 1)
TODAY = date(2026, 11, 24)
NOON = datetime(2026, 11, 24, 5, tzinfo=UTC)  # in Vietnam


def lasting(days: int, **changed: Any) -> Certificate:
    """A leader's certificate that is good through the day that comes in `days` days, in Vietnam."""
    facts: dict[str, Any] = {
        "id": new_id(),
        "kind": "person",
        "holder_id": new_id(),
        "serial": "5f01",
        "status": "active",
    }
    return Certificate(**{**facts, "not_after": NOON + timedelta(days=days), **changed})


def told_today(*known: Certificate, before: dict[UUID, set[int]] | None = None, now: datetime = NOON) -> list[Any]:
    today = now.astimezone(expiry.VIETNAM).date()
    return [(e.certificate.id, e.threshold) for e in due(known, before or {}, today=today, now=now, thresholds=DAYS)]


# --- the rule


def test_each_threshold_is_told_on_its_day_and_the_days_between_are_quiet() -> None:
    certificate = lasting(90)
    before: dict[UUID, set[int]] = {}
    days = {}
    for passed in range(91):
        for _, threshold in told_today(certificate, before=before, now=NOON + timedelta(days=passed)):
            before.setdefault(certificate.id, set()).add(threshold)
            days[threshold] = 90 - passed
    assert days == {60: 60, 30: 30, 14: 14, 7: 7, 1: 1}


def test_after_days_of_standstill_only_the_most_urgent_is_told() -> None:
    certificate = lasting(6)
    assert told_today(certificate, before={certificate.id: {60}}) == [(certificate.id, 7)]
    assert told_today(certificate, before={certificate.id: {60, 7}}) == []


def test_days_are_counted_as_vietnam_counts_them() -> None:
    just_after_midnight_there = datetime(2026, 11, 24, 17, 5, tzinfo=UTC)  # 00:05 on the 25th in Vietnam
    certificate = lasting(0, not_after=datetime(2026, 12, 25, 12, tzinfo=UTC))
    assert told_today(certificate, now=just_after_midnight_there - timedelta(minutes=10)) == [(certificate.id, 60)]
    assert told_today(certificate, now=just_after_midnight_there) == [(certificate.id, 30)]


def test_a_renewed_certificate_is_told_of_no_more() -> None:
    old = lasting(10)
    new = lasting(400, holder_id=old.holder_id)
    assert told_today(old, new) == []
    assert told_today(old, lasting(400, holder_id=old.holder_id, kind="seal")) == [(old.id, 14)]
    assert told_today(old, lasting(400, holder_id=old.holder_id, status="suspended")) == [(old.id, 14)]
    assert told_today(old, lasting(400)) == [(old.id, 14)], "somebody else's is no renewal"
    assert told_today(old, lasting(9, holder_id=old.holder_id)) != [], "a shorter one is no renewal"


@pytest.mark.parametrize("status", ["suspended", "revoked", "expired", "renewed"])
def test_what_is_not_active_is_not_told_of(status: str) -> None:
    assert told_today(lasting(7, status=status)) == []


def test_what_has_ended_is_not_told_of() -> None:
    assert told_today(lasting(0, not_after=NOON - timedelta(seconds=1))) == []
    assert len(told_today(lasting(0, not_after=NOON + timedelta(seconds=1)))) == 1


def test_an_officer_reads_one_notice_for_many_certificates_and_the_most_urgent_first() -> None:
    officer, clerk = new_id(), new_id()
    known = [lasting(days) for days in (60, 7, 30, 30, 14, 58, 60)]
    endings = due(known, {}, today=TODAY, now=NOON, thresholds=DAYS)
    holders = {
        each.holder_id: Holder(f"Người {n}", None, (clerk,), (officer,), waiting=40 if n == 1 else 0)
        for n, each in enumerate(known)
    }
    calls = expiry.calls(endings, holders)
    (call,) = calls[officer]
    assert call.title == "7 chứng thư số sắp hết hạn"
    assert "1 trong 7 ngày, 1 trong 14 ngày, 2 trong 30 ngày, 3 trong 60 ngày" in call.text
    assert call.text.index("Người 1 (còn 7 ngày, 40 văn bản đang chờ ký)") < call.text.index("Người 4")
    assert "và 2 chứng thư số khác" in call.text
    assert len(calls[clerk]) == 7


# --- the service


def stated(kind: Any, holder: UUID, days: float, **changed: Any) -> registry.CertificateStated:
    facts: dict[str, Any] = {
        "certificate_id": new_id(),
        "kind": kind,
        "person_id": holder if kind == "person" else None,
        "agency_id": holder if kind == "seal" else None,
        "pem": "-",
        "chain_pem": "-",
        "spki_sha256": "0" * 64,
        "serial": "5f01",
        "not_before": datetime(2024, 1, 1, tzinfo=UTC),
        "not_after": datetime.now(UTC) + timedelta(days=days),
        "status": "active",
    }
    return registry.CertificateStated(**(facts | changed))


def agency(agency_id: UUID, identifier: str, level: Any) -> registry.AgencyStated:
    return registry.AgencyStated(
        agency_id=agency_id,
        identifier=identifier,
        name=f"Cơ quan {identifier}",
        level=level,
        valid_from=date(2020, 1, 1),
    )


class People:
    """A province with its officer, one district with its own, a commune of it with clerk and leader."""

    def __init__(self) -> None:
        self.province, self.district, self.other, self.commune = new_id(), new_id(), new_id(), new_id()
        self.officer = person("Dương Thị Mai Hoa", self.province, "officer")
        self.district_officer = person("Nông Văn Bình", self.district, "officer")
        self.stranger = person("Hà Thị Sen", self.other, "officer")
        self.clerk = person("Phùng Thị Mai Diệp", self.commune, "clerk")
        self.foreign_clerk = person("Lý Thị Nga", self.other, "clerk")
        self.leader = person("Nguyễn Văn Đức", self.commune, "leader")

    def everybody(self) -> list[registry.PersonStated | registry.AgencyStated]:
        return [
            agency(self.province, "H37", "province"),
            agency(self.district, "H37.22", "district"),
            agency(self.other, "H37.23", "district"),
            agency(self.commune, "H37.22.001", "commune"),
            *(self.officer, self.district_officer, self.stranger, self.clerk, self.foreign_clerk, self.leader),
        ]


def beats(office: Office, *, age: float = 0.0) -> None:
    """Everything stated so far has reached us, as of `age` seconds ago."""
    as_of = datetime.now(UTC) - timedelta(seconds=age)
    for n, of in enumerate(("registry.agency", "registry.person", "registry.certificate")):
        topic: Any = of
        assert office.take(record(registry.Heartbeat(of=topic, as_of=as_of), seq=int(as_of.timestamp() * 1e6) + n))


def tell(office: Office, *, later: float = 0.0) -> int:
    """A turn of the worker's clock, `later` days from now, with a copy that is as fresh as then."""
    now = datetime.now(UTC) + timedelta(days=later)
    with db.transaction(office.pool) as tx:
        return pulse.tell_of_endings(tx, "urn:vanthu:dev", DAYS, now=now, stale_after=60 + later * 86400)


@pytest.fixture
def people(office: Office) -> People:
    people = People()
    office.hear(*people.everybody())
    return people


def titles(office: Office, person_id: UUID) -> list[str]:
    return [notice["title"] for notice in office.notices(person_id)]


def test_holder_clerk_and_officers_are_told_with_the_work_that_waits(office: Office, people: People) -> None:
    certificate = stated("person", people.leader.person_id, 7)
    stories = [Story(agency=people.commune, leader=people.leader.person_id) for _ in range(43)]
    office.hear(certificate, *(fact for story in stories for fact in (story.submitted(), story.prepared())))
    office.take(*(record(story.signed(), seq=2) for story in stories[:2]), record(stories[2].returned(), seq=2))
    beats(office)
    assert tell(office) == 1
    for each in (people.clerk, people.officer, people.district_officer):
        notice = office.notices(each.person_id)[0]
        assert notice["title"] == "Chứng thư số của Nguyễn Văn Đức còn 7 ngày"
        assert "40 văn bản đang chờ người này ký" in notice["text"]
        assert notice["link"] == f"/certificates/{certificate.certificate_id}"
    own = office.notices(people.leader.person_id)[0]
    assert own["title"] == "Chứng thư số của bạn còn 7 ngày"
    assert "40 văn bản đang chờ bạn ký" in own["text"]
    assert office.notices(people.stranger.person_id) == []
    assert office.notices(people.foreign_clerk.person_id) == []


def test_a_seal_is_told_to_its_agency_with_what_waits_for_it(office: Office, people: People) -> None:
    story = Story(agency=people.commune, leader=people.leader.person_id)
    office.hear(stated("seal", people.commune, 30), story.submitted(), story.prepared())
    office.take(record(story.signed(), seq=2))
    beats(office)
    assert tell(office) == 1
    text = office.notices(people.clerk.person_id)[0]["text"]
    assert "con dấu Cơ quan H37.22.001" in text
    assert "1 văn bản đang chờ đóng dấu này" in text
    assert titles(office, people.leader.person_id) == ["Văn bản chờ bạn ký"], "a seal is not the leader's to renew"


def test_it_is_told_once_whatever_is_repeated_and_stops_when_renewed(office: Office, people: People) -> None:
    old = stated("person", people.leader.person_id, 30)
    office.hear(old)
    beats(office)
    assert [tell(office), tell(office)] == [1, 0]
    assert tell(office, later=16) == 1
    office.hear(stated("person", people.leader.person_id, 400))
    assert tell(office, later=23) == 0
    assert len(titles(office, people.clerk.person_id)) == 2
    assert office.rows("SELECT threshold FROM expiry_told ORDER BY 1") == [{"threshold": 14}, {"threshold": 30}]


def test_several_workers_at_once_tell_it_once(office: Office, people: People) -> None:
    office.hear(*(stated("person", people.leader.person_id, 7) for _ in range(1)), stated("seal", people.commune, 7))
    beats(office)
    stop = threading.Event()
    loops = [pulse.expiry(office.pool, "urn:vanthu:dev", DAYS, stale_after=60, interval=0.01) for _ in range(4)]
    threads = [threading.Thread(target=loop, args=(stop,)) for loop in loops]
    for thread in threads:
        thread.start()
    try:
        with (
            office.http(people.clerk.person_id) as http,
            http.stream("GET", "/stream", headers={"Last-Event-ID": "0"}) as response,
        ):
            came = notices(response)
            assert [next(came).fields["id"], next(came).fields["id"]] == ["1", "2"]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert len(titles(office, people.clerk.person_id)) == 2
    assert len(titles(office, people.officer.person_id)) == 1, "both in one"


def test_a_worker_that_cannot_know_of_a_renewal_tells_nothing(office: Office, people: People) -> None:
    office.hear(stated("person", people.leader.person_id, 7))
    assert tell(office) == 0, "no heartbeat at all"
    beats(office, age=3600)
    assert tell(office) == 0
    beats(office)
    assert tell(office) == 1


def test_somebody_who_has_left_is_not_told_but_the_officers_are(office: Office, people: People) -> None:
    office.hear(stated("person", people.leader.person_id, 7))
    office.take(record(people.leader.model_copy(update={"active": False, "posts": ()}), seq=2))
    beats(office)
    assert tell(office) == 1
    assert titles(office, people.officer.person_id) == ["Chứng thư số của Nguyễn Văn Đức còn 7 ngày"]
    mailed = office.rows("SELECT payload ->> 'person_id' AS person_id FROM job")
    assert mailed == [{"person_id": str(people.officer.person_id)}], "and nobody else"


def test_the_mail_goes_through_a_real_server_and_names_the_page(office: Office, people: People) -> None:
    certificate = stated("person", people.leader.person_id, 1)
    office.hear(certificate)
    beats(office)
    tell(office)
    postbox, port = Postbox(), free_port()
    server = mail.MailServer(address=f"127.0.0.1:{port}", sender="vanthu@tinh.example")
    kind = mailing.mail_kind(office.pool, server, "http://portal.example", first_pause=0.0)
    runner = Runner(office.pool, {mailing.MAIL: kind}, stop=threading.Event())
    with smtp(postbox, port):
        while runner.run_one():
            pass
    assert sorted(to for (to,), _ in postbox.mails) == sorted(
        each.email for each in (people.leader, people.clerk, people.officer, people.district_officer)
    )
    for _, message in postbox.mails:
        assert f"http://portal.example/certificates/{certificate.certificate_id}" in message.get_content()


def test_the_links_are_pages_of_the_portal() -> None:
    certificates = [lasting(7), lasting(7, kind="seal")]
    endings = due(certificates, {}, today=TODAY, now=NOON, thresholds=DAYS)
    holders = {each.holder_id: Holder("A", new_id(), (new_id(),), (new_id(),), 0) for each in certificates}
    one_officer = {key: Holder("A", None, (), (UUID(int=1),), 0) for key in holders}
    links = {c.link for told in (holders, one_officer) for each in expiry.calls(endings, told).values() for c in each}
    assert "/certificates" in links
    for link in links:
        scope = {"type": "http", "method": "GET", "path": link, "headers": []}
        assert any(route.matches(scope)[0] is Match.FULL for page in PAGES for route in page.router.routes)
