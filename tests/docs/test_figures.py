"""Figures of documents: counted from the rows day by day, equal to a recount whatever happened, read by whom they concern."""

from __future__ import annotations

import csv
import io
import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import openpyxl
import psycopg
import pytest

from services.docs import numbering, store_workdays
from services.docs.figures import domain, store, work
from services.docs.figures.domain import Count
from shared import db
from shared.errors import Rejected
from tests.docs.conftest import Docs, ok, refusal
from tests.docs.facts import Agency, Person, agency, heartbeats, validated
from tests.support.parts import until


def count(docs: Docs) -> None:
    """As the worker's loop does."""
    while True:
        with db.transaction(docs.pool) as tx:
            if not work.count_touched(tx):
                return


def figures(docs: Docs, who: Person, **asked: str) -> dict[str, Any]:
    found: dict[str, Any] = docs.get(who, "/figures?" + "&".join(f"{k}={v}" for k, v in asked.items()))
    return found


def some(counts: dict[str, int], **expected: int) -> bool:
    assert {name: counts[name] for name in expected} == expected
    return True


def province(docs: Docs) -> tuple[Agency, Agency]:
    """An agency at the province and one of a district, with their officers."""
    top, district = agency("H37", "UBND tỉnh"), agency("H37.DN", "UBND huyện")
    for each, level in ((top, "province"), (district, "district")):
        docs.hear(each.stated().model_copy(update={"level": level}), *(p.stated() for p in each.people.values()))
    docs.hear(*heartbeats(datetime.now(UTC)))
    return top, district


def a_busy_day(docs: Docs) -> list[UUID]:
    """A issues three documents and a paper one, sends one to B and the partner; B registers it, handles it, refuses another."""
    first = docs.issued(docs.a)
    docs.issued(docs.a, type_code="QĐ", symbol="UBND")
    docs.delivered(first, docs.a, docs.b, docs.p)
    second = docs.issued(docs.a)
    docs.delivered(second, docs.a, docs.b)
    came = [UUID(each["id"]) for each in docs.get(docs.b.clerk, "/incoming")["items"]]
    for incoming in came:
        docs.hear(validated(incoming, docs.b.agency_id))
    ok(docs.post(docs.b.clerk, f"/incoming/{came[1]}/register"))
    ok(docs.post(docs.b.clerk, f"/incoming/{came[0]}/refuse", {"reason": "Gửi nhầm"}))
    ok(docs.post(docs.b.clerk, f"/incoming/{came[1]}/complete"))
    docs.circulate()
    paper = {
        "register_code": "VB",
        "type_code": "CV",
        "symbol": "UBND-VP",
        "abstract": "Giấy",
        "signed_on": numbering.today(datetime.now(UTC)).isoformat(),
    }
    ok(docs.post(docs.a.clerk, "/registers/paper", paper), 201)
    return came


def days(docs: Docs, agency_id: UUID) -> list[date]:
    today = numbering.today(datetime.now(UTC))
    with db.transaction(docs.pool, agency=agency_id) as tx:
        rows = tx.execute("SELECT DISTINCT day FROM figure_day").fetchall()
    return sorted({row["day"] for row in rows} | {today - timedelta(days=n) for n in range(3)})


def as_a_recount_says(docs: Docs, *agencies: Agency) -> None:
    for each in agencies:
        with db.transaction(docs.pool, agency=each.agency_id) as tx:
            calendar = store_workdays.calendar_for(tx, each.agency_id)
            for day in days(docs, each.agency_id):
                wanted = store.Day(each.agency_id, day, calendar, numbering.today(datetime.now(UTC)))
                assert store.kept(tx, each.agency_id, day) == store.counted(tx, wanted), (each.name, day)


