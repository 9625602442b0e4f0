"""Finding documents: with and without marks, by every field and by what is in the files; nobody finds what is not theirs."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.docs.finding import lexemes
from services.docs.finding import store as finding
from services.docs.finding.domain import Entry
from services.docs.text import sort_key, sort_text
from shared import db
from shared.ids import new_id
from tests.docs.conftest import Docs, ok, refusal
from tests.docs.facts import prepared
from tests.docs.test_kinds import jointly

RAIN = "V/v tăng cường phòng chống dịch bệnh mùa mưa lũ"
FOREST = "Kế hoạch phòng cháy, chữa cháy rừng mùa khô năm 2026"


def found(docs: Docs, person: Any, **params: Any) -> list[str]:
    answer = docs.http(person.principal).get("/search", params=params)
    return ["".join(p["text"] for p in item["abstract"]) for item in ok(answer)["items"]]


@pytest.fixture
def shelf(docs: Docs) -> Docs:
    docs.submitted(docs.a, abstract=RAIN)
    docs.submitted(docs.a, abstract=FOREST, type_code="KH", symbol="KH-UBND", urgency=2)
    return docs


@pytest.mark.parametrize(
    ("typed", "hits"),
    [
        ("phong chong dich", [RAIN]),
        ("PHÒNG CHỐNG", [RAIN]),
        ("phòng", [FOREST, RAIN]),
        ("phong", [FOREST, RAIN]),
        ("phọng", []),
        ('"chay rung"', [FOREST]),
        ('"rung chay"', []),
        ("phong -rung", [RAIN]),
        ("ung*", []),
        ("run*", [FOREST]),
        ("kh-ubnd", [FOREST]),
        ("KH-UBND 2026", [FOREST]),
        ("02026", [FOREST]),
        ("dich benh mua lu", [RAIN]),
        ("nothing like it", []),
        ("'; drop table search_entry --", []),
        ("((((", [FOREST, RAIN]),
        ("", [FOREST, RAIN]),
    ],
)
def test_what_a_clerk_types_finds_what_they_mean(shelf: Docs, typed: str, hits: list[str]) -> None:
    assert found(shelf, shelf.a.clerk, q=typed, sort="newest") == hits


def test_fields_narrow_what_is_found(shelf: Docs) -> None:
    clerk = shelf.a.clerk
    assert found(shelf, clerk, type="KH") == [FOREST]
    assert found(shelf, clerk, urgent=True) == [FOREST]
    assert found(shelf, clerk, kind="incoming") == []
    assert found(shelf, clerk, state="preparing", q="phong", until="2020-01-01") == []
    assert found(shelf, clerk, since="2020-01-01", sort="newest") == [FOREST, RAIN]
    answer = shelf.http(clerk.principal).get("/search", params={"since": "hôm qua"})
    assert refusal(answer) == "invalid_request"


def test_both_sides_find_a_dispatched_document_by_each_other(docs: Docs) -> None:
    document = docs.issued(docs.a, abstract=RAIN)
    docs.delivered(document, docs.a, docs.b)
    assert found(docs, docs.a.clerk, q=docs.b.name) == [RAIN], "by its recipient"
    assert found(docs, docs.b.clerk, q=docs.a.identifier, kind="incoming") == [RAIN], "by its sender"
    number = docs.get(docs.a.clerk, f"/documents/{document}")["number_symbol"]
    for side in (docs.a, docs.b):
        assert found(docs, side.clerk, q=number) == [RAIN]
        assert found(docs, side.clerk, q=number.lower().replace("đ", "d")) == [RAIN]


def test_what_was_found_is_marked(shelf: Docs) -> None:
    item = shelf.get(shelf.a.clerk, "/search?q=chay")["items"][0]
    assert [p["text"] for p in item["abstract"] if p["hit"]] == ["cháy", "cháy"]
    assert "".join(p["text"] for p in item["abstract"]) == FOREST


def test_the_text_of_files_is_found_ranked_below_the_abstract(shelf: Docs) -> None:
    rain = next(r["id"] for r in shelf.rows(shelf.a.agency_id, "SELECT id FROM document WHERE abstract = %s", RAIN))
    body = "Điều 1. " + "Ủy ban nhân dân xã tổ chức trực " * 200 + "lực lượng kiểm lâm bảo vệ rừng và chữa cháy"
    with db.transaction(shelf.pool, agency=shelf.a.agency_id) as tx:
        assert finding.put_text(tx, rain, body, lexemes.vector([lexemes.Text(body, "D")]))
    assert found(shelf, shelf.a.clerk, q="kiem lam") == [RAIN]
    assert found(shelf, shelf.a.clerk, q="rung") == [FOREST, RAIN], "in the abstract before in the text"
    excerpt = shelf.get(shelf.a.clerk, "/search?q=kiem lam")["items"][0]["excerpt"]
    assert [p["text"] for p in excerpt if p["hit"]] == ["kiểm", "lâm"]
    assert len("".join(p["text"] for p in excerpt)) < 400
    # A new state keeps the words of the text; so does a new number.
    shelf.post(shelf.a.clerk, f"/documents/{rain}/return", {"reason": "x"})
    assert found(shelf, shelf.a.clerk, q="kiem lam") == [RAIN]


def test_nobody_finds_what_is_not_theirs(shelf: Docs) -> None:
    assert found(shelf, shelf.b.clerk, q="phong") == []
    with db.transaction(shelf.pool) as tx:
        assert tx.execute("SELECT count(*) AS n FROM search_entry").fetchone() == {"n": 0}
        everything = "SELECT * FROM find_in_agency(%s, NULL, NULL, '{}', 'newest', 0, 100, 100)"
        assert tx.execute(everything, [new_id()]).fetchall() == [], "acting for nobody"


def test_the_index_is_reached_through_its_policy_and_its_function_only(shelf: Docs) -> None:
    reached = shelf.rows(
        shelf.a.agency_id,
        "SELECT c.relname AS name, c.relrowsecurity AS guarded FROM pg_class c"
        " WHERE c.relname LIKE 'search_entry%%' AND c.relkind IN ('r', 'p') AND has_table_privilege(c.oid, 'SELECT')",
    )
    assert reached == [{"name": "search_entry", "guarded": True}]
    assert len(shelf.rows(shelf.a.agency_id, "SELECT id FROM search_entry")) == 2
    assert shelf.rows(shelf.b.agency_id, "SELECT id FROM search_entry") == []


def test_a_restricted_document_is_found_by_those_who_need_to_know_it(shelf: Docs) -> None:
    leader = shelf.a.leader
    with db.transaction(shelf.pool, agency=shelf.a.agency_id) as tx:
        tx.execute("UPDATE search_entry SET restricted_to = %s WHERE abstract = %s", [[leader.person_id], FOREST])
    assert found(shelf, shelf.a.clerk, q="phong") == [RAIN]
    assert found(shelf, leader, q="phong", sort="newest") == [FOREST, RAIN]
    (hidden,) = shelf.rows(shelf.a.agency_id, "SELECT id FROM search_entry WHERE abstract = %s", FOREST)
    assert shelf.http(shelf.a.clerk.principal).get(f"/texts/{hidden['id']}").status_code == 404
    assert shelf.get(leader, f"/texts/{hidden['id']}")["state"] == "waiting"


def test_the_index_answers_under_row_level_security(docs: Docs) -> None:
    """The plan of the search itself: the agency's partition, through the index on words, not a scan of its rows."""
    with db.transaction(docs.pool, agency=docs.a.agency_id) as tx:
        for n in range(3000):
            finding.put(tx, entry(docs.a.agency_id, f"Báo cáo định kỳ số {n} về lúa gạo"))
        finding.put(tx, entry(docs.a.agency_id, "Kế hoạch nuôi trồng thủy sản"))
    plan = explained(docs, "('thuy') & ('san')")
    assert "Bitmap Index Scan on search_entry_" in plan, plan
    assert "Seq Scan" not in plan, plan
    assert plan.count("Heap Scan on search_entry_") == 1, "one partition only"


