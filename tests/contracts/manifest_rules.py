"""Rules that every rendered manifest keeps: what a cluster demands, and that it says the same as the code."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from pydantic import SecretStr

from deploy.k8s import clusters, configuration, generate, workloads
from deploy.local import kafka
from deploy.local.layout import PORTS, SERVICES
from deploy.local.topics import FOR_EVER, RETENTION
from shared.events import TOPICS
from tests.support.manifests import K8S, ROOT, Check, Object, Rendered, name_of, schema_problems

NAME = "app.kubernetes.io/name"
COMPONENT = "app.kubernetes.io/component"
ROLES = ("api", "worker", "migrate")
PARTNER_TOPIC = re.compile(r"exchange\.(inbound|outbound|replies)\.(.+)")
# Read before the settings are, or by libraries.
OTHER_VARIABLES = re.compile(r"VANTHU_LOG(_LEVEL)?|AWS_[A-Z_]+|OTEL_[A-Z_]+|SOFTHSM2_CONF|FORWARDED_ALLOW_IPS")


# --- what a cluster demands


def images(rendered: Rendered) -> list[str]:
    """A tag that says which code it is: the project's version, never `latest`."""
    wrong = [
        f"{name}: image {container['image']}"
        for name, container in rendered.containers()
        if not re.fullmatch(
            rf"[\w.\-/:]*vanthu/({'|'.join(SERVICES)}):{re.escape(workloads.VERSION)}", container["image"]
        )
    ]
    return wrong + [
        f"{name_of(each)}: image {each['spec'].get('imageName')}"
        for each in rendered.all("Cluster")
        if not re.search(r":\d+\.\d+", each["spec"].get("imageName", ""))
    ]


def resources(rendered: Rendered) -> list[str]:
    """CPU and memory asked for and bounded, also of the brokers and the databases."""
    found = [(name, container.get("resources")) for name, container in rendered.containers()]
    found += [
        (name_of(e), e["spec"].get("resources")) for kind in ("KafkaNodePool", "Cluster") for e in rendered.all(kind)
    ]
    for each in rendered.all("Kafka"):
        operators = each["spec"]["entityOperator"]
        found += [(f"{name_of(each)}/{o}", operators[o].get("resources")) for o in ("topicOperator", "userOperator")]
    return [
        f"{name}: no {kind} {what}"
        for name, said in found
        for kind in ("requests", "limits")
        for what in ("cpu", "memory")
        if not (said or {}).get(kind, {}).get(what)
    ]


def restricted(rendered: Rendered) -> list[str]:
    """The restricted profile of the Pod Security Standards, and a root file system that can't be written."""
    problems = []
    for name, pod in rendered.pods():
        spec = pod["spec"]
        context = spec.get("securityContext", {})
        if context.get("runAsNonRoot") is not True or not context.get("runAsUser"):
            problems.append(f"{name}: may run as root")
        if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            problems.append(f"{name}: no seccomp profile")
        if spec.get("automountServiceAccountToken") is not False:
            problems.append(f"{name}: gets a token of the cluster")
        if any(spec.get(shared) for shared in ("hostNetwork", "hostPID", "hostIPC")):
            problems.append(f"{name}: shares the host's namespaces")
        allowed = {"emptyDir", "secret", "configMap", "projected", "persistentVolumeClaim"}
        problems += [f"{name}: volume {v['name']}" for v in spec.get("volumes", []) if not set(v) <= allowed | {"name"}]
    for name, container in rendered.containers():
        context = container.get("securityContext", {})
        if context.get("allowPrivilegeEscalation") is not False:
            problems.append(f"{name}: may gain privileges")
        if context.get("readOnlyRootFilesystem") is not True:
            problems.append(f"{name}: may write its image")
        if context.get("capabilities") != {"drop": ["ALL"]}:
            problems.append(f"{name}: keeps capabilities")
    problems += [
        f"{name_of(each)}: {label} is not restricted"
        for each in rendered.all("Namespace")
        for label in ("enforce", "audit", "warn")
        if each["metadata"]["labels"].get(f"pod-security.kubernetes.io/{label}") != "restricted"
    ]
    return problems


def probes(rendered: Rendered) -> list[str]:
    """API: alive and ready; worker: alive, on the port of its heartbeats. A migration just ends."""
    problems = []
    for each in rendered.all("Deployment"):
        (container,) = each["spec"]["template"]["spec"]["containers"]
        role = each["spec"]["template"]["metadata"]["labels"][COMPONENT]
        (port,) = (p["name"] for p in container["ports"])
        wanted = {"startupProbe": "/healthz", "livenessProbe": "/healthz"}
        if role == "api":
            wanted["readinessProbe"] = "/readyz"
        for probe, path in wanted.items():
            if container.get(probe, {}).get("httpGet") != {"path": path, "port": port}:
                problems.append(f"{name_of(each)}: {probe} is not {path} on {port}")
    return problems


