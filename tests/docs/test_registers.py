"""Registers of an agency: what counts where, when that may change, numbers for paper, late lines, closed years, the law's syntax."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from services.docs import access, numbering
from services.docs.catalogue import DOCUMENT_TYPES
from services.docs.registers import domain, work
from services.docs.registers.domain import Plan, Register, standard
from services.docs.workdays import Calendar
from shared import db
from shared.errors import Rejected
from tests.docs.conftest import Docs, ok, refusal
from tests.docs.facts import Person, heartbeats, validated

YEAR = numbering.today(datetime.now(UTC)).year


def plan(*registers: Register, year: int = 2026) -> Plan:
    return Plan(year, registers)


COPIES = Register("SAO", "copy", "Sổ bản sao")
ARRIVALS = Register("DEN", "in", "Sổ văn bản đến")
REST = Register("VB", "out", "Sổ văn bản đi")
LEGAL = standard().of("legal")
APART = plan(
    REST,
    Register("QD", "out", "Sổ quyết định", ("QĐ",)),
    Register("TB-KH", "out", "Sổ thông báo, kế hoạch", ("TB", "KH")),
    Register("HDTD", "council", "Sổ Hội đồng tuyển dụng", body="HĐTĐ"),
    *LEGAL,
    COPIES,
    ARRIVALS,
    Register("DON", "in", "Sổ đơn thư"),
    Register("MAT", "secret_out", "Sổ văn bản mật đi"),
)


# --- the syntax of the decree (annex I.II.3 and part II; STANDARDS §1.2, T1)


@pytest.mark.parametrize(
    ("type_code", "given", "number", "printed"),
    [
        ("QĐ", "BNV", 15, "15/QĐ-BNV"),
        ("CV", "BNV-VP", 5, "05/BNV-VP"),
        ("CV", "UBND-VX", 12, "12/UBND-VX"),
        ("QĐ", "HĐTĐ", 3, "03/QĐ-HĐTĐ"),
        ("SY", "UBND", 7, "07/SY-UBND"),
        ("TrS", "UBND", 110, "110/TrS-UBND"),
        ("QĐPL", "UBND", 15, "15/2026/QĐ-UBND"),
        ("NQPL", "HĐND", 4, "04/2026/NQ-HĐND"),
        ("TT", "BNV", 1, "01/2026/TT-BNV"),
        ("ThC", "UBND-VP", 1, "01/UBND-VP"),
    ],
)
def test_number_and_symbol_are_written_by_the_syntax_of_the_type(
    type_code: str, given: str, number: int, printed: str
) -> None:
    symbol = numbering.symbol_of(DOCUMENT_TYPES[type_code], given)
    assert numbering.printed(type_code, number, symbol, 2026) == printed


def test_every_type_of_the_decree_has_a_syntax_and_its_abbreviation() -> None:
    """T1: 29 types, two of them without an abbreviation, three kinds of copies; legal documents beside them."""
    ordinary = [t for t in DOCUMENT_TYPES.values() if not t.copy and not t.legal]
    assert len(ordinary) == 29
    assert {t.code for t in ordinary if not t.abbreviation} == {"CV", "ThC"}
    for kind in DOCUMENT_TYPES.values():
        symbol = numbering.symbol_of(kind, "UBND" if kind.abbreviation else "UBND-VX")
        printed = numbering.printed(kind.code, 9, symbol, 2026)
        assert printed == f"09/{'2026/' if kind.legal else ''}{symbol}"
        assert " " not in printed


# --- where a document counts


@pytest.mark.parametrize(
    ("type_code", "symbol", "register"),
    [
        ("QĐ", "QĐ-UBND", "QD"),
        ("KH", "KH-UBND", "TB-KH"),
        ("BC", "BC-UBND", "VB"),
        ("CV", "UBND-VX", "VB"),
        ("QĐ", "QĐ-HĐTĐ", "HDTD"),
        ("CV", "HĐTĐ-TK", "HDTD"),
        ("QĐ", "QĐ-HĐTĐX", "QD"),
        ("QĐPL", "QĐ-UBND", "PL-QĐ"),
        ("SY", "SY-UBND", "SAO"),
    ],
)
def test_a_document_counts_where_the_head_decided(type_code: str, symbol: str, register: str) -> None:
    domain.check(APART.registers)
    assert domain.register_for(APART, type_code, symbol).code == register


def test_until_an_agency_decides_there_is_one_series_and_what_the_law_keeps_apart() -> None:
    domain.check(standard().registers)
    found = {code: domain.register_for(standard(), code, "X-Y").code for code in DOCUMENT_TYPES}
    assert {found[t.code] for t in DOCUMENT_TYPES.values() if not t.copy and not t.legal} == {"VB"}
    assert {found["SY"], found["SL"], found["TrS"]} == {"SAO"}
    assert [found[c] for c in ("NQPL", "QĐPL", "TT")] == ["PL-NQ", "PL-QĐ", "PL-TT"]


@pytest.mark.parametrize(
    ("registers", "code"),
    [
        ((REST, *LEGAL, ARRIVALS), "plan_lacks"),
        ((REST, *LEGAL, COPIES), "plan_lacks"),
        ((REST, *LEGAL, COPIES, Register("S2", "copy", "Sổ sao khác"), ARRIVALS), "plan_one_copies"),
        ((REST, REST, *LEGAL, COPIES, ARRIVALS), "plan_code_twice"),
        ((REST, Register("V2", "out", "Sổ khác"), *LEGAL, COPIES, ARRIVALS), "plan_type_twice"),
        ((Register("sổ 1", "out", "Sổ"), *LEGAL, COPIES, ARRIVALS), "plan_code_malformed"),
        ((Register("QD", "out", "Sổ", ("QĐ",)), *LEGAL, COPIES, ARRIVALS), "plan_type_nowhere"),
        ((REST, COPIES, ARRIVALS), "plan_type_nowhere"),
        ((REST, Register("P", "legal", "Sổ", ("QĐPL", "NQPL")), LEGAL[2], COPIES, ARRIVALS), "plan_legal_apart"),
        ((REST, Register("P", "out", "Sổ", ("QĐPL",)), *LEGAL, COPIES, ARRIVALS), "plan_legal_apart"),
        ((REST, Register("P", "out", "Sổ", ("SY",)), *LEGAL, COPIES, ARRIVALS), "plan_type_wrong"),
        ((REST, Register("P", "out", "Sổ", ("XX",)), *LEGAL, COPIES, ARRIVALS), "plan_type_wrong"),
        ((REST, Register("H", "council", "Sổ"), *LEGAL, COPIES, ARRIVALS), "plan_body_malformed"),
        ((REST, Register("H", "council", "Sổ", body="hđtđ"), *LEGAL, COPIES, ARRIVALS), "plan_body_malformed"),
        ((REST, Register("H", "out", "Sổ", ("QĐ",), body="HĐ"), *LEGAL, COPIES, ARRIVALS), "plan_body_malformed"),
        (
            (REST, *(Register(c, "council", "Sổ", body="HĐ") for c in "HK"), *LEGAL, COPIES, ARRIVALS),
            "plan_body_twice",
        ),
    ],
)
def test_a_decision_that_the_law_does_not_know_is_refused(registers: tuple[Register, ...], code: str) -> None:
    with pytest.raises(Rejected) as refused:
        domain.check(registers)
    assert refused.value.code == code


def test_what_has_been_used_stays_until_the_year_ends() -> None:
    held, apart = plan(REST, *LEGAL, COPIES, ARRIVALS), APART

    def change(wanted: Plan, used: set[str]) -> str | None:
        try:
            domain.check_change(held, wanted, this_year=2026, used=used)
        except Rejected as error:
            return error.code
        return None

    assert change(apart, set()) is None, "nothing is used: this year still"
    assert change(apart, {"VB"}) == "register_in_use", "decisions would leave a series that has numbers"
    assert change(Plan(2027, apart.registers), {"VB", "DEN", "SAO"}) is None, "next year anything goes"
    assert change(Plan(2025, apart.registers), set()) == "plan_year_wrong"
    assert change(Plan(2028, apart.registers), set()) == "plan_year_wrong"
    council = plan(REST, Register("HDTD", "council", "Sổ", body="HĐTĐ"), *LEGAL, COPIES, ARRIVALS)
    assert change(council, {"VB", "DEN"}) is None, "a new council takes nothing from the others"
    second = plan(REST, *LEGAL, COPIES, ARRIVALS, Register("DON", "in", "Sổ đơn thư"))
    assert change(second, {"VB", "DEN"}) is None, "a second register of arrivals, neither"
    renamed = plan(Register("VB", "out", "Sổ công văn đi"), *LEGAL, COPIES, ARRIVALS)
    assert change(renamed, {"VB"}) is None, "a register may get another name"
    without = plan(REST, *LEGAL, COPIES, Register("DEN2", "in", "Sổ khác"))
    assert change(without, {"DEN"}) == "register_in_use", "a used register does not vanish"


# --- over HTTP


def decided(docs: Docs, by: Person, wanted: Plan, *, year: int = YEAR, version: int = 0) -> Any:
    body = {
        "from_year": year,
        "basis": "Quyết định số 05/QĐ-UBND ngày 02/01",
        "registers": [
            {"code": r.code, "kind": r.kind, "name": r.name, "types": list(r.types), "body": r.body}
            for r in wanted.registers
        ],
    }
    return docs.http(by.principal).put("/registers", json=body, headers={"If-Match": f'"{version}"'})


def issue(docs: Docs, document: UUID, **body: Any) -> Any:
    return docs.post(docs.a.clerk, f"/documents/{document}/issue", body or None)


def test_an_agency_sets_its_registers_and_documents_count_there(docs: Docs) -> None:
    before = docs.get(docs.a.clerk, "/registers")
    assert [r["code"] for r in before["registers"] if r["kind"] == "out"] == ["VB"]
    ok(decided(docs, docs.a.leader, APART))
    decision = docs.signed(docs.a, type_code="QĐ", symbol="UBND")
    letter = docs.signed(docs.a)
    council = docs.signed(docs.a, type_code="QĐ", symbol="HĐTĐ")
    legal = docs.signed(docs.a, type_code="QĐPL", symbol="UBND")
    seen = docs.get(docs.a.clerk, "/registers/preview?type_code=QĐPL&symbol=UBND")
    assert seen["number_symbol"] == f"01/{YEAR}/QĐ-UBND"
    got = [ok(issue(docs, each))["number_symbol"] for each in (decision, letter, council, legal)]
    assert got == ["01/QĐ-UBND", "01/UBND-VX", "01/QĐ-HĐTĐ", f"01/{YEAR}/QĐ-UBND"]
    stands = {r["code"]: r["last"] for r in docs.get(docs.a.clerk, "/registers")["registers"]}
    assert {code: last for code, last in stands.items() if last} == {"QD": 1, "VB": 1, "HDTD": 1, "PL-QĐ": 1}
    assert docs.get(docs.b.clerk, "/registers")["version"] == 0, "another agency's registers are its own"
    other = docs.signed(docs.a, type_code="QĐ", symbol="UBND")
    assert refusal(issue(docs, other, register_code="VB")) == "register_of_others"
    assert refusal(issue(docs, other, register_code="DON")) == "register_unknown"
    assert ok(issue(docs, other, register_code="QD"))["number_symbol"] == "02/QĐ-UBND"


def test_a_change_in_mid_year_waits_for_the_next(docs: Docs) -> None:
    ok(issue(docs, docs.signed(docs.a)))
    assert refusal(decided(docs, docs.a.clerk, APART)) == "register_in_use"
    ok(decided(docs, docs.a.clerk, APART, year=YEAR + 1))
    now = docs.get(docs.a.clerk, "/registers")
    assert now["version"] == 0
    assert now["planned"]["from_year"] == YEAR + 1
    assert ok(issue(docs, docs.signed(docs.a, type_code="QĐ", symbol="UBND")))["number"] == 2, "still one series"
    at(docs, YEAR + 1, 1, 5, 3)
    ok(issue(docs, docs.signed(docs.a)))
    first = ok(issue(docs, docs.signed(docs.a, type_code="QĐ", symbol="UBND")))
    assert (first["number_symbol"], first["issued_on"][:4]) == ("01/QĐ-UBND", str(YEAR + 1))


def test_two_who_decide_at_once_do_not_overwrite_each_other(docs: Docs) -> None:
    ok(decided(docs, docs.a.clerk, APART))
    again = decided(docs, docs.a.leader, standard(), version=0)
    assert refusal(again) == "stale_version"
    ok(decided(docs, docs.a.leader, standard(), version=1))


def test_a_clerk_chooses_among_registers_of_arrivals(docs: Docs) -> None:
    ok(decided(docs, docs.b.clerk, APART))
    arrived = []
    for _ in range(3):
        docs.delivered(docs.issued(docs.a), docs.a, docs.b)
        arrived.append(docs.arrived(docs.b)["id"])
        docs.hear(validated(UUID(arrived[-1]), docs.b.agency_id))
    bodies = [None, {"register_code": "DON"}, {"register_code": "DON"}]
    got = [
        ok(docs.post(docs.b.clerk, f"/incoming/{each}/register", body))["arrival_number"]
        for each, body in zip(arrived, bodies, strict=True)
    ]
    assert got == [1, 1, 2]
    wrong = docs.post(docs.b.clerk, f"/incoming/{arrived[0]}/register", {"register_code": "VB"})
    assert wrong.status_code == 200, "registered before: the same answer again"


# --- numbers for paper


def reserve(docs: Docs, count: int, code: str = "VB", who: Person | None = None) -> Any:
    body = {"register_code": code, "count": count, "purpose": "Mất điện, ban hành giấy"}
    return docs.post(who or docs.a.clerk, "/number-blocks", body)


def paper(docs: Docs, **body: Any) -> Any:
    whole = {
        "register_code": "VB",
        "type_code": "CV",
        "symbol": "UBND-VP",
        "abstract": "V/v trực bão số 3",
        "signed_on": numbering.today(datetime.now(UTC)).isoformat(),
        "signer": "Lương Quốc Khánh",
        "recipients": "Sở NN&MT; các thôn",
        "copies": 15,
        "keeper": "VT",
    } | body
    return docs.post(docs.a.clerk, "/registers/paper", {k: v for k, v in whole.items() if v is not None})


def book(docs: Docs, kind: str = "out", **query: Any) -> Any:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    return docs.get(docs.a.clerk, f"/books/{kind}?{asked}")


def test_a_range_for_paper_is_taken_used_and_returned_without_a_gap(docs: Docs) -> None:
    ok(issue(docs, docs.signed(docs.a)))
    block = ok(reserve(docs, 4), 201)
    assert (block["first"], block["last"], block["left"]) == (2, 5, [2, 3, 4, 5])
    assert ok(issue(docs, docs.signed(docs.a)))["number"] == 6, "electronic documents go on behind it"
    entered = ok(paper(docs, number=3), 201)
    assert entered["number_symbol"] == "03/UBND-VP"
    assert refusal(paper(docs, number=3)) == "number_not_reserved", "used"
    assert refusal(paper(docs, number=1)) == "number_not_reserved", "an electronic document's"
    assert refusal(paper(docs, number=7)) == "number_not_reserved", "not taken by anybody"
    ok(docs.post(docs.a.clerk, f"/registers/VB/{YEAR}/2/void", {"reason": "Viết hỏng"}))
    assert refusal(paper(docs, number=2)) == "number_not_reserved", "void"
    again = docs.post(docs.a.clerk, f"/registers/VB/{YEAR}/2/void", {"reason": "Lần nữa"})
    assert refusal(again) == "number_not_paper"
    assert refusal(docs.post(docs.a.clerk, f"/registers/VB/{YEAR}/1/void", {"reason": "Thử"})) == "number_not_paper"
    back = ok(docs.post(docs.a.clerk, f"/number-blocks/{block['id']}/return", {"reason": "Đã có điện"}))
    assert back["left"] == []
    lines = book(docs)["items"]
    assert [(each["cells"][0], each["void"]) for each in lines] == [
        ("01/UBND-VX", False),
        ("02", True),
        ("03/UBND-VP", False),
        ("04", True),
        ("05", True),
        ("06/UBND-VX", False),
    ]
    assert "Viết hỏng" in lines[1]["cells"][-1]
    assert "Đã có điện" in lines[3]["cells"][-1]
    assert lines[2]["cells"][2:7] == [
        "Công văn: V/v trực bão số 3",
        "Lương Quốc Khánh",
        "Sở NN&MT; các thôn",
        "VT",
        "15",
    ]
    acts = [each.act for each in docs.stated("DocsAct")]
    assert [acts.count(a) for a in ("numbers_reserved", "paper_registered", "number_voided", "numbers_returned")] == [
        1
    ] * 4


def test_a_range_is_bounded_and_a_second_click_takes_no_second_one(docs: Docs) -> None:
    assert refusal(reserve(docs, 501)) == "block_size_wrong"
    assert refusal(reserve(docs, 5, "DEN")) == "block_of_arrivals"
    assert refusal(reserve(docs, 5, "KHONG")) == "register_unknown"
    body = {"register_code": "VB", "count": 3, "purpose": "Giấy"}
    first = ok(docs.post(docs.a.clerk, "/number-blocks", body, key="once"), 201)
    assert ok(docs.post(docs.a.clerk, "/number-blocks", body, key="once"), 201) == first
    assert reserve(docs, 1, who=docs.a.leader).status_code == 403
    assert [b["id"] for b in docs.get(docs.a.clerk, "/number-blocks")["items"]] == [first["id"]]
    assert docs.get(docs.b.clerk, "/number-blocks")["items"] == []
    assert docs.post(docs.b.clerk, f"/number-blocks/{first['id']}/return", {"reason": "x"}).status_code == 404


def test_a_late_line_says_why(docs: Docs) -> None:
    long_ago = Calendar().before(numbering.today(datetime.now(UTC)), 2)  # around Tết nine days are none of work
    assert refusal(paper(docs, signed_on=long_ago.isoformat())) == "late_reason_required"
    ok(paper(docs, signed_on=long_ago.isoformat(), late_reason="Máy hỏng một tuần"), 201)
    (line,) = book(docs, year=long_ago.year)["items"]
    assert line["cells"][1] == f"{long_ago:%d/%m/%Y}"
    assert "Máy hỏng một tuần" in line["cells"][-1]
    tomorrow = numbering.today(datetime.now(UTC)) + timedelta(days=1)
    assert refusal(paper(docs, signed_on=tomorrow.isoformat())) == "paper_date_wrong"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"abstract": None}, "paper_lacks"),
    ({"symbol": None}, "paper_lacks"),
    ({"type_code": "XX"}, "type_unknown"),
    ({"symbol": "UBND"}, "symbol_malformed"),
    ({"secrecy": "MẬT"}, "secrecy_wrong"),
    ({"type_code": "QĐPL", "symbol": "UBND"}, "paper_type_wrong"),
    ({"register_code": "DEN"}, "paper_lacks"),
    ({"register_code": "DEN", "author": "Ông A"}, "paper_lacks"),
]


def test_a_line_that_says_too_little_or_in_the_wrong_register_is_refused(docs: Docs) -> None:
    for changed, code in WRONG:
        assert refusal(paper(docs, **changed)) == code
    assert book(docs)["items"] == [], "no number was taken"


def test_petitions_on_paper_have_a_register_of_arrivals_of_their_own(docs: Docs) -> None:
    ok(decided(docs, docs.a.clerk, APART))
    today = numbering.today(datetime.now(UTC)).isoformat()
    entered = ok(
        paper(docs, register_code="DON", type_code="CV", symbol=None, author="Bà Hoàng Thị Mai", received_on=today), 201
    )
    assert entered == {"register_code": "DON", "year": YEAR, "number": 1, "number_symbol": None}
    (line,) = book(docs, "in", register_code="DON")["items"]
    assert line["cells"][1:3] == ["01", "Bà Hoàng Thị Mai"]
    assert book(docs, "in")["items"] == []


def test_of_a_secret_document_there_is_a_line_and_no_content(docs: Docs) -> None:
    ok(decided(docs, docs.a.clerk, APART))
    secret = {"register_code": "MAT", "type_code": "QĐ", "symbol": "UBND", "secrecy": "TỐI MẬT"}
    assert refusal(paper(docs, **secret)) == "secret_without_content"
    ok(issue(docs, docs.signed(docs.a, type_code="QĐ", symbol="UBND")))
    entered = ok(paper(docs, **secret, abstract=None), 201)
    assert entered["number_symbol"] == "01/QĐ-UBND", "a series of its own: the same number and symbol is no clash"
    (line,) = book(docs, "out", register_code="MAT")["items"]
    assert line["cells"][2] == "Quyết định (độ TỐI MẬT)"


def test_what_stands_in_the_book_of_paper_can_not_be_rewritten(docs: Docs) -> None:
    block = ok(reserve(docs, 2), 201)
    ok(paper(docs, number=1), 201)
    for statement in (
        "UPDATE paper_entry SET abstract = 'khác'",
        "DELETE FROM paper_entry",
        "UPDATE book SET number_symbol = '09/X' WHERE number = 1",
        "UPDATE book SET number_symbol = NULL WHERE number = 1",
        "UPDATE book SET block_id = NULL",
        "UPDATE book SET number_symbol = '02/X', void_reason = 'x' WHERE number = 2",
        "DELETE FROM book WHERE number = 2",
    ):
        with pytest.raises(psycopg.errors.RaiseException), db.transaction(docs.pool, agency=docs.a.agency_id) as tx:
            tx.execute(statement)
    assert block["left"] == [1, 2]


# --- when the year is over


def at(docs: Docs, *moment: int) -> None:
    """It is that time (UTC), and registry has just said that its copies are whole."""
    now = datetime(*moment, tzinfo=UTC)  # type: ignore[misc,arg-type]
    docs.app.dependency_overrides[access.clock_dependency] = lambda: lambda: now
    docs.hear(*heartbeats(now))


def test_after_new_year_what_is_left_of_a_range_comes_back_void(docs: Docs) -> None:
    at(docs, 2026, 12, 30, 3)
    ok(reserve(docs, 5), 201)
    ok(paper(docs, number=2, signed_on="2026-12-30"), 201)
    at(docs, 2027, 1, 4, 3)
    ok(paper(docs, number=3, signed_on="2026-12-31"), 201)
    with db.transaction(docs.pool) as tx:
        assert work.return_overdue(tx, "urn:vanthu:test", datetime(2027, 1, 1, 5, tzinfo=UTC)) == 0, "a holiday"
    with db.transaction(docs.pool) as tx:
        assert work.return_overdue(tx, "urn:vanthu:test", datetime(2027, 1, 5, 5, tzinfo=UTC)) == 3
    with db.transaction(docs.pool) as tx:
        assert work.return_overdue(tx, "urn:vanthu:test", datetime(2027, 1, 5, 6, tzinfo=UTC)) == 0
    lines = book(docs, year=2026)["items"]
    assert [each["void"] for each in lines] == [True, False, False, True, True]
    assert "hết năm 2026 không dùng" in lines[0]["cells"][-1]


def test_a_closed_year_takes_nothing_any_more(docs: Docs) -> None:
    at(docs, 2026, 12, 30, 3)
    block = ok(reserve(docs, 2), 201)
    close = f"/registers/VB/{2026}/close"
    assert refusal(docs.post(docs.a.clerk, close)) == "register_not_over"
    at(docs, 2027, 1, 4, 3)
    assert refusal(docs.post(docs.a.clerk, close)) == "register_has_open_numbers"
    late = {"signed_on": "2026-12-29", "late_reason": "Nghỉ Tết"}
    assert ok(paper(docs, **late), 201)["number"] == 3, "last year's register is open until it is closed"
    ok(docs.post(docs.a.clerk, f"/number-blocks/{block['id']}/return", {"reason": "Hết năm"}))
    closed = ok(docs.post(docs.a.clerk, close))
    assert next(r for r in closed["registers"] if r["code"] == "VB")["closed_on"] == "2027-01-04"
    assert ok(docs.post(docs.a.clerk, close)) == closed
    assert refusal(paper(docs, **late)) == "register_closed"
    assert refusal(docs.post(docs.a.clerk, "/registers/VB/2026/3/void", {"reason": "Sai"})) == "register_closed"
    with pytest.raises(psycopg.errors.RaiseException), db.transaction(docs.pool, agency=docs.a.agency_id) as tx:
        tx.execute("UPDATE register SET last = last + 1 WHERE year = 2026 AND code = 'VB'")


def test_the_loop_goes_round_until_it_is_stopped(docs: Docs) -> None:
    import threading

    stop = threading.Event()
    loop: Callable[[threading.Event], None] = work.returns(docs.pool, "urn:vanthu:test")
    running = threading.Thread(target=loop, args=(stop,))
    running.start()
    stop.set()
    running.join(60)
    assert not running.is_alive()


def test_days_of_paper_are_days_of_vietnam() -> None:
    assert numbering.today(datetime(2026, 12, 31, 18, tzinfo=UTC)) == date(2027, 1, 1)