def test_what_happened_is_counted_once_on_its_day_and_a_recount_says_the_same(docs: Docs) -> None:
    a_busy_day(docs)
    assert figures(docs, docs.a.clerk)["waiting"] > 0
    count(docs)
    sent = figures(docs, docs.a.clerk)
    assert sent["waiting"] == 0
    assert some(
        sent["total"]["counts"],
        out=4,
        out_electronic=3,
        out_paper=1,
        out_sent=2,
        out_both=3,
        out_on_time=4,
        out_late=0,
        sent=3,
        sent_received=1,
        sent_received_on_time=1,
        sent_refused=1,
        sent_silent=1,
    )
    assert sent["total"]["shares"]["electronic"] == 50.0
    assert sent["total"]["shares"]["signed"] == 75.0
    assert sent["total"]["shares"]["done"] is None, "nothing arrived"
    came = figures(docs, docs.b.clerk)["total"]
    assert some(came["counts"], out=0, **{"in": 2}, in_electronic=2, in_registered_on_time=1, in_refused=1, in_done=1)
    assert came["shares"]["registered_on_time"] == 100.0
    as_a_recount_says(docs, docs.a, docs.b)
    types = {row["key"]: row["counts"]["out"] for row in figures(docs, docs.a.clerk, by="type")["items"]}
    assert types == {"QĐ": 1, "CV": 3}
    months = [row["key"] for row in figures(docs, docs.a.clerk, by="month")["items"]]
    assert months == [f"{numbering.today(datetime.now(UTC)):%Y-%m}"]


def test_a_void_paper_and_a_changed_day_are_counted_anew(docs: Docs) -> None:
    a_busy_day(docs)
    count(docs)
    number = docs.rows(docs.a.agency_id, "SELECT number, year FROM book b JOIN paper_entry p ON p.id = b.subject_id")[0]
    path = f"/registers/VB/{number['year']}/{number['number']}/void"
    ok(docs.post(docs.a.clerk, path, {"reason": "Ghi nhầm"}))
    count(docs)
    assert some(figures(docs, docs.a.clerk)["total"]["counts"], out=3, out_paper=0)
    with db.transaction(docs.pool, agency=docs.a.agency_id) as tx:  # somebody spoils the kept figures
        tx.execute("UPDATE figure_day SET count = 99")
    ok(docs.post(docs.a.clerk, "/figures/recount"))
    count(docs)
    assert some(figures(docs, docs.a.clerk)["total"]["counts"], out=3, out_paper=0)
    as_a_recount_says(docs, docs.a, docs.b)


def test_in_time_is_the_same_or_the_next_working_day(docs: Docs) -> None:
    """Friday's arrival may be registered on Monday, not on Tuesday; the office's own days off count too."""
    docs.issued(docs.a)
    docs.delivered(docs.issued(docs.a), docs.a, docs.b)
    incoming = UUID(docs.arrived(docs.b)["id"])
    docs.hear(validated(incoming, docs.b.agency_id))
    ok(docs.post(docs.b.clerk, f"/incoming/{incoming}/register"))
    friday, monday, tuesday = date(2026, 3, 6), date(2026, 3, 9), date(2026, 3, 10)

    def move(registered: date) -> dict[str, int]:
        """The arrival to Friday, its registration to that day; what the count makes of it."""
        with psycopg.connect(docs.database.admin) as admin:
            moments = [datetime(d.year, d.month, d.day, 3, tzinfo=UTC) for d in (friday, registered)]
            admin.execute("UPDATE incoming SET arrived_at = %s", [moments[0]])
            admin.execute("UPDATE history SET at = %s WHERE act = 'registered'", [moments[1]])
        with db.transaction(docs.pool, agency=docs.b.agency_id) as tx:
            calendar = store_workdays.calendar_for(tx, docs.b.agency_id)
            found = store.counted(tx, store.Day(docs.b.agency_id, friday, calendar, friday))
        return {measure: n for (_, measure), n in found.items() if measure.startswith("in_registered")}

    assert move(monday) == {"in_registered_on_time": 1}
    assert move(tuesday) == {"in_registered_late": 1}


def test_who_oversees_reads_the_figures_of_all_and_no_row_of_theirs(docs: Docs) -> None:
    top, district = province(docs)
    a_busy_day(docs)
    count(docs)
    seen = figures(docs, top.person("officer"), by="agency")
    assert seen["oversees"] == ["*"]
    assert {row["name"] for row in seen["items"]} == {"UBND xã Bắc Sơn", "UBND xã Đồng Đăng"}
    assert some(seen["total"]["counts"], out=4, **{"in": 2})
    assert [row["name"] for row in figures(docs, top.person("officer"), by="level")["items"]] == ["Cấp xã"]
    beneath = figures(docs, district.person("officer"), by="agency")
    assert beneath["items"] == [], "neither commune lies beneath this district"
    assert figures(docs, top.clerk, by="agency")["items"] == [], "a clerk reads the own agency's"
    assert [r["name"] for r in figures(docs, docs.a.person("officer"), by="agency")["items"]] == ["UBND xã Bắc Sơn"]
    with db.transaction(docs.pool, agency=top.agency_id) as tx, store.overseeing(tx, domain.Scope(("*",))):
        assert tx.execute("SELECT FROM figure_day").rowcount > 0
        for table in ("document", "incoming", "delivery", "paper_entry", "book"):
            assert tx.execute(f"SELECT FROM {table}").rowcount == 0, table
        tx.execute("UPDATE figure_day SET count = 1")
        assert tx.execute("DELETE FROM figure_day").rowcount == 0, "read, not written"
    assert docs.rows(docs.b.agency_id, "SELECT FROM figure_day WHERE agency_id = %s", docs.a.agency_id) == []
    assert docs.rows(None, "SELECT FROM figure_day") == []
    recount = ok(docs.post(top.person("officer"), f"/figures/recount?since={numbering.today(datetime.now(UTC))}"))
    assert recount["days"] == 4, "every agency here, one day"


