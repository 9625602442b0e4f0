"""Our clock is wrong: a clear refusal or a signature that EU DSS, whose clock is right, accepts; never one that is rejected later."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.devpki.server import Running
from services.signing import pdf
from tests.interop import paper, shifted
from tests.interop.judge import judge

TEN_MINUTES = 600


@pytest.mark.parametrize(
    ("shift", "by"),
    [(TEN_MINUTES, "-10"), (-TEN_MINUTES, "+10"), pytest.param(24 * 3600, "-1440", marks=pytest.mark.full)],
)
def test_ten_minutes_are_too_much_and_both_clocks_are_named(pki: Running, tmp_path: Path, shift: int, by: str) -> None:
    said = shifted.run(tmp_path, pki, "whole", shift)
    assert said["code"] == "clock_differs", said
    assert by in said["vi"]
    assert by in said["en"]
    assert not (tmp_path / "made.pdf").exists()


@pytest.mark.full
def test_what_is_signed_with_a_clock_that_is_off_is_valid_for_everybody(pki: Running, tmp_path: Path) -> None:
    """Within the tolerance to the archive; without anybody to ask at B, where the stamp that is owed tells the time."""
    made = {}
    for name, flow, shift in (("ahead", "whole", 45), ("behind", "whole", -45), ("hurried", "hurried", TEN_MINUTES)):
        folder = tmp_path / name
        folder.mkdir()
        assert shifted.run(folder, pki, flow, shift)["code"] == "made"
        made[name] = (folder / "made.pdf").read_bytes()
    trust, stamps = paper.trust(pki), pdf.TimeStampService((pki.tsa_url,), trust=paper.trust(pki))
    made["paid"] = pdf.extend(made["hurried"], level=pdf.Level.LTA, trust=trust, time_stamps=stamps)
    (tmp_path / "trust.pem").write_bytes(pki.root_pem)
    for name, content in made.items():
        (tmp_path / f"{name}.pdf").write_bytes(content)
    verdicts = judge([tmp_path / f"{name}.pdf" for name in made], tmp_path / "trust.pem")
    levels = {name: {one.level for one in verdicts[f"{name}.pdf"].signatures} for name in made}
    assert all(verdict.accepted for verdict in verdicts.values()), verdicts
    assert levels["ahead"] == levels["behind"] == {"PAdES-BASELINE-LTA"}
    for content in made.values():
        assert pdf.validate(content, trust).indication == "TOTAL_PASSED"