def budgets(rendered: Rendered) -> list[str]:
    """A disruption budget for each Deployment, and none that protects nobody or blocks every drain."""
    selectors = [each["spec"]["selector"] for each in rendered.all("PodDisruptionBudget")]
    problems = [
        f"{name_of(each)}: {selectors.count(each['spec']['selector'])} disruption budgets"
        for each in rendered.all("Deployment")
        if selectors.count(each["spec"]["selector"]) != 1
    ]
    problems += [
        f"{name_of(each)}: one replica is no high availability"
        for each in rendered.all("Deployment")
        if each["spec"]["replicas"] < 2
    ]
    return problems + [
        f"{name_of(each)}: {each['spec']}"
        for each in rendered.all("PodDisruptionBudget")
        if each["spec"].get("maxUnavailable") != 1
    ]


def selected(selector: Object, labels: Object) -> bool:
    return all(labels.get(name) == value for name, value in selector.get("matchLabels", {}).items())


def policies_of(rendered: Rendered, labels: Object) -> list[Object]:
    """The policies that name these pods; the one for everybody does not."""
    return [
        each
        for each in rendered.all("NetworkPolicy")
        if each["spec"]["podSelector"].get("matchLabels") and selected(each["spec"]["podSelector"], labels)
    ]


def network(rendered: Rendered) -> list[str]:
    """Everything closed by default; each workload opens its own, and no API process reaches Kafka."""
    problems = []
    closed = [
        each
        for each in rendered.all("NetworkPolicy")
        if each["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    ]
    if len(closed) != 1:
        problems.append("no policy closes everything")
    for name, pod in rendered.pods():
        labels = pod["metadata"]["labels"]
        found = policies_of(rendered, labels)
        if len(found) != 1 or set(found[0]["spec"]["policyTypes"]) != {"Ingress", "Egress"}:
            problems.append(f"{name}: {len(found)} policies of its own")
            continue
        to = [port["port"] for rule in found[0]["spec"]["egress"] for port in rule["ports"]]
        if (9093 in to) != (labels[COMPONENT] == "worker"):
            problems.append(f"{name}: Kafka is for workers, and for all of them")
        if 5432 not in to:
            problems.append(f"{name}: can't reach its database")
        come = [port["port"] for rule in found[0]["spec"].get("ingress", []) for port in rule["ports"]]
        own = [port["containerPort"] for c in pod["spec"]["containers"] for port in c.get("ports", ())]
        if come != own:
            problems.append(f"{name}: lets in to {come}, listens on {own}")
    return problems + [
        f"{name_of(each)}: its pods are closed in"
        for kind, label in (("Kafka", "strimzi.io/cluster"), ("Cluster", "cnpg.io/cluster"))
        for each in rendered.all(kind)
        if not policies_of(rendered, {label: each["metadata"]["name"]})
    ]


def references(rendered: Rendered) -> list[str]:
    """Whatever is named is there: made here, made by an operator, or in the README's list of what people give."""
    there = {name_of(each) for each in rendered.objects}
    there |= {f"Secret/{each['metadata']['name']}" for each in rendered.all("KafkaUser")}
    there |= {f"Secret/{each['metadata']['name']}-client-cert" for each in rendered.all("DatabaseRole")}
    there |= {f"Secret/{each['metadata']['name']}-cluster-ca-cert" for each in rendered.all("Kafka")}
    there |= {f"Secret/{each['metadata']['name']}-ca" for each in rendered.all("Cluster")}
    there |= given()
    problems = [f"{name} names {each}" for name, pod in rendered.pods() for each in sorted(_named(pod["spec"]) - there)]
    named = {each for _, pod in rendered.pods() for each in _named(pod["spec"])}
    problems += [f"the README asks for {each}, which nobody reads" for each in sorted(given() - named)]
    for each in rendered.all("HTTPRoute"):
        backends = [b for rule in each["spec"]["rules"] for b in rule.get("backendRefs", [])]
        problems += [f"{name_of(each)} names {b['name']}" for b in backends if f"Service/{b['name']}" not in there]
    return problems


def _named(spec: Object) -> set[str]:
    found = {f"ServiceAccount/{spec['serviceAccountName']}"}
    for container in spec["containers"]:
        found |= {f"ConfigMap/{e['configMapRef']['name']}" for e in container.get("envFrom", ())}
        found |= {f"Secret/{e['valueFrom']['secretKeyRef']['name']}" for e in container["env"] if "valueFrom" in e}
    for volume in spec["volumes"]:
        sources = volume.get("projected", {}).get("sources", [volume])
        found |= {
            f"Secret/{s['secret'].get('name') or s['secret'].get('secretName')}" for s in sources if "secret" in s
        }
        found |= {f"ConfigMap/{s['configMap']['name']}" for s in sources if "configMap" in s}
    return found


@cache
def given() -> set[str]:
    """The rows of the README's table "What you give"."""
    text = (K8S / "README.md").read_text(encoding="utf-8")
    return {f"{kind}/{name}" for kind, name in re.findall(r"^\| (Secret|ConfigMap) `([\w-]+)`", text, re.MULTILINE)}


def names(rendered: Rendered) -> list[str]:
    """One namespace, no object twice, every selector finds its pods."""
    count = Counter((each["kind"], each["metadata"]["name"]) for each in rendered.objects)
    problems = [f"{kind}/{name}: {times} times" for (kind, name), times in count.items() if times > 1]
    problems += [
        f"{name_of(each)}: in namespace {each['metadata'].get('namespace')}"
        for each in rendered.objects
        if each["kind"] != "Namespace" and each["metadata"].get("namespace") != "vanthu"
    ]
    labels = {name: pod["metadata"]["labels"] for name, pod in rendered.pods()}
    for each in rendered.all("Service"):
        hit = [name for name, found in labels.items() if selected({"matchLabels": each["spec"]["selector"]}, found)]
        if hit != [f"Deployment/{each['metadata']['name']}"]:
            problems.append(f"{name_of(each)}: selects {hit}")
    for each in rendered.all("Deployment"):
        if not selected(each["spec"]["selector"], labels[name_of(each)]):
            problems.append(f"{name_of(each)}: does not select its own pods")
    return problems


# --- the same as the code


def workloads_of_all(rendered: Rendered) -> list[str]:
    """API, worker and migration for each service; the migration's name has the version."""
    version = workloads.VERSION.replace(".", "-")
    wanted = {f"Deployment/{s}-{role}" for s in SERVICES for role in ("api", "worker")}
    wanted |= {f"Job/{s}-migrate-{version}" for s in SERVICES}
    found = {name for name, _ in rendered.pods()}
    problems = [f"missing or too many: {name}" for name in sorted(wanted ^ found)]
    for name, pod in rendered.pods():
        labels, (container,) = pod["metadata"]["labels"], pod["spec"]["containers"]
        if container["args"] != [labels[COMPONENT]] or not container["image"].split(":")[0].endswith(
            f"/{labels[NAME]}"
        ):
            problems.append(f"{name}: runs {container['image']} {container['args']}")
    return problems


def variables(rendered: Rendered, pod: Object) -> dict[str, Any]:
    """Name → value, or the key of a Secret, of a pod's one container, as the kubelet puts them together."""
    (container,) = pod["spec"]["containers"]
    found: dict[str, Any] = {}
    for source in container.get("envFrom", ()):
        found |= rendered.one("ConfigMap", source["configMapRef"]["name"])["data"]
    for each in container["env"]:
        found[each["name"]] = each.get("value", each.get("valueFrom"))
    return found


def settings(rendered: Rendered) -> list[str]:
    """Each variable is a field of the service's settings class, each required field is said, secrets are Secrets."""
    problems = []
    for name, pod in rendered.pods():
        service, role = pod["metadata"]["labels"][NAME], pod["metadata"]["labels"][COMPONENT]
        fields = configuration.settings_class(service).model_fields
        said = variables(rendered, pod)
        known = {configuration.variable(field): field for field in fields}
        for variable, value in said.items():
            if variable not in known:
                if not OTHER_VARIABLES.fullmatch(variable):
                    problems.append(f"{name}: {variable} is no setting of {service}")
                continue
            secret = SecretStr in getattr(
                fields[known[variable]].annotation, "__args__", (fields[known[variable]].annotation,)
            )
            if secret and isinstance(value, str) and "sslcert=" not in value:
                problems.append(f"{name}: {variable} is a secret in plain sight")
        wanted = {v for v, field in known.items() if fields[field].is_required()}
        wanted |= {"VANTHU_DATABASE_OWNER"} if role == "migrate" else set()
        problems += [f"{name}: {v} is not said" for v in sorted(wanted - set(said))]
        if role != "migrate" and "VANTHU_DATABASE_OWNER" in said:
            problems.append(f"{name}: a running service could change its schema")
    return problems


def ports(rendered: Rendered) -> list[str]:
    """ConfigMap, container, Service and route say the number that deploy/local/layout.py says."""
    problems = []
    for each in rendered.all("Deployment"):
        labels = each["spec"]["template"]["metadata"]["labels"]
        service, role = labels[NAME], labels[COMPONENT]
        wanted = PORTS[service] if role == "api" else PORTS[f"{service}_worker"]
        variable = "VANTHU_PORT" if role == "api" else "VANTHU_WORKER_PORT"
        (container,) = each["spec"]["template"]["spec"]["containers"]
        found = {
            variable: variables(rendered, each["spec"]["template"]).get(variable),
            "containerPort": str(container["ports"][0]["containerPort"]),
        }
        problems += [
            f"{name_of(each)}: {what} is {port}, not {wanted}" for what, port in found.items() if port != str(wanted)
        ]
    served = {each["metadata"]["name"]: each["spec"]["ports"][0]["port"] for each in rendered.all("Service")}
    problems += [f"Service/{s}-api: {served.get(f'{s}-api')}" for s in SERVICES if served.get(f"{s}-api") != PORTS[s]]
    for each in rendered.all("HTTPRoute"):
        backends = [b for rule in each["spec"]["rules"] for b in rule.get("backendRefs", [])]
        problems += [f"{name_of(each)}: {b}" for b in backends if served.get(b["name"]) != b["port"]]
        if {b["name"] for b in backends} != set(served):
            problems.append(f"{name_of(each)}: does not lead to every service")
    return problems


def topics(rendered: Rendered) -> list[str]:
    """Exactly the topics of the catalogue: partitions, compaction, three copies of which two acknowledge."""
    found = {each["metadata"]["name"]: each["spec"] for each in rendered.all("KafkaTopic")}
    partners = {m[2] for name in found if (m := PARTNER_TOPIC.fullmatch(name))}
    wanted = {
        name: topic
        for topic in TOPICS.values()
        for name in ([topic.of(p) for p in partners] if "<partner>" in topic.name else [topic.name])
    }
    problems = [f"missing or too many: {name}" for name in sorted(set(found) ^ set(wanted))]
    for name in sorted(set(found) & set(wanted)):
        config = {**RETENTION.get(wanted[name].kind, FOR_EVER), "min.insync.replicas": "2"}
        said = {"partitions": wanted[name].partitions, "replicas": 3, "config": config}
        if found[name] != said:
            problems.append(f"{name}: {found[name]}, not {said}")
    return problems


def rights(rendered: Rendered) -> list[str]:
    """Who may write a topic states it, who may read it follows it, and nobody may anything else."""
    partners = {m[2] for each in rendered.all("KafkaTopic") if (m := PARTNER_TOPIC.fullmatch(each["metadata"]["name"]))}
    wanted: set[tuple[str, str, str, str, str]] = set()
    for topic in TOPICS.values():
        for who, does in [(topic.stated_by, "Write"), *((follower, "Read") for follower in topic.followed_by)]:
            for operation in (does, "Describe"):
                if who == "<partner>":
                    wanted |= {(f"partner-{p}", "topic", topic.of(p), "literal", operation) for p in partners}
                else:
                    prefix = "<partner>" in topic.name
                    name = topic.prefix if prefix else topic.name
                    wanted.add((who, "topic", name, "prefix" if prefix else "literal", operation))
    for service in SERVICES:
        wanted.add((service, "group", service, "prefix", "Read"))
    for partner in partners:
        wanted.add((f"partner-{partner}", "group", f"partner-{partner}", "literal", "Read"))
        wanted.add((f"partner-{partner}", "group", f"partner-{partner}.", "prefix", "Read"))
    found = {
        (
            each["metadata"]["name"],
            a["resource"]["type"],
            a["resource"]["name"],
            a["resource"]["patternType"],
            operation,
        )
        for each in rendered.all("KafkaUser")
        for a in each["spec"]["authorization"]["acls"]
        for operation in a["operations"]
    }
    problems = [f"{' '.join(right)}: not in the catalogue" for right in sorted(found - wanted)]
    problems += [f"{' '.join(right)}: missing" for right in sorted(wanted - found)]
    return problems + [
        f"{name_of(each)}: {each['spec']['authentication']}"
        for each in rendered.all("KafkaUser")
        if each["spec"]["authentication"] != {"type": "scram-sha-512"}
    ]


# One broker keeps one copy of everything, and has threads for a small machine.
OF_ONE_BROKER = re.compile(
    r".*replication\.factor|.*min\.isr|.*num\.partitions|num\..*|log\.cleaner\..*|broker\..*|group\.initial\..*"
)
OF_STRIMZI = re.compile(
    r"node\.id|process\.roles|controller\..*|.*listener.*|log\.dirs|sasl\..*|authorizer\..*|super\.users|allow\..*"
)


def broker(rendered: Rendered) -> list[str]:
    """What the embedded broker is told beside its size, the cluster is told too; every listener wants TLS and a log-in."""
    told = dict(
        line.split("=", 1)
        for line in kafka.PROPERTIES.splitlines()
        if "=" in line and not line.startswith(("#", "username"))
    )
    told = {k: v for k, v in told.items() if not OF_ONE_BROKER.fullmatch(k) and not OF_STRIMZI.fullmatch(k)}
    problems = []
    for each in rendered.all("Kafka"):
        said = {k: str(v).lower() for k, v in each["spec"]["kafka"]["config"].items()}
        problems += [f"{name_of(each)}: {k} is {said.get(k)}, not {v}" for k, v in told.items() if said.get(k) != v]
        problems += [
            f"{name_of(each)}: listener {listener['name']} is open"
            for listener in each["spec"]["kafka"]["listeners"]
            if not listener["tls"] or listener.get("authentication", {}).get("type") != "scram-sha-512"
        ]
        if each["spec"]["kafka"].get("authorization") != {"type": "simple"}:
            problems.append(f"{name_of(each)}: rights are not checked")
    return problems


def databases(rendered: Rendered) -> list[str]:
    """A database, an owner and a plain role for each service; the plain role passes no row-level security."""
    problems = []
    for service in SERVICES:
        spec = rendered.one("Database", service)["spec"]
        if (spec["name"], spec["owner"]) != (service, f"{service}_owner"):
            problems.append(f"Database/{service}: {spec}")
        for name, role in ((service, service), (f"{service}-owner", f"{service}_owner")):
            spec = rendered.one("DatabaseRole", name)["spec"]
            if spec["name"] != role or any(
                spec.get(power) for power in ("superuser", "bypassrls", "createrole", "createdb")
            ):
                problems.append(f"DatabaseRole/{name}: {spec}")
    for each in rendered.all("Cluster"):
        said = each["spec"]["postgresql"]
        if said["pg_hba"] != clusters.access_rules(SERVICES):
            problems.append(f"{name_of(each)}: pg_hba is not {clusters.access_rules(SERVICES)}")
        if said.get("synchronous", {}).get("dataDurability") != "required" or each["spec"]["instances"] < 3:
            problems.append(f"{name_of(each)}: a commit could be lost with one machine")
    return problems


CHECKS: Mapping[str, Check] = {
    "every object fits its schema": schema_problems,
    "images have the project's version": images,
    "everything is bounded in CPU and memory": resources,
    "the restricted profile, no token of the cluster": restricted,
    "probes": probes,
    "disruption budgets": budgets,
    "network closed but for what is needed": network,
    "nothing names what is not there": references,
    "one namespace, selectors find their pods": names,
    "an API, a worker and a migration for each service": workloads_of_all,
    "variables are the settings of the code": settings,
    "ports are those of the code": ports,
    "topics are those of the code": topics,
    "rights are those of the code": rights,
    "the broker is told what the embedded one is told": broker,
    "databases and roles of each service": databases,
}


# --- files


def stale_files() -> list[str]:
    """Generated files that are not what the code generates now."""
    problems = []
    for path, text in generate.files().items():
        file = K8S / path
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            problems.append(f"deploy/k8s/{path} is not what the code says: python -m deploy.k8s.generate")
    return problems


def dockerfile() -> list[str]:
    """One service's dependencies at the lock's hashes, nobody else's code, no root, no `latest`."""
    text = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    wanted = {
        "a base image at an exact version": r"^FROM python:3\.\d+\.\d+-slim-\w+ AS ",
        "only the service's own code": r"^COPY services/\$\{SERVICE\} ",
        "dependencies at the lock's hashes": r"--require-hashes --constraint requirements\.lock",
        "the account of the manifests": rf"^USER {workloads.ACCOUNT}:{workloads.ACCOUNT}$",
    }
    problems = [
        f"deploy/Dockerfile lacks {what}" for what, line in wanted.items() if not re.search(line, text, re.MULTILINE)
    ]
    if re.search(r":latest|^COPY \. ", text, re.MULTILINE):
        problems.append("deploy/Dockerfile copies everything or takes the latest")
    return problems


REPOSITORY_CHECKS: Mapping[str, Callable[[], list[str]]] = {
    "generated files are what the code generates": stale_files,
    "the Dockerfile holds one service": dockerfile,
}
