"""Every page that has an address of its own, opened by everybody: whoever may not see it is told so, and nothing breaks."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import replace

import pytest
from fastapi.routing import APIRoute

from services.portal import pages
from shared.events.registry import Role
from shared.ids import new_id
from tests.portal.test_circulation_pages import Offices, offices

__all__ = ["offices"]
ENDLESS = {"/events"}


def addresses() -> Iterator[str]:
    for each in pkgutil.iter_modules(pages.__path__):
        router = getattr(importlib.import_module(f"{pages.__name__}.{each.name}"), "router", None)
        for route in router.routes if router else ():
            if isinstance(route, APIRoute) and "GET" in (route.methods or ()) and "{" not in route.path:
                yield route.path


@pytest.mark.parametrize("role", ["clerk", "leader", "officer", "operator"])
def test_no_page_breaks_for_anybody(offices: Offices, role: Role) -> None:
    """Also while registry, signing and notify are away."""
    docs = offices.docs
    person = replace(docs.a.clerk, person_id=new_id(), post_id=new_id(), roles=(role,))
    docs.hear(person.stated())
    browser = offices.sit_down(person)
    said = {each: browser.open(each).status_code for each in sorted(set(addresses()) - ENDLESS)}
    assert [each for each, status in said.items() if status == 500] == []
    assert len(said) > 50
