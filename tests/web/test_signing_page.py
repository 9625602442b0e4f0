"""A leader signs from the browser: page, portal, agent and token together, and what must not work between them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page as Window
from playwright.sync_api import Request, Response, expect
from vanthu_sign.agent_run import Run

from tests.clients.agent_browser import Page
from tests.clients.agent_terminal import Terminal, agent, pair
from tests.web import chromium
from tests.web.conftest import Office, Submit


class Wire:
    """Everything that a window sent and got over HTTP."""

    def __init__(self, window: Window) -> None:
        self.said: list[str] = []
        window.on("request", self._request)
        window.on("response", self._response)
        self.tickets: list[str] = []

    def _request(self, request: Request) -> None:
        self.said.append(f"{request.method} {request.url} {request.headers} {request.post_data or ''}")
        if request.url.endswith("/ticket") and request.post_data:
            self.tickets.append(str(json.loads(request.post_data)["ticket"]))

    def _response(self, response: Response) -> None:
        self.said.append(f"{response.status} {response.url} {response.headers}")


@contextmanager
def agent_of(office: Office, leader: dict[str, Any], home: Path, *arguments: str) -> Iterator[Terminal]:
    token = next(entry for entry in office.demo("tokens") if entry["login"] == leader["login"])
    environment = {"VANTHU_SIGN_MODULE": token["module"], "SOFTHSM2_CONF": token["softhsm2_conf"]}
    with agent(
        home, "--portal", office.url, "--token", token["token_label"], *arguments, environment=environment
    ) as run:
        yield run


def pin_of(office: Office, leader: dict[str, Any]) -> str:
    return str(next(entry for entry in office.demo("tokens") if entry["login"] == leader["login"])["pin"])


def pair_window(window: Window, terminal: Terminal) -> None:
    """The person presses the page's button and compares the two codes."""
    window.get_by_role("button", name="Ghép nối với chương trình ký").click()
    code = window.locator("[data-part=code]")
    expect(code).to_have_text(re.compile(r"\d{3} \d{3}"))
    terminal.read(re.escape(code.inner_text()))
    terminal.read(r"\[c/K\] ")
    terminal.type("c")
    expect(window.locator("[data-part=sign]")).to_be_visible()


def tick(window: Window, *documents: str) -> None:
    """Only these."""
    window.get_by_label("Chọn tất cả").uncheck()
    for document_id in documents:
        window.locator(f'input[name=document][value^="{document_id}"]').check()
    expect(window.locator("[data-part=sign]")).to_have_text(f"Ký {len(documents)} văn bản đã chọn")


def result_of(window: Window, document_id: str) -> Any:
    return window.locator(f'[data-result="{document_id}"]')


@pytest.fixture(scope="module")
def submitted() -> dict[int, str]:
    """What these tests have submitted for the leader, by its number in their titles."""
    return {}


@pytest.fixture
def waiting(office: Office, submit: Submit, submitted: dict[int, str]) -> list[str]:
    """Three documents that wait for the leader; those that an earlier test left unsigned wait still."""
    leader, clerk, _ = office.cast()
    table = office.sit_down(leader)
    table.goto("/signing")
    left = {n for n, made in submitted.items() if table.locator(f'input[name=document][value^="{made}"]').count()}
    desk = office.sit_down(clerk)
    for number in sorted({1, 2, 3} - left):
        submitted[number] = submit(desk, f"V/v ký từ trình duyệt, văn bản thứ {number}", leader)
        expect(desk.locator(".state .badge")).to_have_text("Chờ ký số")
    return [submitted[number] for number in (1, 2, 3)]


