"""Whose people, certificates, devices and procedures somebody may see and change: a set of agencies. Pure.

The database holds the same line by row-level security (migration 0002): what is not in scope is not found.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.registry.agency import Agency
from services.registry.person import Post
from services.registry.refusals import OUT_OF_SCOPE
from shared.errors import Rejected


@dataclass(frozen=True, slots=True)
class Scope:
    """`patterns`: an identifier (that agency), an identifier and ".*" (all beneath it), or "*" (the province)."""

    patterns: tuple[str, ...] = ()

    def covers(self, identifier: str) -> bool:
        return any(
            pattern in ("*", identifier) or (pattern.endswith(".*") and identifier.startswith(pattern[:-1]))
            for pattern in self.patterns
        )

    def require(self, agency: Agency) -> Agency:
        """The agency; raises Rejected(out_of_scope)."""
        if not self.covers(agency.facts.identifier):
            raise Rejected(OUT_OF_SCOPE, agency=agency.name)
        return agency

    def __str__(self) -> str:
        return " ".join(self.patterns)


NOWHERE = Scope()
EVERYWHERE = Scope(("*",))


def of_post(post: Post, agency: Agency) -> Scope:
    """What the holder of a post oversees.

    An officer of a provincial agency the whole province, one of a district the district with all beneath it,
    a clerk their own agency, anybody else nothing but what is theirs as a person. What lies beneath an identifier that
    the district had before is beneath it still, until it gets its own new one.
    """
    identifier = agency.facts.identifier
    if "officer" in post.roles and agency.facts.level == "province":
        return EVERYWHERE
    if "officer" in post.roles and agency.facts.level == "district":
        return Scope(tuple(pattern for each in agency.identifiers for pattern in (each, f"{each}.*")))
    if "clerk" in post.roles:
        return Scope((identifier,))
    return NOWHERE
