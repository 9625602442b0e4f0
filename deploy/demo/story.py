"""`make demo`: the whole story through public interfaces only, each step said; exit code 1 when anything differs.

A clerk submits, a leader signs with a token, the clerk numbers and seals, two agencies and a partner receive, validate,
register and acknowledge, and the sender sees it; then the bad branch: what was tampered with comes back as refused.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import httpx
from confluent_kafka import KafkaException
from vanthu_integrator import Credential, FileDamaged, FileRefused, Files, NotDelivered, Partner

from deploy.demo import acts
from deploy.demo.people import Login, Person, Unexpected, expect
from deploy.demo.signer import Signer

ROOT = Path(__file__).resolve().parents[2]
ANNEX, SCAN = (ROOT / "tests" / "data" / name for name in ("02-bao-cao.pdf", "09-ban-quet-200dpi.pdf"))
SAMPLES = [ROOT / "tests" / "data" / name for name in ("01-cong-van.pdf", "03-quyet-dinh-pdfa2b.pdf")]


class Story:
    """Who plays, what they did, how long it took."""

    def __init__(self, var: Path, portal: str, mail: str, *, quiet: bool = False) -> None:
        self.var, self.portal, self.mail, self.quiet = var, portal, mail, quiet
        self.folder = var / "demo"
        self.logins = [_login(entry) for entry in self._demo("logins")]
        self.tokens = {entry["login"]: entry for entry in self._demo("tokens")}
        self.partners = self._demo("partners")
        self.open: list[Person | Files] = []
        self.summary: dict[str, Any] = {"steps": [], "documents": [], "partner_messages": []}

    def _demo(self, name: str) -> Any:
        file = self.folder / f"{name}.json"
        expect(file.exists(), f"{file} is missing: is `make run` up and has it loaded the demo province?")
        return json.loads(file.read_text(encoding="utf-8"))

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Say what happens, then how long it took."""
        begun = time.perf_counter()
        self._say(f"· {what} … ", end="")
        try:
            yield
        except BaseException:
            self._say("KHÔNG ĐƯỢC")
            raise
        seconds = round(time.perf_counter() - begun, 3)
        self.summary["steps"].append({"step": what, "seconds": seconds})
        self._say(f"{seconds:.2f} s")

    def _say(self, text: str, end: str = "\n") -> None:
        if not self.quiet:
            print(text, end=end, flush=True)

    def person(self, login: Login) -> Person:
        """Somebody, logged in at the portal and with a program's tokens."""
        person = Person(self.portal, login)
        self.open.append(person)
        person.log_in()
        person.connect()
        return person

    def signer(self, leader: Person) -> Signer:
        return Signer(self.folder / "vanthu-sign" / leader.login.login, self.tokens[leader.login.login])

    def partner(self) -> acts.PartnerSystem:
        entry = self.partners[0]
        credential = Credential(
            entry["name"], entry["kafka"], entry["kafka_user"], entry["kafka_password"], security="SASL_PLAINTEXT"
        )
        files = Files(self.portal, entry["name"], entry["client_secret"])
        self.open.append(files)
        return acts.PartnerSystem(entry, Partner(credential), files)

    def close(self) -> None:
        """End everybody's connections."""
        for each in self.open:
            each.close()

    def finish(self) -> None:
        """Leave var/demo/summary.json."""
        text = json.dumps(self.summary, ensure_ascii=False, indent=1, default=str)
        (self.folder / "summary.json").write_text(text + "\n", encoding="utf-8")


