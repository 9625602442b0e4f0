"""Every endpoint of notify that changes something: the first click leaves an act in its own transaction, the second none."""

from __future__ import annotations

from typing import Any

import httpx
import psycopg

from shared.ids import new_id
from tests.notify.conftest import Office
from tests.notify.facts import Story
from tests.support.told import mark, told_since, untold

ELSEWHERE = {"POST /parked/{topic}/{key}/replay": "needs a failed event (tests/shared/test_inbox.py)"}


def test_whatever_succeeds_is_told_and_a_second_click_is_not(office: Office) -> None:
    story, me = Story(), new_id()
    office.hear(story.submitted(me))
    (notice,) = office.notices(me)
    requests: dict[str, dict[str, Any]] = {
        "POST /notices/{notice_id}/read": {},
        "PUT /preferences": {"json": {"email": False}},
    }
    with psycopg.connect(office.database.admin, autocommit=True) as admin, office.http(me) as http:
        begun = mark(admin)
        for request, body in requests.items():
            method, path = request.replace("{notice_id}", notice["id"]).split(" ")
            before = mark(admin)
            assert http.request(method, path, **body).is_success
            between = mark(admin)
            assert told_since(admin, before) == ["vn.vanthu.notify.act.recorded.v1"]
            assert http.request(method, path, **body).is_success
            assert told_since(admin, between) == []
        assert untold(admin, begun) == []
    spec = httpx.get(f"{office.url}/notify/v1/openapi.json", timeout=60).json()
    changing = {
        f"{method.upper()} {path.removeprefix('/notify/v1')}"
        for path, methods in spec["paths"].items()
        for method in methods
        if method != "get"
    }
    assert changing == set(requests) | set(ELSEWHERE)
