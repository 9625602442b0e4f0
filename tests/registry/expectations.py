"""The rights matrix, as a table: every endpoint of registry × who gets through, for an object of their own side or not.

To add an endpoint: add one line to TABLE under its (method, path). `may` names relations to the side whose object the
path or the body names (for a list without one: who gets an answer at all; that it holds nothing of the other side is
checked by itself). An endpoint that writes needs a `body` that names that side's objects and that the right caller may
send; the same body is sent by everybody. A new path parameter needs a real object on each side: `Side.objects` in
districts.py. test_rights.py fails for an endpoint without a line, a line without an endpoint, an unknown parameter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from itertools import count
from typing import Any

from services.registry.issuance import today
from tests.registry import keys
from tests.registry.districts import Districts, Side

# Relations of a caller to the side whose object is asked for.
HOLDER = "leader there"
CLERK = "clerk there"
DISTRICT = "officer of its district"
PROVINCE = "officer of the province"
OTHER_LEADER, OTHER_CLERK, OTHER_OFFICER = "leader elsewhere", "clerk elsewhere", "officer of another district"
OPERATOR, BARE = "operator", "post without roles whose token claims more"

OFFICERS = frozenset({DISTRICT, PROVINCE})
OVERSEERS = OFFICERS | {CLERK}
OVERSEERS_AND_HOLDER = OVERSEERS | {HOLDER}
ANY_OVERSEER = OVERSEERS | {OTHER_CLERK, OTHER_OFFICER}
ANY_OFFICER = OFFICERS | {OTHER_OFFICER}
WATCHERS = frozenset({PROVINCE, OPERATOR})  # whether signing would go on
EVERYBODY = ANY_OVERSEER | {HOLDER, OTHER_LEADER, OPERATOR, BARE}

Body = Callable[[Districts, Side], dict[str, Any]]
_numbers = count(1)


def relation(caller: str, side: str) -> str:
    """What a caller of `Districts.callers` is to side A or B."""
    home = {"leader of A": "A", "clerk of A": "A", "officer of X": "A"}
    home |= {"leader of B": "B", "clerk of B": "B", "officer of Y": "B"}
    if caller not in home:
        return caller
    there, elsewhere = {
        "leader": (HOLDER, OTHER_LEADER),
        "clerk": (CLERK, OTHER_CLERK),
        "officer": (DISTRICT, OTHER_OFFICER),
    }[caller.split(" ", maxsplit=1)[0]]
    return there if home[caller] == side else elsewhere


@dataclass(frozen=True, slots=True)
class Line:
    """`may` get through: the answer is a success or a refusal of the office's rules, neither 401, 403 nor 404."""

    may: frozenset[str]
    body: Body | None = None


def _agency(_all: Districts, side: Side) -> dict[str, Any]:
    return {
        "identifier": f"{side.district.facts.identifier}.{next(_numbers)}00",
        "name": "UBND xã mới",
        "parent_id": str(side.district.id),
        "level": "commune",
        "valid_from": "2025-07-01",
    }


def _changed_agency(_all: Districts, side: Side) -> dict[str, Any]:
    facts = side.commune.facts
    return {
        "identifier": facts.identifier,
        "name": f"{facts.name} {next(_numbers)}",
        "parent_id": str(facts.parent_id),
        "level": facts.level,
        "valid_from": facts.period.start.isoformat(),
    }


def _turn(_all: Districts, _side: Side) -> dict[str, Any]:
    return {"day": today().isoformat(), "decision": "1/NQ", "name": f"UBND phường mới {next(_numbers)}"}


def _unit(_all: Districts, side: Side) -> dict[str, Any]:
    unit = {"agency_id": str(side.commune.id), "code": f"P{next(_numbers)}", "name": "Phòng mới"}
    return unit | {"valid_from": "2025-07-01"}


def _changed_unit(_all: Districts, side: Side) -> dict[str, Any]:
    return _unit(_all, side) | {"code": "VP", "name": f"Văn phòng {next(_numbers)}"}


def _succession(_all: Districts, side: Side) -> dict[str, Any]:
    """Without a successor, which its officer is told is no merger: the commune lives on for the next question."""
    commune = {"predecessor_ids": [str(side.commune.id)], "successor_ids": []}
    return commune | {"kind": "merger", "day": today().isoformat(), "decision": "1/NQ"}


