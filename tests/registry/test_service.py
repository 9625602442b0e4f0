"""Registry through its doors: HTTP in, tables and outbox out, portal's keys in, heartbeats by the clock."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.devpki.server import Running
from services.registry import consumer, pulse
from shared.events import Envelope, encode
from shared.events.registry import (
    AgencyStated,
    AuthorityStated,
    CertificateStated,
    Heartbeat,
    PersonStated,
    RegistryAct,
    TrustConfirmed,
)
from shared.ids import new_id
from shared.inbox import Record
from shared.tokens import Principal
from tests.registry.conftest import SOURCE, Office, province_wide, text
from tests.registry.keys import Ca, now, pem
from tests.support.http import Issuer

AGENCY: dict[str, Any] = {
    "identifier": "H37.08",
    "old_identifier": "000.00.08.H37",
    "name": "Sở Khoa học  và Công nghệ",
    "level": "province",
    "email": "vanthu@skhcn.example",
    "valid_from": "2020-07-01",
}


def test_an_agency_is_established_once_and_stated(office: Office) -> None:
    office.publish()
    body = AGENCY | {"parent_id": str(office.province.ubnd.id)}
    headers = office.headers(office.province.officer, key="một lần".encode().hex())
    first = office.http.post("/registry/v1/agencies", json=body, headers=headers)
    again = office.http.post("/registry/v1/agencies", json=body, headers=headers)
    assert (first.status_code, first.json()["name"]) == (201, "Sở Khoa học và Công nghệ")
    assert again.json() == first.json()
    [stated] = office.stated("registry.agency")
    assert isinstance(stated, AgencyStated)
    assert (str(stated.agency_id), stated.old_identifier) == (first.json()["agency_id"], "000.00.08.H37")
    [act] = office.stated("registry.act")
    assert isinstance(act, RegistryAct)
    assert (act.act, act.by.name, act.by.agency_id) == (
        "establish_agency",
        "Dương Thị Mai Hoa",
        office.province.ubnd.id,
    )
    taken = office.http.post("/registry/v1/agencies", json=body, headers=office.officer)
    assert (taken.status_code, taken.json()["code"]) == (409, "identifier_taken")
    other = body | {"identifier": "H37.09"}
    taken = office.http.post("/registry/v1/agencies", json=other, headers=office.officer)
    assert "000.00.08.H37" in taken.json()["detail_en"]


def test_a_change_names_the_version_that_was_read(office: Office) -> None:
    path = f"/registry/v1/agencies/{office.province.commune.id}"
    read = office.http.get(path, headers=office.officer)
    body = {k: v for k, v in read.json().items() if k not in {"agency_id", "version"}} | {"name": "UBND xã Nà Mỏ"}
    office.publish()
    missing = office.http.put(path, json=body, headers=office.officer)
    assert (missing.status_code, missing.json()["code"]) == (428, "version_required")
    tagged = office.officer | {"If-Match": read.headers["etag"]}
    done = office.http.put(path, json=body, headers=tagged)
    assert (done.status_code, done.headers["etag"]) == (200, '"2"')
    late = office.http.put(path, json=body | {"name": "Khác"}, headers=tagged)
    assert (late.status_code, late.json()["code"]) == (412, "stale_version")
    same = office.http.put(path, json=body, headers=office.officer | {"If-Match": '"2"'})
    assert same.json()["version"] == 2
    assert [stated.name for stated in office.stated("registry.agency")] == ["UBND xã Nà Mỏ"]  # type: ignore[attr-defined]


def test_agencies_are_found_page_by_page_with_or_without_diacritics(office: Office) -> None:
    clerk = office.headers(office.province.commune_clerk)
    found = office.http.get("/registry/v1/agencies", params={"q": "na mo"}, headers=clerk).json()
    assert [each["identifier"] for each in found["items"]] == ["H37.22.001"]
    first = office.http.get("/registry/v1/agencies", params={"limit": 1}, headers=clerk).json()
    second = office.http.get(
        "/registry/v1/agencies", params={"limit": 1, "cursor": first["next_cursor"]}, headers=clerk
    ).json()
    assert [first["items"][0]["identifier"], second["items"][0]["identifier"]] == ["H37", "H37.22.001"]
    assert second["next_cursor"] is None
    broken = office.http.get("/registry/v1/agencies", params={"cursor": "rác"}, headers=clerk)
    assert broken.json()["code"] == "invalid_request"
    assert office.http.get("/registry/v1/agencies", params={"level": "district"}, headers=clerk).json()["items"] == []
    one = office.http.get(f"/registry/v1/agencies/{new_id()}", headers=clerk)
    assert (one.status_code, one.json()["code"]) == (404, "not_found")


def test_a_person_gets_posts_and_authority_and_loses_them(office: Office) -> None:
    office.publish()
    ubnd = str(office.province.ubnd.id)
    post = {"agency_id": ubnd, "title": "Phó Chủ tịch", "roles": ["leader"], "valid_from": "2025-07-01"}
    body: dict[str, Any] = {"name": "Lý Văn A", "login": "a.lv", "email": "a.lv@langson.example", "posts": [post]}
    person = office.http.post("/registry/v1/people", json=body, headers=office.officer).json()
    post_id = person["posts"][0]["post_id"]
    grant = {
        "agency_id": ubnd,
        "person_id": person["person_id"],
        "post_id": post_id,
        "capacity": "KT.",
        "block": ["KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH"],
        "valid_from": "2025-07-01",
    }
    authority = office.http.post("/registry/v1/authorities", json=grant, headers=office.officer)
    assert authority.status_code == 201
    path = f"/registry/v1/authorities/{authority.json()['authority_id']}"
    shorter = office.http.put(
        path, json=grant | {"valid_until": "2027-01-01"}, headers=office.officer | {"If-Match": '"1"'}
    )
    assert shorter.json()["valid_until"] == "2027-01-01"
    assert office.http.get(path, headers=office.officer).headers["etag"] == '"2"'
    gone = office.http.post(f"{path}/withdraw", headers=office.officer)
    again = office.http.post(f"{path}/withdraw", headers=office.officer)
    assert gone.json() == again.json()
    stated = office.stated("registry.authority")
    assert [each.withdrawn for each in stated if isinstance(each, AuthorityStated)] == [False, False, True]

    body |= {"active": False, "posts": [post | {"post_id": post_id}]}
    path = f"/registry/v1/people/{person['person_id']}"
    left = office.http.put(path, json=body, headers=office.officer | {"If-Match": '"1"'})
    assert not left.json()["active"]
    people = [each for each in office.stated("registry.person") if isinstance(each, PersonStated)]
    assert [(each.active, each.posts[0].roles) for each in people] == [(True, ("leader",)), (False, ("leader",))]
    acts = [each.act for each in office.stated("registry.act") if isinstance(each, RegistryAct)]
    assert acts == ["enter_person", "grant_authority", "change_authority", "withdraw_authority", "change_person"]
    listed = office.http.get(
        "/registry/v1/authorities", params={"person_id": person["person_id"]}, headers=office.officer
    )
    assert len(listed.json()["items"]) == 1
    listed = office.http.get("/registry/v1/people", params={"q": "ly van"}, headers=office.officer)
    assert [each["login"] for each in listed.json()["items"]] == ["a.lv"]


def test_a_refused_entry_leaves_nothing_behind(office: Office) -> None:
    office.publish()
    body = {"name": "Lý Văn A", "login": "tham.nt", "email": "a@langson.example", "posts": []}
    taken = office.http.post("/registry/v1/people", json=body, headers=office.officer)
    assert (taken.status_code, taken.json()["code"]) == (409, "login_taken")
    unknown = office.http.post("/registry/v1/people", json=body | {"role": "vua"}, headers=office.officer)
    assert (unknown.status_code, unknown.json()["code"]) == (422, "invalid_request")
    nowhere = body | {
        "login": "a.lv",
        "posts": [{"agency_id": str(new_id()), "title": "A", "valid_from": "2025-01-01"}],
    }
    missing = office.http.post("/registry/v1/people", json=nowhere, headers=office.officer)
    assert missing.status_code == 404
    assert office.stated("registry.person") == office.stated("registry.act") == []


# --- certificates


def issued(pki: Running, common_name: str = "Bế Thị Hồng Nguyệt") -> dict[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    made = pki.issue(key.public_key(), common_name=common_name, profile="person")
    return {"pem": text(made.pem), "chain_pem": text(made.chain_pem)}


def enter(office: Office, body: dict[str, str]) -> Any:
    return office.http.post("/registry/v1/certificates", json=body, headers=office.officer)


def test_a_certificate_is_entered_once_for_the_one_it_names(office: Office, pki: Running) -> None:
    office.publish()
    leader, clerk = str(office.province.leader.id), str(office.province.clerk.id)
    certificate = issued(pki)
    wrong = enter(office, certificate | {"person_id": clerk})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "certificate_of_another")
    nobody = enter(office, certificate)
    both = enter(office, certificate | {"person_id": leader, "agency_id": str(office.province.ubnd.id)})
    assert nobody.json()["code"] == both.json()["code"] == "certificate_holder_needed"
    entered = enter(office, certificate | {"person_id": leader})
    assert (entered.status_code, entered.json()["status"]) == (201, "active")
    [stated] = office.stated("registry.certificate")
    assert isinstance(stated, CertificateStated)
    assert (stated.pem, str(stated.person_id)) == (certificate["pem"], leader)
    assert stated.chain_pem.count("BEGIN CERTIFICATE") == 2
    twice = enter(office, certificate | {"person_id": leader})
    assert (twice.status_code, twice.json()["code"]) == (409, "certificate_duplicate")
    stranger = Ca()
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    untrusted = enter(office, {"pem": pem(stranger.sign(key)), "chain_pem": "", "person_id": leader})
    assert untrusted.json()["code"] == "certificate_untrusted"
    assert len(office.stated("registry.certificate")) == 1


def test_one_key_has_one_owner(office: Office, pki: Running) -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    for holder, code in (("leader", None), ("clerk", "certificate_key_of_another")):
        person = getattr(office.province, holder)
        made = pki.issue(key, common_name=person.name, profile="person")
        answer = enter(office, {"pem": text(made.pem), "chain_pem": text(made.chain_pem), "person_id": str(person.id)})
        assert answer.json().get("code") == code


def test_an_older_spelling_without_diacritics_is_the_same_name(office: Office, pki: Running) -> None:
    leader = str(office.province.leader.id)
    assert enter(office, issued(pki, "BE THI HONG NGUYET") | {"person_id": leader}).status_code == 201


def test_who_has_left_gets_no_certificate(office: Office, pki: Running) -> None:
    leader = office.province.leader
    path = f"/registry/v1/people/{leader.id}"
    body = office.http.get(path, headers=office.officer).json()
    body = {k: v for k, v in body.items() if k not in {"person_id", "version"}} | {"active": False}
    assert office.http.put(path, json=body, headers=office.officer | {"If-Match": '"1"'}).status_code == 200
    refused = enter(office, issued(pki) | {"person_id": str(leader.id)})
    assert refused.json()["code"] == "certificate_holder_ended"


def test_a_revocation_is_stated_at_once_and_final(office: Office, pki: Running) -> None:
    certificate = enter(office, issued(pki) | {"person_id": str(office.province.leader.id)}).json()
    path = f"/registry/v1/certificates/{certificate['certificate_id']}"

    def act(what: str, reason: str | None = None) -> Any:
        body = {"reason": reason} if reason else None
        return office.http.post(f"{path}/{what}", json=body, headers=office.officer)

    office.publish()
    assert act("suspend", "nghỉ ốm").json()["status"] == "suspended"
    assert act("resume").json()["status"] == "active"
    assert act("revoke", "because").json()["code"] == "revocation_reason_unknown"
    assert act("revoke", "keyCompromise").json()["status"] == "revoked"
    assert act("revoke", "keyCompromise").json()["version"] == 4
    late = act("resume")
    assert (late.status_code, late.json()["code"]) == (409, "certificate_revoked")
    states = [each for each in office.stated("registry.certificate") if isinstance(each, CertificateStated)]
    assert [(each.status, each.reason) for each in states] == [
        ("suspended", "nghỉ ốm"),
        ("active", None),
        ("revoked", "keyCompromise"),
    ]
    with province_wide(office.pool) as tx:  # entered by hand: no CA of ours is told
        assert tx.execute("SELECT count(*) AS n FROM job").fetchone() == {"n": 0}
    listed = office.http.get("/registry/v1/certificates", params={"status": "revoked"}, headers=office.officer)
    assert [each["certificate_id"] for each in listed.json()["items"]] == [certificate["certificate_id"]]
    assert office.http.get(path, headers=office.officer).headers["etag"] == '"4"'


# --- portal's keys


def test_a_key_that_portal_states_opens_the_door_and_its_redelivery_changes_nothing(office: Office) -> None:
    portal = Issuer()
    object.__setattr__(portal, "key", portal.key.generate_key("Ed25519", {"kid": "k2"}, private=True, auto_kid=False))
    stated = portal.stated()
    who = Principal(kind="person", name="A", roles=frozenset({"clerk"}), person_id=office.province.clerk.id)
    headers = {"Authorization": f"Bearer {portal.token(who, 'registry')}"}
    assert office.http.get("/registry/v1/agencies", headers=headers).status_code == 401
    envelope = Envelope(id=new_id(), source=SOURCE, seq=1, time=now(), data=stated, topic="portal.key")
    record = Record("portal.key", 0, 0, stated.kid.encode(), encode(envelope), None)
    follower = consumer.follower()
    for outcome in ("handled", "duplicate"):
        with province_wide(office.pool) as tx:
            assert follower.take(tx, record) == outcome
    with province_wide(office.pool) as tx:
        rows = tx.execute("SELECT kid FROM token_key ORDER BY kid").fetchall()
    assert [row["kid"] for row in rows] == ["k2", "test"]


# --- heartbeats


def beat(office: Office) -> list[str]:
    with province_wide(office.pool) as tx:
        return pulse.beat(tx, SOURCE)


def test_each_topic_beats_and_never_piles_up(office: Office) -> None:
    topics = [topic.name for topic in pulse.TOPICS]
    office.publish()
    assert beat(office) == [*topics, "registry.trust"]
    assert beat(office) == []  # the relay stands still: a stale copy must show as one
    for topic in topics:
        [stated] = office.stated(topic)
        assert isinstance(stated, Heartbeat)
        assert (stated.of, stated.key) == (topic, "heartbeat")
        assert abs((now() - stated.as_of).total_seconds()) < 30
    [of_trust] = office.stated("registry.trust")
    assert isinstance(of_trust, TrustConfirmed)
    assert abs((now() - of_trust.as_of).total_seconds()) < 30
    office.publish()
    assert beat(office) == [*topics, "registry.trust"]


def test_a_heartbeat_reaches_no_further_than_the_oldest_state_that_still_waits(office: Office) -> None:
    with province_wide(office.pool) as tx:
        tx.execute("DELETE FROM outbox WHERE topic <> 'registry.person'")
        tx.execute("UPDATE outbox SET created_at = now() - interval '5 minutes'")
    assert len(beat(office)) == 5
    by_topic = {topic.name: office.stated(topic.name)[-1] for topic in pulse.TOPICS}
    ages = {
        name: (now() - each.as_of).total_seconds() for name, each in by_topic.items() if isinstance(each, Heartbeat)
    }
    assert ages.pop("registry.person") > 290
    assert max(ages.values()) < 30


def test_two_workers_beat_once(office: Office) -> None:
    office.publish()
    with province_wide(office.pool) as first:
        assert len(pulse.beat(first, SOURCE)) == 5
        assert beat(office) == []


# --- new followers


def test_a_follower_that_starts_from_nothing_ends_with_the_right_picture(office: Office, pki: Running) -> None:
    """Compaction keeps the last state of a key: that alone must be the whole truth."""
    leader = office.province.leader
    certificate = enter(office, issued(pki) | {"person_id": str(leader.id)}).json()
    revoke = f"/registry/v1/certificates/{certificate['certificate_id']}/revoke"
    office.http.post(revoke, json={"reason": "superseded"}, headers=office.officer)
    path = f"/registry/v1/agencies/{office.province.commune.id}"
    read = office.http.get(path, headers=office.officer).json()
    body = {k: v for k, v in read.items() if k not in {"agency_id", "version"}} | {"email": "moi@namo.example"}
    office.http.put(path, json=body, headers=office.officer | {"If-Match": '"1"'})
    last = {
        topic.name: {each.key: each for each in office.stated(topic.name) if not isinstance(each, Heartbeat)}
        for topic in pulse.TOPICS
    }
    commune = last["registry.agency"][str(office.province.commune.id)]
    assert isinstance(commune, AgencyStated)
    assert commune.email == "moi@namo.example"
    assert len(last["registry.agency"]) == 2
    assert len(last["registry.person"]) == 4
    [kept] = last["registry.certificate"].values()
    assert isinstance(kept, CertificateStated)
    assert (kept.status, kept.reason) == ("revoked", "superseded")


@pytest.mark.parametrize("path", ["/registry/v1/agencies", "/registry/v1/people"])
def test_the_service_says_what_it_offers(office: Office, path: str) -> None:
    spec = office.http.get("/registry/v1/openapi.json").json()
    assert spec["openapi"].startswith("3.1")
    assert {"get", "post"} <= set(spec["paths"][path])
