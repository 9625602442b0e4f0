"""The scan folder: half-written files are left, whole ones are taken once, whoever dies when; a sentence says how it ended."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.docs.intake import folder, store
from services.docs.intake.folder import PATIENCE, Watch
from shared import db
from shared.events.registry import Heartbeat
from tests.docs import papers
from tests.docs.bringing import Intake
from tests.docs.conftest import SAMPLES, Docs

LETTER = (SAMPLES / "01-cong-van.pdf").read_bytes()


@dataclass(slots=True)
class Scanner:
    """The folder of agency A and a worker that looks into it; a look is a second after the one before."""

    intake: Intake
    root: Path
    home: Path
    watch: Watch
    now: float = 0.0

    def look(self, times: int = 1) -> None:
        for _ in range(times):
            self.now += 1
            self.watch.poll(self.now)

    def settle(self) -> None:
        """Long enough for whatever is whole to go all the way."""
        self.look(3)
        self.intake.work()
        self.look()

    def names(self, where: str) -> list[str]:
        return sorted(each.name for each in (self.home / where).iterdir()) if (self.home / where).exists() else []

    def states(self) -> list[str]:
        return [each["state"] for each in self.intake.items(self.intake.docs.a.clerk)]


@pytest.fixture
def scanner(docs: Docs, intake: Intake, tmp_path: Path) -> Scanner:
    root = tmp_path / "scans"
    home = root / docs.a.identifier
    home.mkdir(parents=True)
    return Scanner(intake, root, home, Watch(intake.desk, root))


def test_a_whole_scan_is_taken_and_put_away_with_a_sentence(docs: Docs, intake: Intake, scanner: Scanner) -> None:
    (scanner.home / "công văn 12.pdf").write_bytes(LETTER)
    scanner.look()
    assert scanner.states() == []  # seen for the first time: it may still grow
    scanner.settle()
    assert scanner.names("done") == ["công văn 12.pdf", "công văn 12.pdf.txt"]
    item = intake.items(docs.a.clerk)[0]
    assert (item["state"], item["channel"], item["filename"]) == ("ready", "folder", "công văn 12.pdf")
    assert item["id"] in (scanner.home / "done" / "công văn 12.pdf.txt").read_text(encoding="utf-8")
    assert (scanner.home / "done" / "công văn 12.pdf").read_bytes() == LETTER
    scanner.settle()
    assert len(scanner.states()) == 1


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.pdf", LETTER),
        ("a.jpg", papers.scan(kind="JPEG")),
        ("a.tif", papers.scan(kind="TIFF", pages=2)),
        ("a.docx", papers.docx()),
    ],
)
def test_a_half_written_file_is_left_until_it_is_whole(scanner: Scanner, name: str, data: bytes) -> None:
    path = scanner.home / name
    for part in (0, 1, 900, len(data) // 2, len(data) - 700):
        path.write_bytes(data[:part])
        scanner.look(3)  # it stands still meanwhile, as on a slow scanner
        assert scanner.states() == []
        assert path.exists()
        assert scanner.names("processing") == []
    path.write_bytes(data)
    scanner.look(3)
    assert len(scanner.states()) == 1
    assert not path.exists()


def test_what_never_becomes_whole_is_put_aside_with_what_to_do(scanner: Scanner) -> None:
    (scanner.home / "cut.pdf").write_bytes(LETTER[: len(LETTER) // 2])
    scanner.look(2)
    scanner.now += PATIENCE
    scanner.look()
    assert scanner.names("failed") == ["cut.pdf", "cut.pdf.txt"]
    said = (scanner.home / "failed" / "cut.pdf.txt").read_text(encoding="utf-8")
    assert "quét lại" in said
    assert said.endswith("scan it again.\nMã / code: scan_never_whole\n")
    assert (scanner.home / "failed" / "cut.pdf").read_bytes() == LETTER[: len(LETTER) // 2]  # nothing is lost


def test_what_is_no_document_and_what_fails_a_step_end_in_failed(scanner: Scanner) -> None:
    (scanner.home / "setup.exe").write_bytes(b"MZ" * 100)
    (scanner.home / "bom.docx").write_bytes(papers.bomb())
    (scanner.home / "khoa.pdf").write_bytes((SAMPLES / "r1-mat-khau-mo.pdf").read_bytes())
    (scanner.home / "scan.tmp").write_bytes(b"x")
    (scanner.home / ".hidden").write_bytes(b"x")
    (scanner.home / "link.pdf").symlink_to("/etc/hostname")
    scanner.settle()
    names = ["bom.docx", "khoa.pdf", "setup.exe"]
    assert scanner.names("failed") == sorted([*names, *(f"{name}.txt" for name in names)])
    assert (scanner.home / "scan.tmp").exists()
    assert (scanner.home / "link.pdf").is_symlink()


def test_a_secret_scan_is_erased_from_the_folder_too(scanner: Scanner) -> None:
    (scanner.home / "[MẬT] phuong an.pdf").write_bytes(LETTER)
    scanner.settle()
    assert scanner.states() == ["refused"]
    left = [each for each in scanner.root.rglob("*") if each.is_file()]
    assert [each.suffix for each in left] == [".txt"]
    assert "phuong an" not in left[0].name + left[0].read_text(encoding="utf-8")


def test_pictures_in_a_folder_are_one_document(docs: Docs, intake: Intake, scanner: Scanner) -> None:
    batch = scanner.home / "to trinh 5"
    batch.mkdir()
    for n in range(3):
        (batch / f"trang-{n}.jpg").write_bytes(papers.scan(f"Trang {n}", kind="JPEG"))
    scanner.settle()
    item = intake.items(docs.a.clerk)[0]
    assert (item["state"], item["filename"], item["page_count"]) == ("ready", "to trinh 5.pdf", 3)
    assert scanner.names("done") == ["to trinh 5", "to trinh 5.txt"]


def test_a_name_that_was_there_before_takes_nothing_elses_place(scanner: Scanner) -> None:
    for _ in range(2):
        (scanner.home / "scan.pdf").write_bytes(LETTER)
        scanner.settle()
    assert len([each for each in scanner.names("done") if each.endswith(".pdf")]) == 2
    assert scanner.states() == ["ready", "ready"]


def test_a_folder_of_nobody_says_so_and_is_taken_from_once_it_is_somebodys(docs: Docs, scanner: Scanner) -> None:
    lost = scanner.root / "X99"
    lost.mkdir()
    (lost / "a.pdf").write_bytes(LETTER)
    with db.transaction(docs.pool) as tx:
        tx.execute("DELETE FROM registry_copy WHERE topic = 'registry.agency'")
    scanner.look(2)
    assert [each.name for each in lost.iterdir()] == ["a.pdf"]  # nobody is known yet: it may be somebody's
    docs.hear(Heartbeat(of="registry.agency", as_of=datetime.now(UTC)))
    scanner.look(4)
    assert {each.name for each in lost.iterdir()} == {"a.pdf", f"{folder.NOTE}.txt"}
    said = (lost / f"{folder.NOTE}.txt").read_text(encoding="utf-8")
    assert "X99" in said
    assert said.endswith("Mã / code: scan_folder_unknown\n")
    (lost / "a.pdf").rename(scanner.home / "a.pdf")
    (lost / f"{folder.NOTE}.txt").rename(scanner.home / f"{folder.NOTE}.txt")  # as if the folder were renamed
    scanner.settle()
    assert scanner.names("done") == ["a.pdf", "a.pdf.txt"]
    assert not (scanner.home / f"{folder.NOTE}.txt").exists()


def test_a_worker_that_dies_anywhere_loses_no_scan_and_takes_none_twice(
    scanner: Scanner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the rename, after the bytes are stored, after the commit, and before the file is put away."""
    (scanner.home / "a.pdf").write_bytes(LETTER)

    class Killed(BaseException):
        pass

    def die(*_: object, **__: object) -> None:
        raise Killed

    for module, name in ((folder.Watch, "_begin"), (store, "take_once"), (folder, "_put_away")):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, die)
            with pytest.raises(Killed):
                scanner.settle()
        scanner.watch = Watch(scanner.intake.desk, scanner.root)  # another worker begins
        assert len(scanner.names("processing")) == 1
        if name == "take_once":
            scanner.look()
    scanner.settle()
    assert scanner.states() == ["ready"]
    assert scanner.names("done") == ["a.pdf", "a.pdf.txt"]


def test_several_workers_take_each_scan_once(scanner: Scanner) -> None:
    for n in range(12):
        (scanner.home / f"{n}.pdf").write_bytes(LETTER)
    errors: list[BaseException] = []

    def run() -> None:
        watch = Watch(scanner.intake.desk, scanner.root)
        try:
            for n in range(4):
                watch.poll(float(n))
        except BaseException as error:  # noqa: BLE001  told below
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    scanner.settle()
    assert scanner.states() == ["ready"] * 12
    assert len(scanner.names("done")) == 24
