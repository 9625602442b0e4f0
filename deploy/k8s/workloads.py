"""Objects of one service: account, HTTP Service, API and worker Deployments, disruption budgets, the migration Job.

Each role is a Deployment of the same image. The Job's name has the version: a new version is a new Job, and pods of
a version whose migrations are not there yet end themselves and are started again until they are.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.k8s import configuration
from deploy.k8s.configuration import CERTIFICATES, KAFKA, POSTGRES, SecretKey

Object = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]
VERSION: str = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
ACCOUNT = 10001  # as in the Dockerfile


@dataclass(frozen=True, slots=True)
class Size:
    """What a container asks for and may take at most."""

    cpu: str
    memory: str
    most_cpu: str
    most_memory: str

    def resources(self) -> Object:
        return {
            "requests": {"cpu": self.cpu, "memory": self.memory, "ephemeral-storage": "64Mi"},
            "limits": {"cpu": self.most_cpu, "memory": self.most_memory, "ephemeral-storage": "2Gi"},
        }


SMALL = Size("100m", "192Mi", "1", "512Mi")
SIZES: Mapping[tuple[str, str], Size] = {
    ("docs", "api"): Size("250m", "384Mi", "2", "1Gi"),  # reads uploads of up to 100 MB
    ("signing", "api"): Size("500m", "768Mi", "2", "2Gi"),  # two processes that parse PDF
    ("signing", "worker"): Size("500m", "768Mi", "2", "2Gi"),
}
GRACE = {"api": 30, "worker": 60}  # seconds; a worker ends its job's transaction and leaves its group


def labels(service: str, role: str) -> dict[str, str]:
    return {"app.kubernetes.io/name": service, "app.kubernetes.io/component": role}


def objects(service: str) -> list[Object]:
    return [
        _account(service),
        _http(service),
        *(_deployment(service, role) for role in ("api", "worker")),
        *(_budget(service, role) for role in ("api", "worker")),
        _migration(service),
    ]


def _named(kind: str, version: str, name: str, service: str, role: str | None = None) -> Object:
    known = {"app.kubernetes.io/name": service, "app.kubernetes.io/part-of": "vanthu"}
    if role:
        known |= labels(service, role)
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "labels": known}}


def _account(service: str) -> Object:
    return _named("ServiceAccount", "v1", service, service) | {"automountServiceAccountToken": False}


def _http(service: str) -> Object:
    port = int(configuration.own(service)["port"])
    return _named("Service", "v1", f"{service}-api", service, "api") | {
        "spec": {
            "selector": labels(service, "api"),
            "ports": [{"name": "http", "port": port, "targetPort": "http", "appProtocol": "http"}],
        }
    }


def _deployment(service: str, role: str) -> Object:
    # An API goes only when its successor is ready; a worker's partitions move to the one that stays.
    rolling = {"maxUnavailable": 0, "maxSurge": 1} if role == "api" else {"maxUnavailable": 1, "maxSurge": 1}
    return _named("Deployment", "apps/v1", f"{service}-{role}", service, role) | {
        "spec": {
            "replicas": 2,
            "revisionHistoryLimit": 3,
            "selector": {"matchLabels": labels(service, role)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling},
            "template": {
                "metadata": {"labels": labels(service, role) | {"app.kubernetes.io/part-of": "vanthu"}},
                "spec": _pod(service, role, _running(service, role), grace=GRACE[role])
                | {"topologySpreadConstraints": [_spread(service, role)]},
            },
        }
    }


def _spread(service: str, role: str) -> Object:
    return {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": labels(service, role)},
    }


def _running(service: str, role: str) -> Object:
    name, field = ("http", "port") if role == "api" else ("health", "worker_port")
    healthy = {"httpGet": {"path": "/healthz", "port": name}, "timeoutSeconds": 3}
    container: Object = {
        "envFrom": [{"configMapRef": {"name": "common"}}, {"configMapRef": {"name": service}}],
        "env": _secret_variables(service, role),
        "ports": [{"name": name, "containerPort": int(configuration.own(service)[field])}],
        "startupProbe": healthy | {"periodSeconds": 2, "failureThreshold": 60},
        # Answered from the loops' heartbeats, never from the database: a slow one must not get everybody killed.
        "livenessProbe": healthy | {"periodSeconds": 10, "failureThreshold": 6},
    }
    if role == "api":
        ready = {"httpGet": {"path": "/readyz", "port": name}, "timeoutSeconds": 3, "periodSeconds": 5}
        container["readinessProbe"] = ready
        container["lifecycle"] = {"preStop": {"sleep": {"seconds": 5}}}  # until no gateway sends to it any more
    return container


def _secret_variables(service: str, role: str) -> list[Object]:
    return [_from_secret(name, secret) for name, secret in sorted(configuration.secrets(service, role).items())]


def _from_secret(name: str, secret: SecretKey) -> Object:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret.secret, "key": secret.key}}}


def _pod(service: str, role: str, container: Object, *, grace: int) -> Object:
    volumes, mounts = _volumes(service, role)
    return {
        "serviceAccountName": service,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": grace,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": ACCOUNT,
            "runAsGroup": ACCOUNT,
            "fsGroup": ACCOUNT,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": role,
                "image": f"vanthu/{service}:{VERSION}",
                "imagePullPolicy": "IfNotPresent",
                "args": [role],
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "resources": SIZES.get((service, role), SMALL).resources(),
                **container,
                "volumeMounts": mounts,
            }
        ],
        "volumes": volumes,
    }


def _volumes(service: str, role: str) -> tuple[list[Object], list[Object]]:
    # libpq takes a key that root owns and the group may read; fsGroup makes it so.
    user = f"{service}-owner" if role == "migrate" else service
    postgres = [
        {"secret": {"name": f"{POSTGRES}-ca", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"secret": {"name": f"{user}-client-cert"}},
    ]
    volumes: list[Object] = [
        {"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}},
        {"name": "postgres", "projected": {"defaultMode": 0o440, "sources": postgres}},
    ]
    if role == "worker":
        ca = {"secretName": f"{KAFKA}-cluster-ca-cert", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
        volumes.append({"name": "kafka", "secret": ca})
    if service == "signing" and role != "migrate":
        volumes.append({"name": "trust", "configMap": {"name": "trust"}})
    mounts: list[Object] = [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108  in the pod
    mounts += [
        {"name": volume["name"], "mountPath": f"{CERTIFICATES}/{volume['name']}", "readOnly": True}
        for volume in volumes[1:]
    ]
    return volumes, mounts


def _budget(service: str, role: str) -> Object:
    return _named("PodDisruptionBudget", "policy/v1", f"{service}-{role}", service, role) | {
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": labels(service, role)}}
    }


def _migration(service: str) -> Object:
    """Its values stand in the Job itself: a Job never changes, and the names of ConfigMaps do with their contents."""
    owner = {"database_owner": configuration.conninfo(service, f"{service}_owner")}
    values = configuration.environment({**configuration.COMMON, **configuration.own(service), **owner})
    container: Object = {
        "env": [{"name": name, "value": value} for name, value in sorted(values.items())]
        + _secret_variables(service, "migrate")
    }
    return _named("Job", "batch/v1", f"{service}-migrate-{VERSION.replace('.', '-')}", service, "migrate") | {
        "spec": {
            # A migration is one transaction under a lock, so another try is safe; a new cluster needs a while.
            "backoffLimit": 10,
            "template": {
                "metadata": {"labels": labels(service, "migrate") | {"app.kubernetes.io/part-of": "vanthu"}},
                "spec": _pod(service, "migrate", container, grace=60) | {"restartPolicy": "OnFailure"},
            },
        }
    }