def play(story: Story, pdfs: list[Path]) -> None:
    """Everything, in order. The first PDF makes the whole journey, with an annex, the second is spoilt on its way, the
    others rest.
    """
    with story.step("văn thư và lãnh đạo cơ quan gửi, văn thư hai cơ quan nhận đăng nhập"):
        clerk, leaders, receivers = cast(story)
    piles: dict[str, list[dict[str, Any]]] = {}
    documents: list[dict[str, Any]] = []
    for pdf in pdfs:
        leader = acts.signer_of(pdf, leaders)
        annexes = [] if documents else [ANNEX]
        documents.append(acts.submit(story, clerk, leader, pdf, *annexes))
        piles.setdefault(leader.login.login, []).append(documents[-1])
    for leader in leaders:
        if pile := piles.get(leader.login.login):
            signer = story.signer(leader)
            with story.step(f"{leader.login.name} đăng nhập vanthu-sign (mã thiết bị)"):
                signer.log_in(story.portal, leader)
            acts.sign(story, clerk, signer, pile)
    issued = [acts.issue(story, clerk, document) for document in documents]
    acts.certify_copy(story, clerk, SCAN)
    first = issued[0]
    system = story.partner()
    outside = system.entry["agency_identifier"]
    deliveries = acts.dispatch(story, clerk, first, [*(r.login.agency_identifier for r in receivers), outside])
    acts.receive(story, receivers, deliveries)
    acts.partner_receives(story, system, deliveries[outside])
    acts.sender_sees(
        story,
        clerk,
        first,
        {
            receivers[0].login.agency_identifier: "06",
            receivers[1].login.agency_identifier: "03",
            outside: "03",
        },
    )
    acts.partner_sends(story, system, receivers[0], first)
    acts.partner_sends_nonsense(story, system)
    acts.tampered_on_the_way_in(story, system, receivers[1], first)
    acts.tampered_on_the_way_out(story, clerk, system, issued[1])
    acts.notices(story, [clerk, leaders[0], *receivers], httpx.get(f"{story.mail}/mails.json", timeout=30).json())


def cast(story: Story) -> tuple[Person, list[Person], list[Person]]:
    """The leaders with good tokens of one agency that has a clerk; that clerk; the clerks of two other agencies."""
    by_login = {login.login: login for login in story.logins}
    clerks = {login.agency_identifier: login for login in story.logins if login.role == "clerk"}
    bosses = [by_login[entry["login"]] for entry in story.tokens.values() if entry["certificate"] == "active"]
    home = next((boss.agency_identifier for boss in bosses if boss.agency_identifier in clerks), None)
    if home is None:
        raise Unexpected("the demo province has no leader with a token whose agency has a clerk")
    others = [login for identifier, login in clerks.items() if identifier != home][:2]
    expect(len(others) == 2, "the demo province has no two receiving agencies with clerks")
    leaders = [story.person(boss) for boss in bosses if boss.agency_identifier == home]
    return story.person(clerks[home]), leaders, [story.person(other) for other in others]


def _login(entry: dict[str, Any]) -> Login:
    return Login(**{field.name: entry[field.name] for field in fields(Login)})


def main() -> int:
    """Play against the running stack; 0 when everything went as the story tells."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.demo.story", description="Plays the whole story against the running stack."
    )
    parser.add_argument(
        "pdf",
        nargs="*",
        type=Path,
        default=SAMPLES,
        help="PDFs to submit; the first travels the good way, the second the bad one",
    )
    options = parser.parse_args()
    var = Path(os.environ.get("VANTHU_VAR") or ROOT / "var")
    port = {
        name: os.environ.get(f"VANTHU_{name.upper()}_PORT", default)
        for name, default in (("portal", "8080"), ("mail", "8086"))
    }
    begun = time.perf_counter()
    try:
        story = Story(var, f"http://127.0.0.1:{port['portal']}", f"http://127.0.0.1:{port['mail']}")
        play(story, options.pdf if len(options.pdf) > 1 else [*options.pdf, SAMPLES[1]])
    except (Unexpected, NotDelivered, FileRefused, FileDamaged, KafkaException, httpx.HTTPError) as error:
        print(f"\nCâu chuyện dừng lại / the story stopped: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    story.summary["seconds"] = round(time.perf_counter() - begun, 2)
    story.finish()
    print(f"Xong sau {story.summary['seconds']:.1f} s. Xem {story.folder}/summary.json và {story.folder}/*.pdf")
    return 0


if __name__ == "__main__":
    sys.exit(main())
