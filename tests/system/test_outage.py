"""A TSA that is away over the whole stack: an urgent document goes out as it is, and everybody gets the better version."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from vanthu_integrator.messages import DocumentDelivered, DocumentRenewed

from deploy.demo import acts
from deploy.demo.people import Person
from deploy.demo.story import SAMPLES, Story, cast
from tests.support.parts import until
from tests.support.stack import Stack

B, LTA = "PAdES-BASELINE-B", "PAdES-BASELINE-LTA"


def switch(stack: Stack, **outages: bool) -> None:
    secret = (stack.layout.var / "secrets" / "devpki").read_text(encoding="utf-8").strip()
    answer = httpx.post(
        f"{stack.url('devpki')}/dev/outage", json=outages, headers={"Authorization": f"Bearer {secret}"}, timeout=60
    )
    assert answer.status_code == 200, answer.text


@contextmanager
def away(stack: Stack) -> Iterator[None]:
    switch(stack, tsa=True)
    try:
        yield
    finally:
        switch(stack, tsa=False)


def document(person: Person, document_id: str) -> dict[str, Any]:
    found: dict[str, Any] = person.get("docs", f"/documents/{document_id}")
    return found


def test_an_urgent_document_goes_out_owing_and_receivers_and_partners_get_the_better_version(stack: Stack) -> None:
    story = Story(stack.layout.var, stack.url("portal"), stack.url("mail"), quiet=True)
    clerk, leaders, receivers = cast(story)
    leader = acts.signer_of(SAMPLES[0], leaders)
    system = story.partner()
    signer = story.signer(leader)
    signer.log_in(story.portal, leader)
    submitted = acts.submit(story, clerk, leader, SAMPLES[0], urgency=2)
    ident = submitted["id"]
    with away(stack):
        acts.sign(story, clerk, signer, [submitted])
        clerk.post("docs", f"/documents/{ident}/issue", {})
        issued = acts.wait_for_state(clerk, ident, "issued")
        assert (issued["level"], issued["owes"]) == (B, ["T", "LT", "LTA"])
        page = clerk.browser.get(f"/documents/{ident}").text
        assert "Còn nợ dấu thời gian" in page
        assert "hệ thống tự bổ sung" in page
        outside = system.entry["agency_identifier"]
        to = [receivers[0].login.agency_identifier, outside]
        deliveries = acts.dispatch(story, clerk, issued, to)
        arrived = acts.wait_for_incoming(receivers[0], deliveries[to[0]])
        assert arrived["owes"] == ["T", "LT", "LTA"]
        assert [s["level"] for s in arrived["validation"]["signatures"]] == [B, B]

    until(lambda: document(clerk, ident)["level"] == LTA, bound=120, what="the debt to be paid")
    better = document(clerk, ident)
    assert better["owes"] == []
    assert better["content"]["sha256"] != issued["content"]["sha256"]

    def renewed() -> bool:
        seen = receivers[0].get("docs", f"/incoming/{arrived['id']}")
        return bool(seen["parts"][0]["sha256"] == better["content"]["sha256"])

    until(renewed, bound=120, what="the better version at the receiver")
    seen = receivers[0].get("docs", f"/incoming/{arrived['id']}")
    assert [s["level"] for s in seen["validation"]["signatures"]] == [LTA, LTA]
    assert seen["owes"] == []

    told = []
    for received in system.partner.receive("outbound", group="outage", seconds=180):
        if isinstance(received.data, (DocumentDelivered, DocumentRenewed)):
            told.append(received.data)
            if str(received.data.delivery_id) == deliveries[outside] and isinstance(received.data, DocumentRenewed):
                break
    first, second = [each for each in told if str(each.delivery_id) == deliveries[outside]]
    assert isinstance(first, DocumentDelivered)
    assert isinstance(second, DocumentRenewed)
    assert (first.owes, second.owes, second.level) == (("T", "LT", "LTA"), (), LTA)
    old, new = system.files.download(first.message.files[0]), system.files.download(second.file)
    assert new.startswith(old), "the same bytes with more after them"
    earlier = clerk.get("docs", f"/documents/{ident}/proof")["earlier"]
    assert [version["sha256"] for version in earlier] == [issued["content"]["sha256"]]
    story.close()