def test_a_leader_signs_from_the_browser(office: Office, waiting: list[str], tmp_path: Path) -> None:
    leader, clerk, _ = office.cast()
    pin = pin_of(office, leader)
    table = office.sit_down(leader)
    wire = Wire(table)
    table.goto("/signing")
    with agent_of(office, leader, tmp_path) as terminal:
        terminal.read(r"127\.0\.0\.1:\d+")
        pair_window(table, terminal)
        tick(table, *waiting)
        card = table.locator("section.task").filter(has=table.locator(f'input[value^="{waiting[0]}"]'))
        card.get_by_text("Xem trang đầu").click()
        expect(card.locator(".first img")).to_have_js_property("naturalWidth", 720)
        office.picture(table, "signing-browser")
        table.locator("[data-part=sign]").click()

        terminal.read(re.escape(f"Trang yêu cầu ký: {office.url}"))
        terminal.read(re.escape(f"Người ký: {leader['name']}"))
        terminal.read("văn bản thứ 3")
        terminal.read("tệp sẽ ký: .*pdf")
        expect(table.locator("[data-part=said]")).to_contain_text("Hãy xem cửa sổ của vanthu-sign")
        table.reload()  # a page that is loaded again goes on where it was
        expect(table.locator("[data-part=said]")).to_contain_text("Hãy xem cửa sổ của vanthu-sign")
        terminal.read("d: dừng > ")
        terminal.type("2")
        terminal.read(r"\[ \] 2\. ")
        terminal.read("d: dừng > ")
        terminal.type("k")
        terminal.read("Mã PIN của token")
        terminal.type("00000000")
        terminal.read("pin_wrong|Sai mã PIN")
        terminal.read("Mã PIN của token")
        terminal.type(pin)
        expect(table.locator("[data-part=said]")).to_have_text("Đã xong. 2/3 văn bản đã ký.")
        shown = terminal.shown
        office.picture(table, "signing-done", whole=True)
    expect(result_of(table, waiting[0])).to_contain_text("Đã ký")
    expect(result_of(table, waiting[1])).to_contain_text("Bạn đã bỏ ra, chưa ký")
    expect(result_of(table, waiting[2])).to_contain_text("Đã ký")
    table.get_by_role("button", name="Xem các văn bản còn lại").click()
    expect(table.locator(f'input[value^="{waiting[1]}"]')).to_be_attached()
    expect(table.locator(f'input[value^="{waiting[0]}"]')).to_have_count(0)

    desk = office.sit_down(clerk)
    desk.goto(f"/documents/{waiting[0]}")
    expect(desk.locator(".state .badge")).to_have_text("Đã ký, chờ cấp số")
    # The PIN was typed in the terminal and is nowhere else: not in HTTP, not in a log, not in a file of ours.
    assert len(wire.said) > 20
    logs = [path.read_text(errors="replace") for path in (office.stack.layout.var / "log").glob("*.log")]
    files = [
        path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".pdf"
    ]
    for where in (*wire.said, shown, *logs, *files):
        assert not re.search(rf"(?<![0-9A-Za-z]){pin}(?![0-9A-Za-z])", where)
    # The ticket was used: with or without the program's secret it gives nothing any more.
    assert len(wire.tickets) == 1
    for verifier in ("guessed", Run(office.url).verifier):
        form = {"ticket": wire.tickets[0], "code_verifier": verifier, "client_id": "vanthu-sign", "audience": "signing"}
        grant = {"grant_type": "urn:vanthu:params:oauth:grant-type:signing-ticket", **form}
        answer = httpx.post(f"{office.url}/oauth/token", data=grant, timeout=60)
        assert (answer.status_code, answer.json()["error"]) == (400, "signing_ticket_used")


def test_the_page_says_how_to_sign_when_the_agent_does_not_run_and_without_scripts(
    office: Office, waiting: list[str]
) -> None:
    leader, _, _ = office.cast()
    assert waiting
    plain = office.sit_down(leader, scripts=False)
    plain.goto("/signing")
    expect(plain.locator("#command")).to_be_visible()
    expect(plain.locator("[data-agent]")).to_be_hidden()
    expect(plain.locator("input[name=document]").first).to_be_hidden()
    table = office.sit_down(leader)
    table.goto("/signing")
    table.get_by_role("button", name="Ghép nối với chương trình ký").click()
    expect(table.locator("[data-state=absent]")).to_be_visible()
    expect(table.locator("[data-state=absent]")).to_contain_text("vanthu-sign agent")
    expect(table.locator("#command")).to_be_visible()


@pytest.fixture
def from_outside(office: Office) -> Iterator[Office]:
    """The same people with a browser for which the portal is on the Internet: Chromium then asks whether it may reach
    programs on this machine (Local Network Access); without somebody to ask it says no.
    """
    address = office.url.removeprefix("http://")
    outside = f"--ip-address-space-overrides={address}=public"
    browser = office.browser.browser_type.launch(executable_path=chromium.find(), args=[*chromium.ARGUMENTS, outside])
    yield replace(office, browser=browser, sessions={})
    browser.close()


def test_the_browser_is_asked_before_a_page_reaches_this_machine(
    from_outside: Office, waiting: list[str], tmp_path: Path
) -> None:
    leader, _, _ = from_outside.cast()
    assert waiting
    table = from_outside.sit_down(leader)
    with agent_of(from_outside, leader, tmp_path) as terminal:
        terminal.read(r"127\.0\.0\.1:\d+")
        table.goto("/signing")
        table.get_by_role("button", name="Ghép nối với chương trình ký").click()
        denied = table.locator("[data-part=denied]")
        expect(denied).to_be_visible()  # it stands in the page from the beginning: its text alone says nothing
        expect(denied).to_contain_text("Trình duyệt đang chặn trang này")
        table.context.grant_permissions(["local-network-access"])
        table.reload()
        pair_window(table, terminal)


@contextmanager
def scripted(office: Office, leader: dict[str, Any], home: Path) -> Iterator[tuple[Page, Terminal, Window]]:
    """A paired page whose script we write ourselves, as an attacker would who got into the portal's pages."""
    table = office.sit_down(leader)
    table.goto("/signing")
    with agent_of(office, leader, home) as terminal:
        port = terminal.port
        state, pairing = pair(terminal, port, "c", office.url)
        assert state == "paired"
        yield Page(port, pairing, office.url), terminal, table


