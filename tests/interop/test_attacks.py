"""Known attacks on documents that we issued: our judge objects where EU DSS's policy would not, and our validation says TOTAL_FAILED."""

from __future__ import annotations

import pytest

from deploy.devpki.server import Running
from services.signing import pdf
from tests.interop import attacks, paper
from tests.interop.judge import FileVerdict, judge

SHADOWS = {"hide": attacks.hide, "hide and replace": attacks.hide_and_replace}
WHOLE_BOUND = 480.0  # seconds: each page is drawn for each signature of each file
NAMES = (*attacks.ATTACKS, *SHADOWS)


@pytest.fixture(scope="module")
def made(pki: Running) -> dict[str, bytes]:
    issued = paper.issue(paper.sample("01"), pki)
    attacked = {name: attack(issued) for name, attack in attacks.ATTACKS.items()}
    good = {"good": issued}
    for name, prepare in SHADOWS.items():
        good[f"good {name}"], attacked[name] = prepare(pki)
    return good | attacked


@pytest.fixture(scope="module")
def verdicts(made: dict[str, bytes], pki: Running, tmp_path_factory: pytest.TempPathFactory) -> dict[str, FileVerdict]:
    folder = tmp_path_factory.mktemp("attacks")
    (folder / "trust.pem").write_bytes(pki.root_pem)
    for name, content in made.items():
        (folder / f"{name}.pdf").write_bytes(content)
    found = judge([folder / f"{name}.pdf" for name in made], folder / "trust.pem", bound=WHOLE_BOUND)
    return {name.removesuffix(".pdf"): verdict for name, verdict in found.items()}


@pytest.mark.parametrize("name", NAMES)
def test_the_judge_objects(verdicts: dict[str, FileVerdict], name: str) -> None:
    assert not verdicts[name].accepted, verdicts[name]


@pytest.mark.parametrize("name", NAMES)
def test_our_validation_gives_it_no_green_light(made: dict[str, bytes], pki: Running, name: str) -> None:
    report = pdf.validate(made[name], paper.trust(pki))
    # A signature of which nothing is left to check is no proof of a change either, and never a green light.
    wanted = "INDETERMINATE" if name == "empty contents" else "TOTAL_FAILED"
    assert report.indication == wanted, report


def test_what_was_not_attacked_stays_good(
    made: dict[str, bytes], verdicts: dict[str, FileVerdict], pki: Running
) -> None:
    for name, content in made.items():
        if name.startswith("good"):
            assert verdicts[name].accepted, verdicts[name]
            assert pdf.validate(content, paper.trust(pki)).indication == "TOTAL_PASSED"