def _moves(_all: Districts, side: Side) -> dict[str, Any]:
    return {"successor_id": str(side.commune.id)}


def _person(_all: Districts, side: Side) -> dict[str, Any]:
    post = {"agency_id": str(side.commune.id), "title": "Văn thư", "roles": ["clerk"], "valid_from": "2025-07-01"}
    login = f"moi{next(_numbers)}"
    return {"name": "Người mới", "login": login, "email": f"{login}@langson.example", "posts": [post]}


def _changed_person(_all: Districts, side: Side) -> dict[str, Any]:
    facts = side.leader.facts
    post = facts.posts[0]
    said = {"post_id": str(post.id), "agency_id": str(post.agency_id), "title": post.title, "roles": list(post.roles)}
    return {
        "name": facts.name,
        "login": facts.login,
        "email": f"moi{next(_numbers)}@langson.example",
        "posts": [said | {"valid_from": post.period.start.isoformat()}],
    }


def _authority(_all: Districts, side: Side) -> dict[str, Any]:
    return {
        "agency_id": str(side.commune.id),
        "person_id": str(side.deputy.id),
        "post_id": str(side.deputy.facts.posts[0].id),
        "capacity": "KT.",
        "block": ["TM. ỦY BAN NHÂN DÂN", "KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH"],
        "valid_from": today().isoformat(),
    }


def _changed_authority(_all: Districts, side: Side) -> dict[str, Any]:
    post = side.leader.facts.posts[0]
    return _authority(_all, side) | {
        "person_id": str(side.leader.id),
        "post_id": str(post.id),
        "capacity": "TM.",
        "block": ["TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH"],
        "document_types": ["QĐ", f"T{next(_numbers)}"],
    }


def _delegation(_all: Districts, side: Side) -> dict[str, Any]:
    return {
        "person_id": str(side.deputy.id),
        "post_id": str(side.deputy.facts.posts[0].id),
        "form": "KT.",
        "valid_from": today().isoformat(),
        "valid_until": today().isoformat(),
        "reason": "đi công tác",
        "basis": "12/QĐ-UBND",
        "basis_on": today().isoformat(),
    }


def _absence(_all: Districts, side: Side) -> dict[str, Any]:
    """Each a day of its own."""
    day = date.fromordinal(today().toordinal() + 100 + next(_numbers)).isoformat()
    return {"person_id": str(side.leader.id), "valid_from": day, "valid_until": day, "reason": "nghỉ phép"}


def _return(_all: Districts, _side: Side) -> dict[str, Any]:
    return {"last_day": today().isoformat()}


def _certificate(_all: Districts, side: Side) -> dict[str, Any]:
    """Unreadable, for a holder there: who may enter certificates is told so."""
    return {"pem": "không phải chứng thư", "person_id": str(side.leader.id)}


def _request(_all: Districts, side: Side) -> dict[str, Any]:
    return {"csr_pem": keys.request(), "kind": "person", "person_id": str(side.leader.id)}


def _reason(_all: Districts, _side: Side) -> dict[str, Any]:
    return {"reason": "superseded"}


def _anchor(_all: Districts, _side: Side) -> dict[str, Any]:
    return {"pem": "không phải chứng thư", "fingerprint": "00"}


def _terms(_all: Districts, _side: Side) -> dict[str, Any]:
    return {"purposes": ["sign_documents"]}


def _devices(_all: Districts, side: Side) -> dict[str, Any]:
    return {
        "type": "pki_token",
        "model": "GCA-01",
        "serials": [f"MOI{next(_numbers):05d}"],
        "agency_id": str(side.commune.id),
    }


def _hand_out(_all: Districts, side: Side) -> dict[str, Any]:
    return {"agency_id": str(side.commune.id), "person_id": str(side.leader.id)}


def _procedure(_all: Districts, side: Side) -> dict[str, Any]:
    return {"kind": "issue_person", "person_id": str(side.leader.id)}


def _receipt(_all: Districts, _side: Side) -> dict[str, Any]:
    return {"kind": "signed", "signature": "AAAA"}