def mint(table: Window, challenge: str, *documents: str) -> str:
    """A ticket as the page gets it, for what it shows of these documents."""
    fields = [table.locator(f'input[name=document][value^="{each}"]').get_attribute("value") for each in documents]
    csrf = table.locator("[data-agent]").get_attribute("data-csrf")
    answer = table.evaluate(
        "async (form) => (await fetch('/signing/tickets', { method: 'POST', body: new URLSearchParams(form) })).json()",
        [["csrf", csrf], ["challenge", challenge], *(["document", field] for field in fields)],
    )
    return str(answer.get("ticket", answer))


def shown_on(table: Window, *documents: str) -> list[dict[str, str]]:
    fields = [
        table.locator(f'input[name=document][value^="{each}"]').get_attribute("value") or "" for each in documents
    ]
    return [dict(zip(("document_id", "sha256"), field.split(":"), strict=True)) for field in fields]


def end_of(page: Page) -> dict[str, Any]:
    """How the sitting ended."""
    while True:
        sitting: dict[str, Any] = page.proven("/v1/status").body["sitting"]
        if sitting["state"] in {"done", "refused"}:
            return sitting


def test_an_altered_list_a_foreign_ticket_and_a_replayed_one_are_refused(
    office: Office, waiting: list[str], tmp_path: Path
) -> None:
    leader, clerk, _ = office.cast()
    with scripted(office, leader, tmp_path) as (page, terminal, table):

        def sit(ticket: str, sitting: str, documents: list[dict[str, str]]) -> dict[str, Any]:
            taken = page.proven(f"/v1/sittings/{sitting}/ticket", {"ticket": ticket, "documents": documents})
            assert taken.status == 202
            return end_of(page)

        # The page shows one document and has another one signed.
        begun = page.proven("/v1/sittings").body
        ticket = mint(table, begun["challenge"], waiting[0])
        ended = sit(ticket, begun["sitting"], shown_on(table, waiting[1]))
        assert ended["problem"]["code"] == "ticket_documents_differ"
        # The same ticket again: its sitting's secret is gone, and it is used up.
        begun = page.proven("/v1/sittings").body
        ended = sit(ticket, begun["sitting"], shown_on(table, waiting[0]))
        assert ended["problem"]["code"] == "signing_ticket_used"
        # A ticket that was made for another program.
        begun = page.proven("/v1/sittings").body
        ended = sit(mint(table, Run(office.url).challenge, waiting[0]), begun["sitting"], shown_on(table, waiting[0]))
        assert ended["problem"]["code"] == "signing_ticket_invalid"
        # A digest that is not the document's: the portal mints none.
        begun = page.proven("/v1/sittings").body
        box = table.locator(f'input[name=document][value^="{waiting[0]}"]')
        box.evaluate("(box) => { box.value = box.value.slice(0, 37) + '0'.repeat(64); }")
        assert "signing_list_changed" in mint(table, begun["challenge"], waiting[0])
        # A clerk has no ticket to give.
        desk = office.sit_down(clerk)
        desk.goto("/documents/new")
        assert "forbidden" in _mint_as(desk, begun["challenge"], f"{waiting[0]}:{'0' * 64}")
        assert "Mã PIN" not in terminal.shown
    assert not list(tmp_path.rglob("documents/*.pdf"))


def _mint_as(window: Window, challenge: str, document: str) -> str:
    csrf = window.locator("input[name=csrf]").first.get_attribute("value")
    return str(
        window.evaluate(
            "async (form) => (await fetch('/signing/tickets', { method: 'POST', body: new URLSearchParams(form) })).text()",
            [["csrf", csrf], ["challenge", challenge], ["document", document]],
        )
    )


def test_another_leaders_ticket_signs_nothing_with_my_token(office: Office, waiting: list[str], tmp_path: Path) -> None:
    """Somebody at the shared PC presses sign while my token is plugged in: the certificate is not theirs."""
    leader, _, _ = office.cast()
    logins = {entry["login"]: entry for entry in office.demo("logins")}
    other = next(
        logins[t["login"]]
        for t in office.demo("tokens")
        if t.get("state", "good") == "good" and t["login"] != leader["login"]
    )
    with agent_of(office, other, tmp_path) as terminal:
        port = terminal.port
        _, pairing = pair(terminal, port, "c", office.url)
        page = Page(port, pairing, office.url)
        table = office.sit_down(leader)
        table.goto("/signing")
        begun = page.proven("/v1/sittings").body
        ticket = mint(table, begun["challenge"], waiting[0])
        body = {"ticket": ticket, "documents": shown_on(table, waiting[0])}
        assert page.proven(f"/v1/sittings/{begun['sitting']}/ticket", body).status == 202
        ended = end_of(page)
        assert [item["state"] for item in ended["items"]] == ["refused"]
        assert ended["items"][0]["problem"]["code"] == "certificate_not_registered"
        assert "Mã PIN" not in terminal.shown
