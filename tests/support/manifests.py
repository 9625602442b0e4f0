"""The Kubernetes manifests as kubectl renders them, checked without a cluster: `python -m tests.support.manifests`.

Schemas of Kubernetes' own kinds come with the kubernetes-validate package, those of Strimzi, CloudNativePG and the
Gateway API stand in tests/contracts/crd. Rules in CEL and admission are left to a real API server.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from kubernetes_validate import utils
from referencing import Registry, Resource

Object = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]
K8S = ROOT / "deploy" / "k8s"
CRDS = ROOT / "tests" / "contracts" / "crd"
FOLDERS = ("base", "overlays/province")
KUBERNETES = "1.37"
NO_KUBECTL = (
    "kubectl is missing: `make setup` brings it on Linux; elsewhere install it (brew install kubectl) and run again"
)


def kubectl() -> str:
    """The one of the virtual environment, else the system's."""
    beside = Path(sys.executable).with_name("kubectl")
    found = str(beside) if beside.exists() else shutil.which("kubectl")
    if not found:
        raise SystemExit(NO_KUBECTL)
    return found


@dataclass(frozen=True, slots=True)
class Rendered:
    """All objects of one folder, as they would be applied."""

    folder: str
    objects: tuple[Object, ...]

    def all(self, kind: str) -> list[Object]:
        return [each for each in self.objects if each["kind"] == kind]

    def one(self, kind: str, name: str) -> Object:
        found = [each for each in self.all(kind) if each["metadata"]["name"] == name]
        assert len(found) == 1, f"{len(found)} objects {kind}/{name}"
        return found[0]

    def pods(self) -> list[tuple[str, Object]]:
        """Name and pod template of all our workloads."""
        workloads = [*self.all("Deployment"), *self.all("Job")]
        return [(f"{w['kind']}/{w['metadata']['name']}", w["spec"]["template"]) for w in workloads]

    def containers(self) -> list[tuple[str, Object]]:
        return [
            (f"{name}/{container['name']}", container)
            for name, pod in self.pods()
            for container in (*pod["spec"]["containers"], *pod["spec"].get("initContainers", ()))
        ]


@cache
def _render(folder: str) -> str:
    # An empty HOME: no plugin and no setting of whoever runs this has a say.
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    done = subprocess.run(
        [kubectl(), "kustomize", str(K8S / folder)], capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode:
        raise AssertionError(f"{folder} does not render: {done.stderr.strip()}")
    return str(done.stdout)


def render(folder: str) -> Rendered:
    """A fresh copy each time: tests break it on purpose."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return Rendered(folder, tuple(yaml.load_all(_render(folder), Loader=loader)))


# --- schemas


@cache
def _definitions() -> Registry[Any]:
    folder = f"kubernetes-json-schema/v{_version()}-local-strict"
    resource = Resource.from_contents(utils.schema_contents(f"{folder}/_definitions.json", KUBERNETES))
    registry: Registry[Any] = resource @ Registry()
    return registry


def _version() -> str:
    return str(next(each for each in utils.all_versions() if utils.major_minor(each) == KUBERNETES))


@cache
def _validator(api_version: str, kind: str) -> Draft202012Validator | None:
    group, _, version = api_version.rpartition("/")
    vendored = CRDS / f"{group}_{version}_{kind}.json"
    if vendored.exists():
        return Draft202012Validator(json.loads(vendored.read_text(encoding="utf-8")))
    name = f"{kind.lower()}-{group.partition('.')[0]}-{version}" if group else f"{kind.lower()}-{version}"
    try:
        schema = utils.schema_contents(f"kubernetes-json-schema/v{_version()}-local-strict/{name}.json", KUBERNETES)
    except FileNotFoundError:
        return None
    return Draft202012Validator(schema, registry=Resource.from_contents(schema) @ _definitions())


def schema_problems(rendered: Rendered) -> list[str]:
    """Objects that the API server would not take, unknown fields included."""
    problems = []
    for each in rendered.objects:
        validator = _validator(each["apiVersion"], each["kind"])
        if validator is None:
            problems.append(f"{name_of(each)}: no schema of {each['apiVersion']}")
            continue
        problems += [
            f"{name_of(each)}: {'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
            for error in validator.iter_errors(each)
        ]
    return problems


def name_of(each: Object) -> str:
    return f"{each['kind']}/{each['metadata']['name']}"


# --- checks


Check = Callable[[Rendered], list[str]]
"""A rule: what it finds wrong, one line each."""


@dataclass(slots=True)
class Report:
    """What was checked, line by line."""

    failed: int = 0
    lines: list[str] = field(default_factory=list)

    def add(self, what: str, problems: list[str]) -> None:
        self.failed += bool(problems)
        self.lines.append(f"{'FAILED' if problems else 'ok':<6} {what}")
        self.lines += [f"         {problem}" for problem in problems]


def run(checks: Mapping[str, Check], folders: tuple[str, ...] = FOLDERS) -> Report:
    """Render every folder and hold every check against it."""
    report = Report()
    for folder in folders:
        rendered = render(folder)
        report.add(f"{folder}: rendered, {len(rendered.objects)} objects", [])
        for name, check in checks.items():
            report.add(f"{folder}: {name}", check(rendered))
    return report


def main() -> None:
    from tests.contracts.manifest_rules import CHECKS, REPOSITORY_CHECKS

    report = run(CHECKS)
    for name, look in REPOSITORY_CHECKS.items():
        report.add(name, look())
    print("\n".join(report.lines))  # noqa: T201
    print(f"manifests: {len(CHECKS)} rules on {len(FOLDERS)} folders, {report.failed} failed")  # noqa: T201
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
