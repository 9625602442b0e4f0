"""Whoever has full rights on the database changes the ledger; the verifier, with no service at hand, finds each deed.

Where nothing in the export can show it (`KEPT`), heads that others kept from the topic do.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from vanthu_verify.ledger.command import main

from deploy.devpki.server import Running, running
from services.docs.ledger import domain, merkle
from services.signing.craft_head import stamp
from shared.ids import new_id
from tests.docs import ledger_world as world
from tests.docs.ledger_world import Admin, Deed, Seal, World
from tests.support.postgres import Postgres


@pytest.fixture(scope="module")
def pki() -> Iterator[Running]:
    with running() as server:
        yield server


@pytest.fixture(scope="module")
def ledger(postgres: Postgres, pki: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    database = postgres.database("docs")
    with running() as own:
        made = World(database, pki, own, tmp_path_factory.mktemp("ledger"))
        yield made
        made.close()
    postgres.drop(database)


@pytest.fixture(autouse=True)
def _as_it_was(ledger: World) -> Iterator[None]:
    yield
    ledger.restore()


@dataclass(frozen=True)
class Case:
    """`found` are codes that the export alone gives away, `where` entries named by one of them; with `kept` what heads kept
    by others give away, with `older` what an older export does. `code` is the exit code of the export alone.
    """

    deed: Deed
    code: int = 1
    found: set[str] = field(default_factory=set)
    where: tuple[str, set[int]] | None = None
    kept: set[str] = field(default_factory=set)
    older: tuple[str, set[int]] | None = None


def change_payload(_: World, admin: Admin) -> None:
    world.put_event(admin, 8, world.changed(world.event_at(admin, 8), detail={"what": "không có gì"}))


def change_payload_and_leaf(one: World, admin: Admin) -> None:
    change_payload(one, admin)
    leaf = merkle.leaf_hash(world.event_at(admin, 8))
    admin.execute("UPDATE ledger_node SET hash = %s WHERE level = 0 AND index = 8", [leaf])


def change_and_rewrite(one: World, admin: Admin) -> None:
    change_payload(one, admin)
    world.recompute(admin)
    world.rewrite_heads(admin)


def change_and_forge(one: World, admin: Admin) -> None:
    """Also the entries that tell of heads, under a key of one's own that nobody certified."""
    change_payload(one, admin)
    world.forge_everything(admin, Seal(one.own))


def change_and_forge_with_the_real_key(one: World, admin: Admin) -> None:
    """Whoever has the seal too leaves a ledger that contradicts nothing in itself."""
    change_payload(one, admin)
    world.forge_everything(admin, one.seal)


def remove(_: World, admin: Admin) -> None:
    admin.execute("DELETE FROM ledger_entry WHERE pos = 8")


def remove_and_close_up(_: World, admin: Admin) -> None:
    admin.execute("DELETE FROM ledger_entry WHERE pos = 8")
    world.shift(admin, 8, -1)
    admin.execute("UPDATE ledger_tree SET size = size - 1")


def remove_and_rewrite(one: World, admin: Admin) -> None:
    remove_and_close_up(one, admin)
    world.recompute(admin)
    world.rewrite_heads(admin, resized=lambda size: size - 1 if size > 8 else size)


def cut_tail(_: World, admin: Admin) -> None:
    admin.execute("DELETE FROM ledger_entry WHERE pos >= 17")
    world.recompute(admin)


def cut_tail_with_its_heads(_: World, admin: Admin) -> None:
    admin.execute("DELETE FROM ledger_entry WHERE pos >= 17")
    admin.execute("DELETE FROM ledger_head WHERE size > 17")
    world.recompute(admin)


def swap(_: World, admin: Admin) -> None:
    one, other = world.event_at(admin, 7), world.event_at(admin, 9)
    world.put_event(admin, 7, other)
    world.put_event(admin, 9, one)


def swap_and_rewrite(one: World, admin: Admin) -> None:
    swap(one, admin)
    world.recompute(admin)
    world.rewrite_heads(admin)


