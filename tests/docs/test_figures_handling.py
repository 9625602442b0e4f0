"""On time and late against the deadlines of handling: every figure beside a count by hand of the same documents."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import openpyxl
import psycopg
import pytest

from services.docs import numbering, store_workdays
from services.docs.figures import domain, work
from services.docs.workdays import Calendar, SaidDay
from shared import db
from shared.events import Actor
from tests.docs.conftest import Docs, ok
from tests.docs.facts import Agency, agency, heartbeats, validated

FEB, MAR = date(2026, 2, 26), date(2026, 3, 2)  # a Thursday, a Monday
FRIDAY, STORM, TUESDAY = date(2026, 3, 6), date(2026, 3, 9), date(2026, 3, 10)


@dataclass(frozen=True)
class Case:
    """An arrival: its day, the slip's deadline, when it was completed; what somebody who reads its file would say of it."""

    arrived: date
    due: date | None
    done: date | None
    says: str
    type_code: str = "CV"
    joint_due: date | None = None
    registered: bool = True


def today() -> date:
    return numbering.today(datetime.now(UTC))


def cases() -> tuple[Case, ...]:
    """Some of them hang on the day: asked for when they are needed, since a test run may go on past midnight."""
    day = today()
    return (
        Case(MAR, FRIDAY, FRIDAY, "in_done_on_time"),
        Case(MAR, FRIDAY, FRIDAY - timedelta(days=2), "in_done_on_time", "QĐ"),
        Case(MAR, FRIDAY, date(2026, 3, 7), "in_done_late"),  # on the Saturday after
        Case(MAR, STORM, TUESDAY, "in_done_on_time"),  # the deadline's day became a day off
        Case(MAR, STORM, date(2026, 3, 11), "in_done_late", "QĐ"),
        Case(MAR, None, TUESDAY, "in_done_free"),
        Case(MAR, None, date(2026, 3, 11), "in_done_late", joint_due=TUESDAY),  # only who joins has a deadline
        Case(FEB, date(2026, 3, 20), None, "in_open_late"),
        Case(FEB, Calendar().after(day, 7), None, "in_open_on_time", "QĐ"),
        Case(
            FEB,
            day if Calendar().works(day) else None,
            None,
            "in_open_on_time" if Calendar().works(day) else "in_open_free",
        ),
        Case(FEB, None, None, "in_open_free"),
        Case(FEB, None, None, "in_waiting", registered=False),
    )


def count(docs: Docs, now: datetime | None = None) -> None:
    while True:
        with db.transaction(docs.pool) as tx:
            if not work.count_touched(tx, now):
                return


def arrive(docs: Docs, case: Case) -> UUID:
    """Through the whole chain over HTTP; days in the past are written afterwards, as if the clock had been there."""
    sent = docs.issued(docs.a, type_code=case.type_code)
    docs.delivered(sent, docs.a, docs.b)
    found = UUID(docs.arrived(docs.b)["id"])
    if case.registered:
        docs.hear(validated(found, docs.b.agency_id))
        ok(docs.post(docs.b.clerk, f"/incoming/{found}/register"))
    if case.due or case.joint_due:
        later = Calendar().after(today(), 5).isoformat()
        lead = {"person_id": str(docs.b.clerk.person_id)} | ({"due_on": later} if case.due else {})
        join = {"person_id": str(docs.b.person("second clerk").person_id), "due_on": later}
        body: dict[str, Any] = {"lead": lead, "joint": [join] if case.joint_due else []}
        ok(docs.post(docs.b.leader, f"/incoming/{found}/slip", body), 201)
    if case.done:
        ok(docs.post(docs.b.clerk, f"/incoming/{found}/complete"))
    with psycopg.connect(docs.database.admin) as admin:
        at = [datetime(d.year, d.month, d.day, 3, tzinfo=UTC) if d else None for d in (case.arrived, case.done)]
        admin.execute("UPDATE incoming SET arrived_at = %s WHERE id = %s", [at[0], found])
        admin.execute("UPDATE history SET at = %s WHERE subject_id = %s AND act <> 'completed'", [at[0], found])
        admin.execute("UPDATE history SET at = %s WHERE subject_id = %s AND act = 'completed'", [at[1], found])
        admin.execute("UPDATE task SET due_on = %s WHERE incoming_id = %s AND part = 'lead'", [case.due, found])
        admin.execute("UPDATE task SET due_on = %s WHERE incoming_id = %s AND part = 'joint'", [case.joint_due, found])
        admin.execute("INSERT INTO figure_touched (agency_id, day) VALUES (%s, %s)", [docs.b.agency_id, case.arrived])
    return found


