"""What an operator types: the demo province goes in as a whole, certificates come out, wrong files change nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.demo import province
from deploy.devpki.server import Running
from services.registry import commands
from services.registry.__main__ import RegistrySettings, authorities
from services.registry.commands import Bench
from shared import db
from shared.events import decode
from shared.events.registry import CertificateStated
from tests.registry.conftest import SOURCE, province_wide, text
from tests.registry.keys import DAY, now, request

ROOT = Path(__file__).parents[2]
ROWS = sum(len(rows) for rows in province.directory().values())


@dataclass(frozen=True, slots=True)
class Terminal:
    """Runs a command as `python -m services.registry` does, and gives what it prints."""

    bench: Bench
    capture: pytest.CaptureFixture[str]
    folder: Path

    def run(self, command: str, *arguments: str) -> Any:
        commands.COMMANDS[command](self.bench, list(arguments))
        return json.loads(self.capture.readouterr().out)

    def refused(self, command: str, *arguments: str) -> str:
        """What is said on stderr with exit code 2."""
        with pytest.raises(SystemExit) as ended:
            commands.run(commands.COMMANDS[command], lambda: self.bench, list(arguments))
        assert ended.value.code == 2
        return str(self.capture.readouterr().err)

    def write(self, name: str, content: object) -> str:
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return str(path)

    def count(self, table: str) -> int:
        with province_wide(self.bench.pool) as tx:
            row = tx.execute(f"SELECT count(*) AS n FROM {table}").fetchone()  # noqa: S608  a table's name
        assert row is not None
        return int(row["n"])


@pytest.fixture
def terminal(pool: db.Pool, settings: RegistrySettings, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Terminal:
    return Terminal(Bench(pool, SOURCE, authorities(settings)), capsys, tmp_path)


@pytest.fixture
def loaded(terminal: Terminal, pki: Running) -> Terminal:
    terminal.run("import", terminal.write("province.json", province.directory()))
    terminal.run("trust", terminal.write("root.pem", text(pki.root_pem)))
    return terminal


def test_the_demo_province_has_the_real_shape() -> None:
    directory = province.directory()
    levels = Counter(agency["level"] for agency in directory["agencies"])
    assert levels == {"province": 20, "district": 11, "commune": 200, "outside": 1}
    assert len({agency["name"] for agency in directory["agencies"]}) == 232
    clerks = {post["agency"] for p in directory["people"] for post in p["posts"] if "clerk" in post["roles"]}
    assert len(clerks) == 231
    assert province.directory() == directory
    samples = ROOT.parent / "shared" / "data" / "samples" / "samples.json"
    if samples.exists():
        blocks = {(a["person"], tuple(a["block"])) for a in directory["authorities"]}
        names = {p["login"]: p["name"] for p in directory["people"]}
        known = {(names[login], block) for login, block in blocks}
        documents = json.loads(samples.read_text(encoding="utf-8"))["documents"]
        signers = [d["fields"]["signer"] for d in documents if d.get("fields", {}).get("signer")]
        assert {(s["name"], tuple(s["block"])) for s in signers} <= known


def test_a_province_goes_in_quickly_and_a_second_time_changes_nothing(terminal: Terminal) -> None:
    file = terminal.write("province.json", province.directory())
    began = time.process_time()
    counts = terminal.run("import", file)
    assert counts == {"new": ROWS, "changed": 0, "same": 0}
    assert time.process_time() - began < 3
    stated = terminal.count("outbox")
    assert stated == 2 * ROWS  # each state with its act
    assert terminal.run("import", file) == {"new": 0, "changed": 0, "same": ROWS}
    assert terminal.count("outbox") == stated


def test_an_import_changes_what_the_file_says_otherwise_and_drops_nothing(loaded: Terminal) -> None:
    [person] = [p for p in province.directory()["people"] if p["login"] == "duan.lk"]
    moved = person | {
        "posts": [{"agency": "H37.02", "title": "Giám đốc", "roles": ["leader"], "valid_from": "2026-09-01"}]
    }
    before = loaded.count("post")
    assert loaded.run("import", loaded.write("one.json", {"people": [moved]}))["changed"] == 1
    assert loaded.count("post") == before + 1


def test_one_wrong_row_keeps_the_whole_file_out_and_every_wrong_row_is_named(
    terminal: Terminal, settings: RegistrySettings
) -> None:
    directory = province.directory()
    directory["agencies"][5]["identifier"] = "H37.A_5"
    directory["people"][3]["login"] = "Không hợp lệ"
    directory["people"].append(directory["people"][0])
    said = terminal.refused("import", terminal.write("bad.json", directory))
    for where in ("/agencies/5: ", "/people/3: ", "/people/248: ", "import_refused: "):
        assert where in said
    assert "không đúng dạng" in said
    with psycopg.connect(settings.database.get_secret_value()) as connection:  # the command has closed its pool
        assert connection.execute("SELECT count(*) FROM agency").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM outbox").fetchone() == (0,)


@pytest.mark.parametrize("content", ["", "[]", "không phải JSON", '{"agencies": [{"identifier": "H37"}]}', '{"x": 1}'])
def test_a_file_that_is_no_import_is_refused(terminal: Terminal, content: str) -> None:
    said = terminal.refused("import", terminal.write("bad.json", content))
    assert "import_unreadable" in said


def test_certify_waits_for_the_certificate_and_gives_the_same_one_again(loaded: Terminal) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    csr = loaded.write("request.csr", request(key))
    made = loaded.run("certify", "--csr", csr, "--person", "nguyet.bth")
    assert made["status"] == "active"
    assert x509.load_pem_x509_certificate(made["pem"].encode()).public_key() == key.public_key()
    assert loaded.run("certify", "--csr", csr, "--person", "nguyet.bth") == made
    seal = loaded.run("certify", "--csr", loaded.write("seal.csr", request()), "--agency", "H37.08")
    assert "Sở Khoa học và Công nghệ" in x509.load_pem_x509_certificate(seal["pem"].encode()).subject.rfc4514_string()


def test_certify_takes_a_batch_with_dates_of_the_past(loaded: Terminal) -> None:
    past = {"not_before": (now() - 30 * DAY).isoformat(), "not_after": (now() - DAY).isoformat()}
    rows = [{"csr": request(), "person": "quyen.vtl"} | past, {"csr": request(), "agency": "H37"}]
    made = loaded.run("certify", "--batch", loaded.write("batch.json", rows))
    assert [each["status"] for each in made] == ["expired", "active"]


def test_revoke_is_stated(loaded: Terminal) -> None:
    csr = loaded.write("request.csr", request())
    made = loaded.run("certify", "--csr", csr, "--person", "tinh.hv")
    done = loaded.run("revoke", made["certificate_id"], "--reason", "keyCompromise")
    assert (done["status"], done["reason"]) == ("revoked", "keyCompromise")
    with province_wide(loaded.bench.pool) as tx:
        rows = tx.execute("SELECT payload FROM outbox WHERE topic = 'registry.certificate' ORDER BY pos").fetchall()
    states = [decode(bytes(row["payload"]), topic="registry.certificate").data for row in rows]
    assert [s.status for s in states if isinstance(s, CertificateStated)] == ["active", "revoked"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--person", "khong.co"), "import_unknown_name"),
        (("--agency", "H37.99"), "import_unknown_name"),
        (("--agency", "G22.99"), "certificate_holder_ended"),
        ((), "certificate_holder_needed"),
    ],
)
def test_certify_says_whose_it_can_not_be(loaded: Terminal, arguments: tuple[str, ...], code: str) -> None:
    assert code in loaded.refused("certify", "--csr", loaded.write("r.csr", request()), *arguments)


def test_trust_wants_the_fingerprint_that_was_published(terminal: Terminal, pki: Running) -> None:
    file = terminal.write("root.pem", text(pki.root_pem))
    assert "anchor_fingerprint_differs" in terminal.refused("trust", file, "--fingerprint", "00")


def test_the_program_itself_migrates_and_imports(
    settings: RegistrySettings, registry_database: Any, tmp_path: Path
) -> None:
    environment = os.environ | {
        "VANTHU_SERVICE": "registry",
        "VANTHU_DATABASE": settings.database.get_secret_value(),
        "VANTHU_DATABASE_OWNER": registry_database.owner,
        "VANTHU_KAFKA": "127.0.0.1:1",
        "VANTHU_KAFKA_USER": "registry",
        "VANTHU_KAFKA_PASSWORD": "none",
        "VANTHU_BLOBS": "memory:///",
        "VANTHU_PORT": "0",
        "VANTHU_WORKER_PORT": "0",
        "VANTHU_PORTAL_URL": settings.portal_url,
        "VANTHU_DEVPKI_URL": settings.devpki_url,
    }
    file = tmp_path / "province.json"
    file.write_text(json.dumps(province.directory()), encoding="utf-8")
    for arguments, says in (
        (["migrate"], ""),
        (["import", str(file)], f'"new": {ROWS}'),
        (["import", "không.json"], ""),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "services.registry", *arguments],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert says in done.stdout, done.stderr
        assert done.returncode == (2 if "không.json" in arguments else 0), done.stderr
    assert "import_unreadable" in done.stderr


@pytest.mark.parametrize(
    ("modules", "never"),
    [
        ("consumer, issuance, pulse", "fastapi"),
        ("api, api_certificates, consumer", "confluent_kafka"),
        ("agency, person, authority, certificate, trust, period, names", "psycopg"),
    ],
)
def test_each_role_imports_what_it_needs_only(modules: str, never: str) -> None:
    code = f"import sys; from services.registry import {modules}; sys.exit({never!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, timeout=180).returncode == 0