def insert(one: World, admin: Admin) -> None:
    """An act that never was, stated as if by somebody else, with everything after it moved up."""
    world.shift(admin, 7, 1)
    record = one.record(one.act(new_id(), "chèn thêm"))
    admin.execute(
        "INSERT INTO ledger_entry SELECT 8, gen_random_uuid(), source, topic, 'x', 1, type, at, agency_id, person_id,"
        " subjects, %s, now() FROM ledger_entry WHERE pos = 7",
        [record.value],
    )
    admin.execute("UPDATE ledger_tree SET size = size + 1")


def insert_and_rewrite(one: World, admin: Admin) -> None:
    insert(one, admin)
    world.recompute(admin)
    world.rewrite_heads(admin, resized=lambda size: size + 1 if size > 8 else size)


def repeat(_: World, admin: Admin) -> None:
    world.put_event(admin, 9, world.event_at(admin, 7))
    world.recompute(admin)
    world.rewrite_heads(admin)


def forge_head_with_own_key(one: World, admin: Admin) -> None:
    _sign_newest(admin, Seal(one.own))


def forge_head_as_another_agency(one: World, admin: Admin) -> None:
    _sign_newest(admin, Seal(one.pki, name="UBND xã Nà Mỏ"))


def _sign_newest(admin: Admin, seal: Seal) -> None:
    head = world.newest_head(admin)
    tree = admin.execute("SELECT log_id FROM ledger_tree").fetchone()
    assert tree
    signature, at = seal.over(domain.head_text(tree["log_id"], head["size"], bytes(head["root"]), head["ordered_at"]))
    _put_signature(admin, signature)
    admin.execute("UPDATE ledger_head SET stamped_at = %s WHERE id = %s", [at, head["id"]])


def _put_signature(admin: Admin, signature: bytes | None) -> None:
    admin.execute("UPDATE ledger_head SET signature = %s WHERE id = %s", [signature, world.newest_head(admin)["id"]])


def change_head(_: World, admin: Admin) -> None:
    admin.execute("UPDATE ledger_head SET size = size - 1 WHERE id = %s", [world.newest_head(admin)["id"]])


def replace_stamp_by_anothers(_: World, admin: Admin) -> None:
    rows = admin.execute("SELECT signature FROM ledger_head ORDER BY size").fetchall()
    _put_signature(admin, world.with_stamp(bytes(rows[-1]["signature"]), world.stamp_of(bytes(rows[0]["signature"]))))


def replace_stamp_by_a_later_one(one: World, admin: Admin) -> None:
    bare = world.with_stamp(bytes(world.newest_head(admin)["signature"]), None)
    _put_signature(admin, stamp(bare, world.network_of(one.pki))[0])


def replace_stamp_by_own_authority(one: World, admin: Admin) -> None:
    bare = world.with_stamp(bytes(world.newest_head(admin)["signature"]), None)
    _put_signature(admin, stamp(bare, world.network_of(one.own))[0])


def remove_stamp(_: World, admin: Admin) -> None:
    _put_signature(admin, world.with_stamp(bytes(world.newest_head(admin)["signature"]), None))


def delete_head(_: World, admin: Admin) -> None:
    admin.execute("DELETE FROM ledger_head WHERE size = 13")


def delete_all_heads(_: World, admin: Admin) -> None:
    admin.execute("DELETE FROM ledger_head")


def unseal_head(_: World, admin: Admin) -> None:
    admin.execute("UPDATE ledger_head SET signature = NULL, stamped_at = NULL WHERE size = 13")


def back_date_entry(_: World, admin: Admin) -> None:
    event = world.event_at(admin, 8).replace(b'"time":"20', b'"time":"19', 1)
    world.put_event(admin, 8, event)
    world.recompute(admin)
    world.rewrite_heads(admin)


def back_date_head(one: World, admin: Admin) -> None:
    """With the real key, which its holder may do; the time stamp is of today all the same."""
    admin.execute("UPDATE ledger_head SET ordered_at = ordered_at - interval '3 days' WHERE size = 13")
    head = admin.execute("SELECT * FROM ledger_head WHERE size = 13").fetchone()
    tree = admin.execute("SELECT log_id FROM ledger_tree").fetchone()
    assert head
    assert tree
    signature, _ = one.seal.over(domain.head_text(tree["log_id"], 13, bytes(head["root"]), head["ordered_at"]))
    admin.execute("UPDATE ledger_head SET signature = %s WHERE size = 13", [signature])


