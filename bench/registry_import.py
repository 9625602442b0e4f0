"""`python -m bench.registry_import`: a province's directory as one workbook, through the API, timed.

231 agencies, 462 units and 15,630 people with 16,030 posts, as an officer would send them: uploaded, previewed, committed, with
every outbox row and act; then exported and previewed again, which must change nothing. Real PostgreSQL, real HTTP.
"""

from __future__ import annotations

import gc
import json
import resource
import time
from collections.abc import Iterator
from datetime import date
from typing import Any

from deploy.demo import province
from services.registry import directory, exporting, store
from services.registry.__main__ import RegistrySettings, api
from services.registry.agency import AgencyFacts
from services.registry.columns import Sheet
from services.registry.directory import Desk
from services.registry.exporting import Value
from services.registry.period import Period
from services.registry.person import Person, PersonFacts, Post
from services.registry.scope import EVERYWHERE
from shared import db
from shared.events import Actor
from shared.ids import new_id
from shared.tokens import Principal
from tests.support import postgres
from tests.support.http import Issuer, client

PEOPLE = 15_630
SECOND_POSTS = 400
SINCE = date(2025, 7, 1)
GOAL = 30.0  # seconds for preview and commit together


def rows() -> dict[Sheet, list[dict[str, Value]]]:
    """The directory of the demo's shape at the size of a province; the same each time."""
    agencies = [each for each in province.directory()["agencies"] if each["level"] != "outside"]
    assert len(agencies) == 231, "the demo has another shape now"
    identifiers = [each["identifier"] for each in agencies]
    units = [
        (each, code, name) for each in identifiers for code, name in (("VP", "Văn phòng"), ("NV", "Phòng Nghiệp vụ"))
    ]
    people = list(_people(identifiers))
    return {
        "agencies": [each | {"valid_from": date.fromisoformat(each["valid_from"])} for each in agencies],
        "units": [{"agency": a, "code": code, "name": name, "valid_from": SINCE} for a, code, name in units],
        "people": people,
    }


def _people(identifiers: list[str]) -> Iterator[dict[str, Value]]:
    names = province
    for number in range(PEOPLE):
        surname = names.SURNAMES[number % len(names.SURNAMES)]
        middle = names.MIDDLES[number // 7 % len(names.MIDDLES)]
        given = names.GIVENS[number // 3 % len(names.GIVENS)]
        login = f"nguoi.{number:05}"
        own: dict[str, Value] = {
            "login": login,
            "name": f"{surname} {middle} {given}",
            "email": f"{login}@langson.example",
            "active": "có",
        }
        here = identifiers[number % len(identifiers)]
        role = "lãnh đạo" if number % 12 == 0 else "văn thư" if number % 12 == 1 else ""
        post: dict[str, Value] = {"agency": here, "unit_code": "VP", "title": "Chuyên viên", "roles": role}
        yield own | post | {"valid_from": SINCE}
        if number < SECOND_POSTS:
            yield own | post | {"unit_code": "NV", "title": "Phó Trưởng phòng", "roles": "", "valid_from": SINCE}


def workbook() -> bytes:
    return exporting.workbook({sheet: iter(found) for sheet, found in rows().items()})


def measure() -> dict[str, Any]:
    """Seconds of each step, what was counted, and the most memory that this process (service and client) ever had."""
    content = workbook()
    with postgres.serving() as server:
        database = server.database("registry")
        pool = db.open_pool(database.app, max_size=4)
        try:
            issuer = Issuer()
            officer = _settle(pool, issuer)
            return _through_http(database.app, pool, issuer, officer, content)
        finally:
            pool.close()


def _settle(pool: db.Pool, issuer: Issuer) -> Person:
    """The provincial agency and its officer, who are there before anything is imported."""
    with db.transaction(pool) as tx:
        store.act_within(tx, EVERYWHERE)
        issuer.trust(tx)
        desk = Desk(tx, Actor(name="bench"), "urn:vanthu:bench")
        facts = AgencyFacts(
            identifier=province.CODE, name="UBND tỉnh", level="province", period=Period(date(2020, 7, 1))
        )
        agency = directory.establish_agency(desk, facts)
        post = Post(id=new_id(), agency_id=agency.id, title="Cán bộ", roles=("officer",), period=Period(SINCE))
        who = PersonFacts(name="Cán bộ danh bạ", login="canbo", email="canbo@langson.example", posts=(post,))
        return directory.enter_person(desk, who)


def _through_http(conninfo: str, pool: db.Pool, issuer: Issuer, officer: Person, content: bytes) -> dict[str, Any]:
    post = officer.facts.posts[0]
    who = Principal(
        kind="person",
        name=officer.name,
        roles=frozenset(post.roles),
        person_id=officer.id,
        post_id=post.id,
        agency_id=post.agency_id,
    )
    seconds: dict[str, float] = {}
    with client(api(_settings(conninfo), pool)) as http:
        http.timeout = 300

        def ask(what: str, method: str, path: str, **more: Any) -> Any:
            headers = {"Authorization": f"Bearer {issuer.token(who, 'registry')}", "Idempotency-Key": str(new_id())}
            gc.collect()
            begun = time.perf_counter()
            answer = http.request(method, f"/registry/v1{path}", headers=headers, **more)
            seconds[what] = round(time.perf_counter() - begun, 2)
            assert answer.is_success, answer.text[:500]
            return answer

        made = ask("preview", "POST", "/imports", files={"file": ("danhba.xlsx", content)}).json()
        assert made["error_count"] == 0, made
        ask("commit", "POST", f"/imports/{made['import_id']}/commit")
        out = ask("export", "GET", "/exports/directory.xlsx").content
        again = ask("preview of the export", "POST", "/imports", files={"file": ("danhba.xlsx", out)}).json()
    changed = sum(each[state] for each in again["counts"].values() for state in ("new", "changed"))
    assert changed == again["error_count"] == 0, again
    with db.transaction(pool) as tx:
        found = tx.execute("SELECT count(*) AS n FROM outbox").fetchone()
    total = seconds["preview"] + seconds["commit"]
    return {
        "agencies": sum(made["counts"]["agencies"].values()),
        "people": sum(made["counts"]["people"].values()),
        "file, bytes": len(content),
        "seconds": seconds,
        "preview and commit, seconds": round(total, 2),
        "goal, seconds": GOAL,
        "met": total < GOAL,
        "outbox rows": found["n"] if found else 0,
        "most memory of service and client together, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _settings(conninfo: str) -> RegistrySettings:
    nowhere = "http://127.0.0.1:1"
    return RegistrySettings.model_validate(
        {
            "service": "registry",
            "database": conninfo,
            "kafka": "127.0.0.1:1",
            "kafka_user": "registry",
            "kafka_password": "none",
            "blobs": "memory:///",
            "port": 0,
            "worker_port": 0,
            "source": "urn:vanthu:bench",
            "portal_url": nowhere,
            "devpki_url": nowhere,
            "devpki_secret": "none",
        }
    )


if __name__ == "__main__":
    print(json.dumps(measure(), ensure_ascii=False, indent=2))