def by_hand(cases: tuple[Case, ...]) -> dict[str, int]:
    found = Counter(case.says for case in cases)
    found["in"] = len(cases)
    found["in_done"] = sum(case.done is not None for case in cases)
    found["in_open"] = sum(case.registered and case.done is None for case in cases)
    return {name: n for name, n in found.items() if n}


def counts(row: dict[str, Any]) -> dict[str, int]:
    """What is said of the handling, without what is nought."""
    names = ("in", "in_waiting", "in_done", "in_open")
    return {k: n for k, n in row["counts"].items() if n and (k in names or k.startswith(("in_done_", "in_open_")))}


@pytest.fixture
def mixed(docs: Docs) -> Docs:
    with db.transaction(docs.pool, agency=docs.b.agency_id) as tx:
        said = SaidDay(STORM, "off", "Nghỉ bão", docs.b.identifier)
        store_workdays.put_day(tx, said, by=Actor(name="Vi Thị Nguyệt"), at=datetime.now(UTC))
    for case in cases():
        arrive(docs, case)
    count(docs)
    return docs


def test_every_figure_of_the_handling_is_what_a_count_by_hand_says(mixed: Docs) -> None:
    docs = mixed
    year = f"since={FEB}&until={today()}"
    found = docs.get(docs.b.clerk, f"/figures?{year}")
    assert counts(found["total"]) == by_hand(cases())
    done = [case.says for case in cases()]
    judged = sum(done.count(each) for each in ("in_done_on_time", "in_done_late", "in_open_late"))
    assert found["total"]["shares"]["handled_on_time"] == round(100 * done.count("in_done_on_time") / judged, 1)
    assert {row["key"]: counts(row) for row in found["items"]} == {
        "2026-02": by_hand(tuple(c for c in cases() if c.arrived == FEB)),
        "2026-03": by_hand(tuple(c for c in cases() if c.arrived == MAR)),
    }
    types = docs.get(docs.b.clerk, f"/figures?{year}&by=type")["items"]
    assert {row["key"]: counts(row) for row in types} == {
        kind: by_hand(tuple(c for c in cases() if c.type_code == kind)) for kind in ("CV", "QĐ")
    }
    past = docs.get(docs.b.clerk, f"/figures?since={MAR}&until={MAR}")
    assert counts(past["total"]) == by_hand(tuple(c for c in cases() if c.arrived == MAR)), "one day of the past"
    assert counts(docs.get(docs.b.clerk, f"/figures?since={MAR + timedelta(days=1)}&until={today()}")["total"]) == {}
    asked = docs.http(docs.b.clerk.principal)
    sheet = list(csv.reader(io.StringIO(asked.get(f"/figures.csv?by=type&{year}").content.decode("utf-8-sig"))))
    book = openpyxl.load_workbook(io.BytesIO(asked.get(f"/figures.xlsx?by=type&{year}").content), read_only=True)
    cells = [[str(cell or "") for cell in row] for row in book.worksheets[0].iter_rows(values_only=True)]
    book.close()
    for rows in (sheet, cells[-4:]):
        total = dict(zip(rows[0], rows[-1], strict=True))
        for name, n in by_hand(cases()).items():
            assert total[domain.MEASURES[name]] == str(n), name
        assert total["Giải quyết đúng hạn (%)"] == str(found["total"]["shares"]["handled_on_time"])
    the_follow_up_book_says_deadline_and_result(docs)