def explained(docs: Docs, tsquery: str) -> str:
    """As find_in_agency has it, explained as the owner, who alone may look round the policy."""
    with psycopg.connect(docs.database.owner, autocommit=True) as connection:
        connection.execute("ANALYZE search_entry")
        rows = connection.execute(
            "EXPLAIN SELECT e.* FROM search_entry e WHERE e.agency_id = %s AND (e.restricted_to IS NULL OR %s = ANY(e.restricted_to))"
            " AND e.words @@ %s::tsquery ORDER BY e.day DESC, e.id DESC LIMIT 1000",
            [docs.a.agency_id, new_id(), tsquery],
        ).fetchall()
    return "\n".join(str(row[0]) for row in rows)


def entry(agency: UUID, abstract: str) -> Entry:
    return Entry(
        agency_id=agency,
        id=new_id(),
        kind="document",
        type_code="BC",
        type_name="Báo cáo",
        number_symbol=None,
        abstract=abstract,
        party="",
        signer="",
        state="issued",
        urgency=0,
        day=date(2026, 1, 1),
    )


def test_searches_are_saved_and_shared(docs: Docs) -> None:
    clerk, leader = docs.a.clerk, docs.a.leader
    mine = {"name": "Đê điều", "query": {"q": "de dieu", "kind": ["incoming"]}, "shared": False}
    ours = {"name": "Chữa cháy", "query": {"q": "chay", "urgent": True}, "shared": True}
    made = [ok(docs.post(clerk, "/searches", each), 201) for each in (mine, ours)]
    assert [s["name"] for s in docs.get(clerk, "/searches")["items"]] == ["Chữa cháy", "Đê điều"]
    assert [s["name"] for s in docs.get(leader, "/searches")["items"]] == ["Chữa cháy"]
    assert docs.get(docs.b.clerk, "/searches")["items"] == []
    shared = made[1]["id"]
    assert docs.http(leader.principal).delete(f"/searches/{shared}").status_code == 404, "somebody else's"
    assert docs.http(clerk.principal).delete(f"/searches/{shared}").status_code == 204
    assert docs.get(leader, "/searches")["items"] == []


