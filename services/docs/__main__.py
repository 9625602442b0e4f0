"""Composition root of docs: `python -m services.docs migrate|api|worker`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from services.docs.consumer import make_follower
from services.docs.intake.account import Mailbox
from shared import process
from shared.db import Pool
from shared.inbox import Follower
from shared.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI

    from services.docs.intake.desk import Desk


class DocsSettings(Settings):
    """What docs is told beside what every service is: its partners, a comma list (one inbound topic each is
    followed), and the agency, by identifier, whose key seals the ledger's tree heads.
    """

    partners: str = "motcua"
    ledger_sealer: str = "H37"
    processes: int = Field(default=1, ge=1)  # for reading and drawing files, in the worker
    # Intake: the virus scanner (tcp://host:port or unix:///path), other people's programs where they are not on PATH.
    clamd: str = ""
    soffice: str = ""
    tesseract: str = ""
    scan_folder: str = ""  # with a sub folder for each agency, named by its identifier
    scan_seconds: float = Field(default=5.0, gt=0)  # between two looks into it
    mailboxes: tuple[Mailbox, ...] = ()  # as JSON: [{"host": …, "user": …, "password": …, "agency": …}]
    mail_seconds: float = Field(default=30.0, gt=0)

    @property
    def partner_names(self) -> tuple[str, ...]:
        return tuple(name.strip() for name in self.partners.split(",") if name.strip())


def follower(settings: DocsSettings) -> Follower:
    return make_follower(settings.source, settings.partner_names)


def intake_desk(settings: DocsSettings, pool: Pool) -> Desk:
    from services.docs import pdf
    from services.docs.intake import programs
    from services.docs.intake.desk import Desk
    from shared.blobs import Blobs
    from shared.workshop import Workshop

    return Desk(
        pool=pool,
        blobs=Blobs(settings.blobs, "docs"),
        store=settings.blobs,
        workshop=Workshop(size=1, memory=pdf.MEMORY),
        programs=programs.find(clamd=settings.clamd, soffice=settings.soffice, tesseract=settings.tesseract),
        source=settings.source,
    )


def api(settings: DocsSettings, pool: Pool) -> FastAPI:
    from services.docs.access import Office
    from services.docs.api import make_app
    from shared.blobs import Blobs

    office = Office(settings.source, Blobs(settings.blobs, "docs"), settings.registry_stale_after)
    app = make_app(pool, office, follower(settings))
    app.state.ledger_sealer = settings.ledger_sealer
    app.state.intake = intake_desk(settings, pool)
    return app


def worker(settings: DocsSettings, pool: Pool) -> process.Worker:
    from services.docs import pdf
    from services.docs.circulation import unfit
    from services.docs.erasure.work import Sweeper
    from services.docs.figures import work as figures
    from services.docs.finding import work as finding_work
    from services.docs.finding.reading import Reader
    from services.docs.handling import work as handling
    from services.docs.intake import work as intake_work
    from services.docs.ledger import work
    from services.docs.ledger.consumer import Sequencer
    from services.docs.registers import work as registers
    from services.docs.review import work as review
    from services.docs.review.absences import Absences
    from services.docs.workfile import erasing
    from services.docs.workfile import work as workfile
    from shared.blobs import Blobs
    from shared.workshop import Workshop

    workshop = Workshop(size=settings.processes, timeout=120.0, memory=pdf.MEMORY)
    reader = Reader(pool, Blobs(settings.blobs, "docs"), workshop)
    desk = intake_desk(settings, pool)
    press = registers.Press(pool, Blobs(settings.blobs, "docs"), Workshop(size=1, timeout=600))
    return process.Worker(
        follower=follower(settings),
        also=(Sequencer(), Absences()),
        loops={
            "ledger heads": work.heads(pool, settings.ledger_sealer, settings.source),
            "review": review.loop(pool, settings.source),
            "figures": figures.loop(pool),
            "task deadlines": handling.loop(pool, settings.source),
            "work files due": workfile.loop(pool, settings.source),
            "number returns": registers.returns(pool, settings.source),
            **_intake_loops(settings, desk),
        },
        jobs={
            **finding_work.kinds(reader),
            registers.PRINT: press.kind,
            **intake_work.kinds(desk),
            **unfit.kinds(settings.source),
            **workfile.Packer(pool, Blobs(settings.blobs, "docs")).kinds,
            **Sweeper(desk.pool, desk.blobs, desk.store, settings.source, settings.partner_names).kinds,
            **erasing.Eraser(pool, Blobs(settings.blobs, "docs"), settings.source).kinds,
        },
    )


def _intake_loops(settings: DocsSettings, desk: Desk) -> dict[str, process.Loop]:
    """Of what the operator has set up: a folder, mailboxes."""
    from services.docs.intake import folder, mailbox

    loops: dict[str, process.Loop] = {}
    if settings.scan_folder:
        loops["scan folder"] = folder.loop(desk, Path(settings.scan_folder), settings.scan_seconds)
    if settings.mailboxes:
        loops["mailboxes"] = mailbox.loop(desk, settings.mailboxes, settings.mail_seconds)
    return loops


SERVICE = process.Service(name="docs", settings=DocsSettings, api=api, worker=worker)

if __name__ == "__main__":
    process.main(SERVICE)