TABLE: dict[tuple[str, str], Line] = {
    # directory
    ("get", "/agencies"): Line(EVERYBODY),
    ("get", "/agencies/{agency_id}"): Line(EVERYBODY),
    ("post", "/agencies"): Line(OFFICERS, _agency),
    ("put", "/agencies/{agency_id}"): Line(OFFICERS, _changed_agency),
    ("get", "/people"): Line(ANY_OVERSEER),
    ("get", "/people/{person_id}"): Line(OVERSEERS_AND_HOLDER),
    ("post", "/people"): Line(OFFICERS, _person),
    ("put", "/people/{person_id}"): Line(OFFICERS, _changed_person),
    # agencies through time, units, import and export
    ("get", "/agency-names"): Line(EVERYBODY),
    ("post", "/agencies/{agency_id}/changes"): Line(OFFICERS, _turn),
    ("get", "/units"): Line(EVERYBODY),
    ("get", "/units/{unit_id}"): Line(OVERSEERS_AND_HOLDER),
    ("post", "/units"): Line(OFFICERS, _unit),
    ("put", "/units/{unit_id}"): Line(OFFICERS, _changed_unit),
    ("get", "/successions"): Line(EVERYBODY),
    ("post", "/successions"): Line(OFFICERS, _succession),
    ("get", "/successions/{succession_id}/left"): Line(OFFICERS),
    ("post", "/successions/{succession_id}/moves"): Line(OFFICERS, _moves),
    ("post", "/imports"): Line(ANY_OFFICER),
    ("get", "/imports"): Line(ANY_OFFICER),
    ("get", "/imports/{import_id}"): Line(OFFICERS),
    ("get", "/imports/{import_id}/rows"): Line(OFFICERS),
    ("get", "/imports/{import_id}/errors"): Line(OFFICERS),
    ("post", "/imports/{import_id}/commit"): Line(OFFICERS),
    ("get", "/exports/directory.csv"): Line(ANY_OFFICER),
    ("get", "/exports/directory.xlsx"): Line(ANY_OFFICER),
    ("get", "/import-template.csv"): Line(ANY_OFFICER),
    ("get", "/import-template.xlsx"): Line(ANY_OFFICER),
    # signing authority
    ("get", "/authorities"): Line(EVERYBODY),
    ("get", "/authorities/mine"): Line(EVERYBODY),
    ("get", "/agencies/{agency_id}/signers"): Line(OVERSEERS_AND_HOLDER),
    ("get", "/authorities/{authority_id}"): Line(OVERSEERS_AND_HOLDER),
    ("get", "/authorities/{authority_id}/delegations"): Line(OVERSEERS_AND_HOLDER),
    ("post", "/authorities"): Line(OFFICERS, _authority),
    ("post", "/authorities/{authority_id}/delegations"): Line(OVERSEERS_AND_HOLDER, _delegation),
    ("put", "/authorities/{authority_id}"): Line(OFFICERS, _changed_authority),
    ("post", "/authorities/{authority_id}/withdraw"): Line(OFFICERS),
    ("get", "/absences"): Line(EVERYBODY),
    ("post", "/absences"): Line(OVERSEERS_AND_HOLDER, _absence),
    ("post", "/absences/{absence_id}/return"): Line(OVERSEERS_AND_HOLDER, _return),
    # certificates and requests for them
    ("get", "/certificates"): Line(EVERYBODY),
    ("get", "/certificates/{certificate_id}"): Line(OVERSEERS_AND_HOLDER),
    ("post", "/certificates"): Line(OFFICERS, _certificate),
    ("post", "/certificates/{certificate_id}/suspend"): Line(OFFICERS, _reason),
    ("post", "/certificates/{certificate_id}/resume"): Line(OFFICERS),
    ("post", "/certificates/{certificate_id}/revoke"): Line(OFFICERS, _reason),
    ("post", "/certificate-requests"): Line(OFFICERS, _request),
    ("get", "/certificate-requests"): Line(EVERYBODY),
    ("get", "/certificate-requests/{request_id}"): Line(OVERSEERS_AND_HOLDER),
    # orders to a CA that is asked by hand, whom to believe, what CAs said of certificates: the province's alone
    ("get", "/ca-orders"): Line(frozenset({PROVINCE})),
    ("post", "/ca-orders/{order_id}/refuse"): Line(frozenset({PROVINCE}), _reason),
    ("post", "/ca-batches"): Line(frozenset({PROVINCE})),
    ("get", "/ca-batches"): Line(frozenset({PROVINCE})),
    ("get", "/ca-batches/{batch_id}"): Line(frozenset({PROVINCE})),
    ("get", "/ca-batches/{batch_id}/file"): Line(frozenset({PROVINCE})),
    ("post", "/ca-answers/preview"): Line(frozenset({PROVINCE})),
    ("post", "/ca-answers"): Line(frozenset({PROVINCE})),
    ("get", "/trust-anchors"): Line(WATCHERS),
    ("get", "/trust-anchors/{fingerprint}"): Line(WATCHERS),
    ("post", "/trust-anchors"): Line(frozenset({PROVINCE}), _anchor),
    ("put", "/trust-anchors/{fingerprint}"): Line(frozenset({PROVINCE}), _terms),
    ("post", "/trust-anchors/{fingerprint}/withdraw"): Line(frozenset({PROVINCE}), _reason),
    ("post", "/trust-anchors/{fingerprint}/restore"): Line(frozenset({PROVINCE})),
    ("get", "/revocation-sources"): Line(WATCHERS),
    ("get", "/revocation-data"): Line(WATCHERS),
    ("post", "/certificates/challenge"): Line(ANY_OFFICER),
    ("post", "/certificates/{certificate_id}/hand-over"): Line(OFFICERS),
    ("get", "/certificates/{certificate_id}/receipt-text"): Line(OVERSEERS_AND_HOLDER),
    ("post", "/certificates/{certificate_id}/receipt"): Line(frozenset({HOLDER, CLERK}), _receipt),
    ("get", "/certificates/{certificate_id}/receipts"): Line(OVERSEERS_AND_HOLDER),
    ("get", "/certificates/{certificate_id}/stages"): Line(OVERSEERS_AND_HOLDER),
    # devices
    ("get", "/devices"): Line(EVERYBODY),
    ("get", "/devices/{device_id}"): Line(OVERSEERS_AND_HOLDER),
    ("post", "/devices"): Line(OFFICERS, _devices),
    ("post", "/devices/{device_id}/hand-out"): Line(OFFICERS, _hand_out),
    # procedures
    ("get", "/procedure-kinds"): Line(EVERYBODY),
    ("get", "/procedures"): Line(EVERYBODY),
    ("get", "/procedures/{procedure_id}"): Line(OVERSEERS_AND_HOLDER),
    ("post", "/procedures"): Line(OVERSEERS, _procedure),
    ("post", "/procedures/{procedure_id}/approve"): Line(OFFICERS),
    ("post", "/procedures/{procedure_id}/forward"): Line(OFFICERS),
    ("post", "/procedures/{procedure_id}/answer"): Line(OFFICERS),
    ("post", "/procedures/{procedure_id}/close"): Line(OFFICERS),
    ("post", "/procedures/{procedure_id}/refuse"): Line(OFFICERS, _reason),
    ("post", "/procedures/{procedure_id}/withdraw"): Line(OVERSEERS, _reason),
    ("get", "/procedures/{procedure_id}/form.pdf"): Line(OVERSEERS_AND_HOLDER),
    ("get", "/procedure-forms"): Line(ANY_OVERSEER),
    # figures: numbers of the agencies that the reader oversees
    ("get", "/figures"): Line(ANY_OVERSEER),
    ("get", "/figures.csv"): Line(ANY_OVERSEER),
    ("get", "/figures.xlsx"): Line(ANY_OVERSEER),
    ("get", "/figures/issued"): Line(ANY_OVERSEER),
    ("get", "/figures/issued.csv"): Line(ANY_OVERSEER),
    ("get", "/figures/issued.xlsx"): Line(ANY_OVERSEER),
    ("get", "/figures/expiring"): Line(ANY_OVERSEER),
    ("get", "/figures/expiring.csv"): Line(ANY_OVERSEER),
    ("get", "/figures/expiring.xlsx"): Line(ANY_OVERSEER),
    # every service's doors for operators
    ("get", "/parked"): Line(frozenset({OPERATOR})),
    ("post", "/parked/{topic}/{key}/replay"): Line(frozenset({OPERATOR})),
    ("get", "/backlog"): Line(frozenset({OPERATOR})),
}
