"""Every endpoint of registry × everybody who might try it: only the province's officer changes or reads beyond names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from services.registry import directory, store
from services.registry.period import Period
from services.registry.person import Person
from shared.http import operator_router
from shared.ids import new_id
from shared.tokens import Principal
from tests.registry.conftest import SINCE, Office, a_post, agency_facts, person_facts, yesterday

FOR_EVERYBODY = {("get", "/registry/v1/agencies"), ("get", "/registry/v1/agencies/{agency_id}")}
OPERATORS = {f"/registry/v1{getattr(route, 'path', '')}" for route in operator_router.routes}


def endpoints(office: Office) -> list[tuple[str, str]]:
    """Method and path template of all that the service offers, from its own description."""
    spec = office.http.get("/registry/v1/openapi.json").json()
    found = [(method, path) for path, methods in spec["paths"].items() for method in methods]
    assert len(found) >= 20
    return [(method, path) for method, path in found if path not in OPERATORS]


def ask(office: Office, method: str, path: str, headers: dict[str, str]) -> tuple[int, str]:
    for name in ("agency_id", "person_id", "authority_id", "certificate_id", "request_id"):
        path = path.replace(f"{{{name}}}", str(new_id()))
    extra: dict[str, Any] = {"json": {}} if method in {"post", "put"} else {}
    answer = office.http.request(method, path, headers=headers, **extra)
    body = answer.json()
    return answer.status_code, body.get("code", "") if isinstance(body, dict) else ""


def outsiders(office: Office) -> dict[str, tuple[dict[str, str], set[str]]]:
    """Who is no officer of the province: headers, and the codes that they may be told."""
    province = office.province
    with office.desk() as desk:
        district = directory.establish_agency(
            desk, agency_facts("H37.22", level="district", name="UBND huyện Nà Khê", parent_id=province.ubnd.id)
        )
        of_district = directory.enter_person(desk, person_facts("dist", "A", a_post(district.id, "officer")))
        ended = a_post(province.ubnd.id, "officer", period=Period(SINCE, yesterday()))
        former = directory.enter_person(desk, person_facts("former", "B", ended))
        gone = directory.enter_person(desk, person_facts("gone", "C", a_post(province.ubnd.id, "officer")))
        directory.change_person(desk, store.lock_person(desk.tx, gone.id), replace(gone.facts, active=False))
        operator = directory.enter_person(desk, person_facts("oper", "D", a_post(province.ubnd.id, "operator")))
    no, not_here = {"forbidden"}, {"officer_of_province_only", "forbidden"}

    def claiming(person: Person, *roles: str) -> dict[str, str]:
        """A token that says more than the registry does."""
        post = person.facts.posts[0]
        return office.bearer(
            Principal(
                kind="person",
                name=person.name,
                roles=frozenset(roles),
                person_id=person.id,
                post_id=post.id,
                agency_id=post.agency_id,
            )
        )

    partner = Principal(kind="partner", name="motcua", roles=frozenset({"partner", "officer"}), partner="motcua")
    return {
        "nobody": ({}, {"login_required"}),
        "clerk": (office.headers(province.clerk), no),
        "leader": (office.headers(province.leader), no),
        "clerk of a commune": (office.headers(province.commune_clerk), no),
        "operator": (office.headers(operator), no),
        "officer of a district": (office.headers(of_district), not_here),
        "former officer": (office.headers(former), not_here),
        "officer who left": (office.headers(gone), not_here),
        "clerk whose token claims more": (claiming(province.clerk, "officer"), not_here),
        "partner whose token claims more": (office.bearer(partner), not_here),
    }


def test_only_an_officer_of_the_province_changes_the_registry_or_reads_beyond_names(office: Office) -> None:
    everything = endpoints(office)
    for who, (headers, codes) in outsiders(office).items():
        for method, path in everything:
            if (method, path) in FOR_EVERYBODY:
                continue
            status, code = ask(office, method, path, headers)
            assert (status in {401, 403}, code in codes) == (True, True), (who, method, path, status, code)
    for method, path in everything:
        status, code = ask(office, method, path, office.officer)
        assert status not in {401, 403}, (method, path, code)


def test_names_of_agencies_are_for_those_who_work_in_one(office: Office) -> None:
    readers = outsiders(office)
    for who in ("clerk", "leader", "clerk of a commune", "operator", "officer of a district"):
        assert office.http.get("/registry/v1/agencies", headers=readers[who][0]).status_code == 200, who
    for who in ("nobody", "former officer", "officer who left", "partner whose token claims more"):
        assert office.http.get("/registry/v1/agencies", headers=readers[who][0]).status_code in {401, 403}, who


def test_the_operators_doors_are_the_operators(office: Office) -> None:
    for who, (headers, _codes) in outsiders(office).items():
        status = office.http.get("/registry/v1/backlog", headers=headers).status_code
        assert (status == 200) == (who == "operator"), who
