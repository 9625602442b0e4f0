"""The registry's word on who may sign, as one transaction sees it: asked once for each signer, however many documents wait."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.signing import authority, copies
from services.signing.authority import Certificate, Standing
from services.signing.desk import Desk, require_fresh_copy
from services.signing.domain import Document, Signer
from services.signing.refusals import BASE_CHANGED
from shared.db import Tx
from shared.errors import Rejected


@dataclass(frozen=True, slots=True)
class _Said:
    """`stale`: why nothing of it may be decided on."""

    standing: Standing
    stale: Rejected | None


@dataclass(frozen=True, slots=True)
class Word:
    """`at` is the moment for which it is asked. Documents that are decided on are locked before."""

    tx: Tx
    desk: Desk
    at: datetime
    _said: dict[tuple[UUID, UUID, UUID], _Said] = field(default_factory=dict)

    def problems(self, document: Document, signer: Signer) -> list[Rejected]:
        """Everything against this signer signing this document now, said before the PIN."""
        said = self._of(signer)
        found = [said.stale] if said.stale else []
        found += self._against(document, signer, said.standing)
        if unusable := authority.no_usable(said.standing.certificates, self.at):
            found.append(unusable)
        return found

    def check(self, document: Document, signer: Signer, certificate: bytes | UUID) -> Certificate:
        """The registered certificate that is this DER or has this id; Rejected when the signer may not use it for this
        document now.
        """
        said = self._of(signer)
        registered = said.standing.certificates
        if isinstance(certificate, UUID):
            certificate = next((one.der for one in registered if one.id == certificate), b"")
        against = [said.stale] if said.stale else list(self._against(document, signer, said.standing))
        problem = (
            against[0]
            if against
            else authority.certificate_problem(registered, certificate, person_id=signer.person_id, now=self.at)
        )
        found = authority.find(registered, certificate)
        if problem or found is None:
            raise problem or Rejected(BASE_CHANGED)
        return found

    def _against(self, document: Document, signer: Signer, standing: Standing) -> tuple[Rejected, ...]:
        return authority.problems(
            signer,
            standing,
            agency_id=signer.acts_for(document.agency_id),
            type_code=document.descriptor.type_code,
            now=self.at,
        )

    def _of(self, signer: Signer) -> _Said:
        key = signer.person_id, signer.post_id, signer.authority_id
        if key not in self._said:
            standing = copies.standing(self.tx, signer)
            about = (signer.person_id, signer.authority_id, *(c.id for c in standing.certificates))
            stale: Rejected | None = None
            try:
                require_fresh_copy(self.tx, self.at, self.desk.stale_after, about=about)
            except Rejected as error:
                stale = error
            self._said[key] = _Said(standing, stale)
        return self._said[key]