def test_lists_are_in_the_order_of_vietnamese() -> None:
    names = [
        "Đặng",
        "Dương",
        "Ân",
        "Ăn",
        "An",
        "Hòa",
        "Hoa",
        "Hoá",
        "Hoạ",
        "15/QĐ",
        "Y tế",
        "Êm",
        "Em",
        "Ơi",
        "Ốm",
        "Om",
        "Ưng",
        "Ung",
    ]
    wanted = [
        "15/QĐ",
        "An",
        "Ăn",
        "Ân",
        "Dương",
        "Đặng",
        "Em",
        "Êm",
        "Hoa",
        "Hòa",
        "Hoá",
        "Hoạ",
        "Om",
        "Ốm",
        "Ơi",
        "Ung",
        "Ưng",
        "Y tế",
    ]
    assert sorted(names, key=sort_key) == wanted
    assert sorted(names, key=sort_text) == wanted


@given(st.lists(st.text(alphabet="aăâdđehoòỏọôơuưnAĐ 15/-.,", max_size=8), max_size=6))
def test_the_order_in_the_database_is_the_order_of_vietnamese(names: list[str]) -> None:
    assert [sort_key(each) for each in sorted(names, key=sort_text)] == sorted(map(sort_key, names))


def test_the_first_page_counts_what_waits(docs: Docs) -> None:
    docs.submitted(docs.a, reviewer_ids=[str(docs.a.leader.person_id)])
    waiting = docs.submitted(docs.a)
    docs.hear(prepared(waiting, docs.a.leader))
    docs.delivered(docs.issued(docs.b), docs.b, docs.a)
    found = docs.get(docs.a.leader, "/counters")
    assert {state: n for state, n in found["documents"].items() if n} == {"in_review": 1, "awaiting_signature": 1}
    assert found["incoming"] == {"01": 1, "03": 0, "04": 0, "05": 0}
    assert found["mine"] == {"to_review": 1, "to_sign": 1, "to_begin": 0, "to_finish": 0}
    assert docs.get(docs.a.clerk, "/counters")["mine"]["to_sign"] == 0
    assert set(docs.get(docs.b.clerk, "/counters")["incoming"].values()) == {0}


def test_a_long_result_is_turned_page_by_page(docs: Docs) -> None:
    with db.transaction(docs.pool, agency=docs.a.agency_id) as tx:
        for n in range(120):
            finding.put(tx, entry(docs.a.agency_id, f"Báo cáo số {n}"))
    seen: list[str] = []
    cursor = ""
    while True:
        page = docs.get(docs.a.clerk, f"/search?q=bao cao&sort=newest&cursor={cursor}")
        assert page["total"] == 120
        seen += [item["id"] for item in page["items"]]
        if not (cursor := page["next_cursor"]):
            break
    assert len(seen) == len(set(seen)) == 120


def test_who_issues_a_document_too_finds_it_once_it_is_a_draft_no_more(docs: Docs) -> None:
    draft = jointly(docs, abstract=FOREST, reviewer_ids=[str(docs.a.leader.person_id)])
    shared = jointly(docs, abstract=RAIN)
    assert found(docs, docs.b.clerk, q="phong") == [RAIN], "no draft in review"
    ok(docs.post(docs.a.leader, f"/documents/{draft}/approve"))
    assert found(docs, docs.b.clerk, q="phong", sort="newest") == [RAIN, FOREST]
    docs.hear(prepared(shared, docs.a.leader))
    ok(docs.post(docs.a.leader, f"/documents/{shared}/return", {"reason": "Sửa căn cứ"}))
    assert found(docs, docs.b.clerk, q="phong") == [FOREST], "a draft again"
    assert found(docs, docs.a.clerk, q="phong", sort="newest") == [RAIN, FOREST]