def start_a_new_log(one: World, admin: Admin) -> None:
    """The same acts without one, in a log of its own with one head under the real seal."""
    admin.execute("DELETE FROM ledger_entry WHERE pos = 8 OR type LIKE '%%treehead%%'")
    admin.execute(
        "CREATE TEMP TABLE renumbered AS SELECT *, row_number() OVER (ORDER BY pos) - 1 AS place FROM ledger_entry"
    )
    admin.execute("UPDATE renumbered SET pos = place")
    admin.execute("ALTER TABLE renumbered DROP COLUMN place")
    admin.execute("TRUNCATE ledger_entry")
    admin.execute("INSERT INTO ledger_entry SELECT * FROM renumbered")
    admin.execute("UPDATE ledger_tree SET log_id = gen_random_uuid()")
    admin.execute("DELETE FROM ledger_head WHERE size < 20")
    world.recompute(admin)
    world.rewrite_heads(admin, one.seal, resized=lambda _: 17)


CASES = {
    "payload": Case(change_payload, found={"entry_changed"}, where=("entry_changed", {8})),
    "payload and its leaf": Case(
        change_payload_and_leaf,
        found={"entry_changed_among", "rewritten"},
        where=("entry_changed_among", {8, 9}),
        older=("entry_changed", {8}),
    ),
    "payload, tree and heads": Case(
        change_and_rewrite,
        found={"head_seal_broken", "rewritten", "head_deleted"},
        where=("rewritten", set(range(6, 13))),
        older=("entry_changed", {8}),
    ),
    "all that, under one's own key": Case(
        change_and_forge,
        found={"head_signer_untrusted", "head_stamp_untrusted"},
        kept={"kept_head_differs"},
        older=("entry_changed", {8}),
    ),
    "all that, under the real key": Case(
        change_and_forge_with_the_real_key,
        code=0,
        kept={"kept_head_differs", "head_deleted"},
        older=("entry_changed", {8}),
    ),
    "removed": Case(remove, found={"entry_removed"}, where=("entry_removed", {8})),
    "removed, closed up": Case(
        remove_and_close_up, found={"entry_removed", "sequence_gap"}, where=("entry_removed", {8})
    ),
    "removed, tree and heads": Case(
        remove_and_rewrite,
        found={"sequence_gap", "head_seal_broken", "rewritten"},
        where=("rewritten", set(range(6, 13))),
        older=("entry_removed", {8}),
    ),
    "tail": Case(cut_tail, found={"tail_removed"}, where=("tail_removed", {17, 18, 19})),
    "tail with its heads": Case(cut_tail_with_its_heads, code=0, kept={"tail_removed", "head_deleted"}),
    "swapped": Case(swap, found={"entries_reordered"}, where=("entries_reordered", {7, 9})),
    "swapped, tree and heads": Case(
        swap_and_rewrite,
        found={"head_seal_broken", "rewritten"},
        where=("rewritten", set(range(6, 13))),
        older=("entries_reordered", {7, 9}),
    ),
    "inserted": Case(insert, found={"entry_inserted"}, where=("entry_inserted", {8})),
    "inserted, tree and heads": Case(
        insert_and_rewrite,
        found={"head_seal_broken", "rewritten"},
        where=("rewritten", set(range(6, 13))),
        older=("entry_inserted", {8}),
    ),
    "repeated": Case(repeat, found={"entry_inserted", "rewritten"}, where=("entry_inserted", {9})),
    "head by one's own key": Case(forge_head_with_own_key, found={"head_signer_untrusted", "head_stamp_untrusted"}),
    "head by another agency": Case(forge_head_as_another_agency, found={"head_signer_changed", "head_replaced"}),
    "head's size": Case(change_head, found={"head_seal_broken", "head_deleted"}),
    "time stamp of another head": Case(replace_stamp_by_anothers, found={"head_stamp_broken", "head_replaced"}),
    "time stamp of later": Case(replace_stamp_by_a_later_one, found={"head_replaced"}),
    "time stamp by one's own authority": Case(
        replace_stamp_by_own_authority, found={"head_stamp_untrusted", "head_replaced"}
    ),
    "time stamp removed": Case(remove_stamp, found={"head_replaced"}),
    "head deleted": Case(delete_head, found={"head_deleted"}),
    "all heads deleted": Case(delete_all_heads, found={"head_deleted"}),
    "seal removed": Case(unseal_head, found={"head_deleted"}),
    "entry back-dated": Case(back_date_entry, found={"head_seal_broken", "rewritten"}, older=("entry_changed", {8})),
    "head back-dated": Case(back_date_head, found={"head_backdated", "heads_out_of_order", "head_deleted"}),
    "a new log": Case(start_a_new_log, found={"sequence_gap"}, kept={"other_log"}),
}
# What the export alone can't show: whoever has the database and the seal, or cuts the newest part off cleanly.
KEPT = {name for name, case in CASES.items() if case.code == 0}


