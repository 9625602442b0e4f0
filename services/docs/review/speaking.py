"""A form's values as people read them: names for ids, words for codes. For comparisons, Vietnamese."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.docs import store_registry
from services.docs.access import Acting
from services.docs.catalogue import DOCUMENT_TYPES, URGENCIES
from services.docs.review import store
from services.docs.review.workflow import STANDARD, standard

ORDERS = {"any": "Ai ký trước cũng được", "fixed": "Lần lượt theo thứ tự"}


@dataclass(frozen=True, slots=True)
class Speaker:
    """Names of people, signers and workflows by their ids."""

    people: Mapping[str, str]
    signers: Mapping[str, str]
    workflows: Mapping[str, str]

    def say(self, field: str, value: Any) -> str:
        """One value of a form as one line; empty for nothing."""
        if value in (None, "", [], ()):
            return ""
        if field == "parts":
            return ", ".join(each["filename"] for each in value)
        many = value if isinstance(value, list | tuple) else [value]
        known = self._names(field)
        return ", ".join(known.get(str(each), str(each)) for each in many)

    def _names(self, field: str) -> Mapping[str, str]:
        return {
            "type_code": {code: kind.vi for code, kind in DOCUMENT_TYPES.items()},
            "urgency": {str(level): word for level, word in URGENCIES.items()},
            "signing_order": ORDERS,
            "workflow": self.workflows,
            "authority_id": self.signers,
            "further_authority_ids": self.signers,
            "reviewer_ids": self.people,
        }.get(field, {})


def speaker(acting: Acting) -> Speaker:
    """For the agency of who reads."""
    posts = store_registry.list_posts_ever(acting.tx, acting.agency_id)
    authorities = store_registry.list_authorities(acting.tx, acting.agency_id, acting.today())
    workflows = {each.code: each.body.name for each in store.list_workflows(acting.tx)}
    return Speaker(
        people={str(each.person_id): each.name for each in posts},
        signers={str(each.authority_id): f"{each.post.name}, {each.post.title}" for each in authorities},
        workflows={"auto": "Quy trình của loại văn bản", STANDARD: standard().name, **workflows},
    )
