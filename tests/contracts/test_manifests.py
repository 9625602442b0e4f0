"""The manifests keep every rule, and every rule finds the fault that it is for."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.local.layout import SERVICES
from tests.contracts.manifest_rules import CHECKS, REPOSITORY_CHECKS
from tests.support.manifests import CRDS, FOLDERS, ROOT, Object, Rendered, render, run

PROVINCE = "overlays/province"


@pytest.mark.parametrize("rule", CHECKS)
@pytest.mark.parametrize("folder", FOLDERS)
def test_the_manifests_keep_the_rule(folder: str, rule: str) -> None:
    assert CHECKS[rule](render(folder)) == []


@pytest.mark.parametrize("rule", REPOSITORY_CHECKS)
def test_the_files_keep_the_rule(rule: str) -> None:
    assert REPOSITORY_CHECKS[rule]() == []


def container(rendered: Rendered, deployment: str) -> Object:
    (found,) = rendered.one("Deployment", deployment)["spec"]["template"]["spec"]["containers"]
    return dict_of(found)


def dict_of(found: Any) -> Object:
    assert isinstance(found, dict)
    return found


def spec(rendered: Rendered, kind: str, name: str) -> Object:
    return dict_of(rendered.one(kind, name)["spec"])


def without(rendered: Rendered, kind: str, name: str) -> None:
    """Rename it: for a rule that looks for it, it is gone."""
    rendered.one(kind, name)["metadata"]["name"] = "away"


FAULTS: list[tuple[str, str, Callable[[Rendered], Any]]] = [
    ("schema", "every object fits its schema", lambda r: spec(r, "Deployment", "docs-api").update(replica=2)),
    (
        "removed API version",
        "every object fits its schema",
        lambda r: r.one("KafkaTopic", "docs.act").update(apiVersion="kafka.strimzi.io/v1beta2"),
    ),
    (
        "misspelt right",
        "every object fits its schema",
        lambda r: spec(r, "KafkaUser", "docs")["authorization"]["acls"][0].update(operations=["read"]),
    ),
    (
        "unknown field of a CRD",
        "every object fits its schema",
        lambda r: spec(r, "Cluster", "postgres")["postgresql"]["synchronous"].update(methods="any"),
    ),
    (
        "latest",
        "images have the project's version",
        lambda r: container(r, "docs-api").update(image="vanthu/docs:latest"),
    ),
    (
        "no memory limit",
        "everything is bounded in CPU and memory",
        lambda r: container(r, "docs-api")["resources"]["limits"].pop("memory"),
    ),
    (
        "unbounded brokers",
        "everything is bounded in CPU and memory",
        lambda r: spec(r, "KafkaNodePool", "broker").pop("resources"),
    ),
    (
        "root",
        "the restricted profile, no token of the cluster",
        lambda r: spec(r, "Deployment", "docs-api")["template"]["spec"]["securityContext"].update(runAsNonRoot=False),
    ),
    (
        "capability",
        "the restricted profile, no token of the cluster",
        lambda r: container(r, "docs-api")["securityContext"].update(capabilities={"add": ["NET_ADMIN"]}),
    ),
    (
        "host path",
        "the restricted profile, no token of the cluster",
        lambda r: spec(r, "Deployment", "docs-api")["template"]["spec"]["volumes"].append(
            {"name": "host", "hostPath": {"path": "/"}}
        ),
    ),
    ("no readiness", "probes", lambda r: container(r, "docs-api").pop("readinessProbe")),
    (
        "liveness asks the database",
        "probes",
        lambda r: container(r, "docs-api")["livenessProbe"]["httpGet"].update(path="/readyz"),
    ),
    ("no budget", "disruption budgets", lambda r: spec(r, "PodDisruptionBudget", "docs-api").update(selector={})),
    (
        "blocks every drain",
        "disruption budgets",
        lambda r: spec(r, "PodDisruptionBudget", "docs-api").update(maxUnavailable=0),
    ),
    (
        "not closed",
        "network closed but for what is needed",
        lambda r: spec(r, "NetworkPolicy", "default-deny").update(policyTypes=["Ingress"]),
    ),
    (
        "no policy",
        "network closed but for what is needed",
        lambda r: spec(r, "NetworkPolicy", "docs-api").update(podSelector={"matchLabels": {"x": "y"}}),
    ),
    (
        "API reaches Kafka",
        "network closed but for what is needed",
        lambda r: spec(r, "NetworkPolicy", "docs-api")["egress"].append({"ports": [{"protocol": "TCP", "port": 9093}]}),
    ),
    (
        "secret that nobody makes",
        "nothing names what is not there",
        lambda r: container(r, "docs-api")["env"][0]["valueFrom"]["secretKeyRef"].update(name="nowhere"),
    ),
    ("role without object", "nothing names what is not there", lambda r: without(r, "DatabaseRole", "docs")),
    (
        "other namespace",
        "one namespace, selectors find their pods",
        lambda r: r.one("Service", "docs-api")["metadata"].update(namespace="default"),
    ),
    (
        "service selects workers too",
        "one namespace, selectors find their pods",
        lambda r: spec(r, "Service", "docs-api")["selector"].pop("app.kubernetes.io/component"),
    ),
    (
        "no worker",
        "an API, a worker and a migration for each service",
        lambda r: without(r, "Deployment", "docs-worker"),
    ),
    (
        "wrong role",
        "an API, a worker and a migration for each service",
        lambda r: container(r, "docs-worker").update(args=["api"]),
    ),
    (
        "unknown setting",
        "variables are the settings of the code",
        lambda r: container(r, "docs-api")["env"].append({"name": "VANTHU_KAFKA_SERVERS", "value": "x"}),
    ),
    (
        "setting not said",
        "variables are the settings of the code",
        lambda r: [c["data"].pop("VANTHU_KAFKA", None) for c in r.all("ConfigMap")],
    ),
    (
        "secret in a ConfigMap",
        "variables are the settings of the code",
        lambda r: container(r, "signing-worker")["env"].append({"name": "VANTHU_SEAL_PIN", "value": "1234"}),
    ),
    (
        "owner's rights while running",
        "variables are the settings of the code",
        lambda r: container(r, "docs-api")["env"].append(
            {"name": "VANTHU_DATABASE_OWNER", "valueFrom": {"secretKeyRef": {"name": "docs", "key": "x"}}}
        ),
    ),
    (
        "port of the container",
        "ports are those of the code",
        lambda r: container(r, "docs-api")["ports"][0].update(containerPort=8090),
    ),
    (
        "port of the service",
        "ports are those of the code",
        lambda r: spec(r, "Service", "docs-api")["ports"][0].update(port=80),
    ),
    (
        "port of the route",
        "ports are those of the code",
        lambda r: spec(r, "HTTPRoute", "vanthu")["rules"][-1]["backendRefs"][0].update(port=80),
    ),
    ("no topic", "topics are those of the code", lambda r: without(r, "KafkaTopic", "docs.document")),
    (
        "partitions",
        "topics are those of the code",
        lambda r: spec(r, "KafkaTopic", "docs.document").update(partitions=1),
    ),
    (
        "facts that go by age",
        "topics are those of the code",
        lambda r: spec(r, "KafkaTopic", "docs.document")["config"].update({"retention.ms": "604800000"}),
    ),
    (
        "one right too many",
        "rights are those of the code",
        lambda r: spec(r, "KafkaUser", "partner-motcua")["authorization"]["acls"][0].update(operations=["Read", "All"]),
    ),
    (
        "one right too few",
        "rights are those of the code",
        lambda r: spec(r, "KafkaUser", "docs")["authorization"]["acls"].pop(),
    ),
    (
        "a partner reads everything",
        "rights are those of the code",
        lambda r: spec(r, "KafkaUser", "partner-motcua")["authorization"]["acls"][-1]["resource"].update(name=""),
    ),
    (
        "open listener",
        "the broker is told what the embedded one is told",
        lambda r: spec(r, "Kafka", "kafka")["kafka"]["listeners"][0].pop("authentication"),
    ),
    (
        "topics by mistyping",
        "the broker is told what the embedded one is told",
        lambda r: spec(r, "Kafka", "kafka")["kafka"]["config"].pop("auto.create.topics.enable"),
    ),
    (
        "passes row-level security",
        "databases and roles of each service",
        lambda r: spec(r, "DatabaseRole", "docs").update(bypassrls=True),
    ),
    (
        "lost with one machine",
        "databases and roles of each service",
        lambda r: spec(r, "Cluster", "postgres").update(instances=1),
    ),
]


@pytest.mark.parametrize(("rule", "break_it"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
def test_each_rule_finds_its_fault(rule: str, break_it: Callable[[Rendered], Any]) -> None:
    rendered = render(PROVINCE)
    assert CHECKS[rule](rendered) == []
    break_it(rendered)
    assert CHECKS[rule](rendered) != []


def test_every_rule_has_a_fault() -> None:
    assert {rule for _, rule, _ in FAULTS} == set(CHECKS)


def test_the_report_counts_what_failed() -> None:
    report = run({"never right": lambda _: ["this"], "always right": lambda _: []}, folders=("base",))
    assert report.failed == 1
    assert "FAILED base: never right" in report.lines
    assert "         this" in report.lines


def test_the_embedded_broker_and_the_cluster_grant_the_same_rights() -> None:
    """Of the same partners; the one applies them by the admin API, the other hands them to Strimzi."""
    from deploy.k8s.generate import PARTNERS
    from deploy.local.topics import wanted_rights
    from shared.events import TOPICS

    wanted = wanted_rights(TOPICS.values(), PARTNERS)
    found = {
        (user["metadata"]["name"], acl["resource"]["name"], operation)
        for user in render(PROVINCE).all("KafkaUser")
        for acl in user["spec"]["authorization"]["acls"]
        for operation in acl["operations"]
    }
    assert found == {(right.user, right.name, right.operation.name.capitalize()) for right in wanted}


def test_a_changed_value_restarts_who_reads_it() -> None:
    base, province = render("base"), render(PROVINCE)
    names = [
        {each["configMapRef"]["name"] for each in container(rendered, "docs-api")["envFrom"]}
        for rendered in (base, province)
    ]
    assert all(name.startswith(("common-", "docs-")) for found in names for name in found)
    assert not names[0] & names[1]


def test_vendored_schemas_say_where_they_come_from() -> None:
    notice = (CRDS / "NOTICE").read_text(encoding="utf-8")
    files = list(CRDS.glob("*.json"))
    assert sum(file.stat().st_size for file in files) < 1_500_000
    for file in files:
        source = json.loads(file.read_text(encoding="utf-8"))["$comment"].partition(" of ")[2]
        assert source.rpartition(" ")[2] in notice, f"{file.name}: {source}"


@pytest.mark.full
@pytest.mark.parametrize("service", SERVICES)
def test_an_image_holds_what_its_service_needs(service: str, tmp_path: Path) -> None:
    """The Dockerfile's steps without Docker: the same command's dependencies, the same folders, every module imports."""
    uv = ROOT / "var" / "tools" / "uv" / "bin" / "uv"
    environment = tmp_path / "environment"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, environment], check=True)
    arguments = ["--quiet", "--only-binary", ":all:", "--require-hashes", "--constraint", "requirements.lock"]
    arguments += ["--requirements", "pyproject.toml", "--requirements", f"services/{service}/pyproject.toml"]
    python = environment / "bin" / "python"
    subprocess.run([uv, "pip", "install", "--python", python, *arguments], check=True, cwd=ROOT)
    if service == "signing":  # as the Dockerfile does: the engine is a package of its own
        shutil.copytree(ROOT / "clients" / "verify", tmp_path / "verify")  # a build leaves its own folder behind
        engine = ["--quiet", "--no-deps", str(tmp_path / "verify")]
        subprocess.run([uv, "pip", "install", "--python", python, *engine], check=True, cwd=tmp_path)
    image = tmp_path / "image"
    for folder in ("shared", f"services/{service}"):
        shutil.copytree(ROOT / folder, image / folder, ignore=shutil.ignore_patterns("__pycache__"))
    modules = [
        ".".join(file.relative_to(image).with_suffix("").parts) for file in sorted((image / "services").rglob("*.py"))
    ]
    done = subprocess.run(
        [python, "-c", f"import importlib; [importlib.import_module(m) for m in {modules!r}]"],
        cwd=image,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