def test_the_ledger_as_it_is_is_sound(ledger: World, capsys: pytest.CaptureFixture[str]) -> None:
    verdict = ledger.check(capsys, kept=True, older=True)
    assert verdict.code == 0, verdict.findings
    assert (verdict.summary["result"], verdict.codes) == ("sound", {"not_sealed_yet"})
    assert (verdict.summary["entries"], verdict.summary["heads"], verdict.summary["kept"]) == (23, 3, 6)
    assert verdict.summary["proven_size"] == 20
    without = ledger.check(capsys, trust=False)
    assert (without.code, without.codes) == (3, {"not_sealed_yet", "no_trust"}), "whose seals they are is not known"


@pytest.mark.parametrize("name", CASES)
def test_a_deed_is_found(ledger: World, capsys: pytest.CaptureFixture[str], name: str) -> None:
    case = CASES[name]
    with ledger.admin() as admin:
        case.deed(ledger, admin)
    alone = ledger.check(capsys)
    assert alone.code == case.code, alone.findings
    assert case.found <= alone.codes, alone.findings
    if case.where:
        code, positions = case.where
        assert alone.positions(code) == positions, alone.findings
    if case.code == 0:
        assert case.kept, "what the export can't show, kept heads have to"
    if case.kept:
        told = ledger.check(capsys, kept=True)
        assert told.code == 1
        assert case.kept <= told.codes, told.findings
    if case.older:
        code, positions = case.older
        told = ledger.check(capsys, older=True)
        assert told.positions(code) >= positions, told.findings
        assert len(told.positions(code)) <= len(positions) + 6, told.findings


def test_what_only_kept_heads_can_show_is_known() -> None:
    assert {"all that, under the real key", "tail with its heads"} == KEPT


def test_an_act_that_enters_days_late_is_pointed_at(ledger: World, capsys: pytest.CaptureFixture[str]) -> None:
    ledger.say(ledger.act(ledger.documents[0], "ghi lùi ngày"), at=world.now() - world.days(3))
    verdict = ledger.check(capsys)
    assert (verdict.code, verdict.positions("entry_late")) == (3, {23})


def test_the_verifier_runs_alone_and_says_it_in_both_languages(ledger: World, tmp_path: Path) -> None:
    with ledger.admin() as admin:
        change_payload(ledger, admin)
    folder = tmp_path / "export"
    folder.mkdir()
    lines = ledger.export().splitlines(keepends=True)
    (folder / "b.ndjson").write_bytes(b"".join(lines[:12]))
    (folder / "a.ndjson").write_bytes(b"".join(lines[12:]))
    root = str(ledger.folder / "root.pem")
    run = [sys.executable, "-X", "importtime", "-m", "vanthu_verify.ledger", str(folder), "--trust", root]
    done = subprocess.run(run, capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "SỔ CÁI ĐÃ BỊ CAN THIỆP." in done.stdout
    assert "Mục 8 đã bị sửa" in done.stdout
    assert "Entry 8 was changed" in done.stdout
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert not imported & {"services", "shared", "psycopg", "confluent_kafka", "pyhanko", "httpx", "fastapi"}


def test_what_is_no_export_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken, other = tmp_path / "broken.ndjson", tmp_path / "other.ndjson"
    broken.write_bytes(b'{"log_id": "x", "size": "many"}\n')
    other.write_text('{"something": 1}\n', encoding="utf-8")
    for path, code in ((broken, "line_broken"), (other, "line_unknown"), (tmp_path / "none", "nothing_there")):
        assert main([str(path)]) == 2
        assert code in capsys.readouterr().err
    assert main([str(other), "--trust", str(other)]) == 2