def the_follow_up_book_says_deadline_and_result(docs: Docs) -> None:
    lines = docs.get(docs.b.clerk, "/books/follow_up")["items"]
    cells = [line["cells"] for line in lines]
    assert [c[3] for c in cells[:4]] == ["06/03/2026", "06/03/2026", "06/03/2026", "09/03/2026"]
    assert cells[6][3] == "10/03/2026"
    assert "phối hợp: Hoàng Văn Đức" in cells[6][2]
    results = [c[4].removeprefix("Đã hoàn thành ") for c in cells]
    assert results[2].endswith("quá hạn 1 ngày làm việc")
    assert results[4].endswith("quá hạn 1 ngày làm việc")
    assert "quá hạn" in cells[7][4]
    assert "hạn" not in cells[8][4], "not late yet"


def what_waits_becomes_late_with_the_date_alone(docs: Docs) -> None:
    year = f"since={FEB}&until={today()}"
    before = counts(docs.get(docs.b.clerk, f"/figures?{year}")["total"])
    with db.transaction(docs.pool) as tx:
        assert tx.execute("SELECT count(*) AS n FROM figure_touched").fetchone() == {"n": 0}
    count(docs, datetime.now(UTC) + timedelta(days=60))
    after = counts(docs.get(docs.b.clerk, f"/figures?{year}")["total"])
    assert "in_open_on_time" not in after
    assert after["in_open_late"] == before["in_open_late"] + before["in_open_on_time"]
    assert after["in_open"] == before["in_open"]


def test_a_deadline_that_is_moved_and_a_day_that_becomes_a_day_off_are_counted_anew(docs: Docs) -> None:
    arrive(docs, Case(MAR, FRIDAY, date(2026, 3, 9), "in_done_late"))
    count(docs)
    asked = f"/figures?since={MAR}&until={MAR}"
    assert counts(docs.get(docs.b.clerk, asked)["total"])["in_done_late"] == 1
    put = docs.http(docs.b.person("officer").principal).put
    for day in (FRIDAY, FRIDAY + timedelta(days=1)):
        said = {"scope": docs.b.identifier, "kind": "off", "name": "Nghỉ bão"}
        assert put(f"/calendar/days/{day}", json=said).status_code == 204
    count(docs)
    assert counts(docs.get(docs.b.clerk, asked)["total"])["in_done_on_time"] == 1, "Friday off: Monday is in time"


def test_an_agency_that_merged_keeps_its_figures_and_the_date_alone_makes_late(mixed: Docs) -> None:
    what_waits_becomes_late_with_the_date_alone(mixed)
    docs, heir = mixed, agency("H37.02", "UBND xã Mới")  # the identifier is used again
    top = agency("H37", "UBND tỉnh")

    def state(one: Agency, **changed: Any) -> Any:
        return one.stated().model_copy(update=changed)

    ended = today() - timedelta(days=30)
    docs.hear(
        state(top, level="province"),
        *(person.stated() for person in top.people.values()),
        state(docs.b, valid_until=ended, successor_ids=(heir.agency_id,)),
        state(heir, valid_from=ended + timedelta(days=1)),
        *(person.stated() for person in heir.people.values()),
        *heartbeats(datetime.now(UTC)),
    )
    docs.delivered(docs.issued(docs.a), docs.a, heir)
    count(docs)
    with db.transaction(docs.pool) as tx:  # the clock of the test before went ahead
        tx.execute("INSERT INTO figure_touched (agency_id, day) VALUES (%s, %s)", [docs.b.agency_id, FEB])
    count(docs)
    found = docs.get(top.person("officer"), f"/figures?since={FEB}&until={today()}&by=agency")
    rows = {row["name"]: row for row in found["items"]}
    assert counts(rows[f"UBND xã Đồng Đăng (đến hết {ended:%d/%m/%Y})"]) == by_hand(cases())
    assert counts(rows["UBND xã Mới"]) == {"in": 1, "in_waiting": 1}
    past = docs.get(top.person("officer"), f"/figures?since={MAR}&until={MAR}&by=level")
    assert [(row["name"], counts(row)) for row in past["items"]] == [
        ("Cấp xã", by_hand(tuple(c for c in cases() if c.arrived == MAR)))
    ]