def test_figures_go_out_as_files(docs: Docs) -> None:
    a_busy_day(docs)
    count(docs)
    asked = docs.http(docs.a.clerk.principal)
    rows = list(csv.reader(io.StringIO(asked.get("/figures.csv?by=type").content.decode("utf-8-sig"))))
    assert rows[0][:2] == ["Loại văn bản", "Văn bản đi"]
    assert rows[-1][:2] == ["Tổng", "4"]
    book = openpyxl.load_workbook(io.BytesIO(asked.get("/figures.xlsx?by=type").content), read_only=True)
    found = list(book.worksheets[0].iter_rows(values_only=True))
    book.close()
    assert [str(row[1]) for row in found[1:]] == ["1", "3", "4"]


def test_a_period_that_is_none_is_refused(docs: Docs) -> None:
    asked = docs.http(docs.a.clerk.principal)
    tomorrow = numbering.today(datetime.now(UTC)) + timedelta(days=1)
    early = asked.get(f"/figures?until={tomorrow}")
    assert refusal(early) == "figures_of_the_future"
    assert f"{tomorrow:%d/%m/%Y}" in early.json()["detail_vi"]
    assert refusal(asked.get("/figures?since=2026-03-02&until=2026-03-01")) == "figures_period_wrong"
    assert refusal(asked.get("/figures?since=2001-01-01&until=2026-03-01")) == "figures_period_wrong"
    assert refusal(asked.get("/figures?from=2026-03-01")) == "invalid_request", "a misspelt name is no other period"


def test_documents_of_before_the_figures_are_counted_by_the_migration(docs: Docs) -> None:
    """What the migration does with rows that were there: here its statements run again over such rows."""
    a_busy_day(docs)
    with psycopg.connect(docs.database.admin) as admin:
        admin.execute("DELETE FROM figure_touched")
        admin.execute("DELETE FROM figure_day")
        admin.execute(
            "INSERT INTO figure_touched (agency_id, day) SELECT agency_id, issued_on FROM document WHERE issued_on IS NOT NULL"
            " UNION SELECT agency_id, day_in_vietnam(dispatched_at) FROM delivery"
            " UNION SELECT agency_id, day_in_vietnam(arrived_at) FROM incoming"
        )
    count(docs)
    as_a_recount_says(docs, docs.a, docs.b)


def test_the_loop_counts_and_ends_when_told(docs: Docs) -> None:
    docs.issued(docs.a)
    stop = threading.Event()
    running = threading.Thread(target=work.loop(docs.pool), args=(stop,))
    running.start()
    try:
        counted = lambda: figures(docs, docs.a.clerk)["total"]["counts"]["out"] == 1  # noqa: E731
        until(counted, bound=60, what="the loop's count")
    finally:
        stop.set()
        running.join(60)
    assert not running.is_alive()


def test_rows_have_every_measure_and_stand_in_the_order_that_people_expect() -> None:
    found = domain.rows("type", [Count("CV", "", "out", 2), Count("QĐ", "", "out", 1), Count("??", "", "in", 1)])
    assert [(row.key, row.name) for row in found] == [("QĐ", "Quyết định"), ("CV", "Công văn"), ("??", "??")]
    assert set(found[0].counts) == set(domain.MEASURES)
    assert domain.total(found).counts["out"] == 3
    months = domain.rows("month", [Count("2026-11", "", "out", 1), Count("2026-02", "", "out", 1)])
    assert [row.name for row in months] == ["02/2026", "11/2026"]
    with pytest.raises(Rejected):
        domain.check_period(date(2026, 3, 2), date(2026, 3, 1), date(2026, 3, 3))
