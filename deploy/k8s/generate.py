"""Writes the repetitive manifests from the code: `python -m deploy.k8s.generate`. The files are committed.

What is written once by hand: base/kafka/cluster.yaml, base/postgres/cluster.yaml, the kustomizations and the overlays.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from deploy.k8s import clusters, configuration, network, workloads
from deploy.local.layout import SERVICES

HERE = Path(__file__).parent
HEADER = "# Written by `python -m deploy.k8s.generate`.\n"
PARTNERS = ("motcua",)  # of overlays/province


def files() -> dict[str, str]:
    """Path below deploy/k8s → contents."""
    made = {
        "base/kafka/topics.yaml": _yaml(clusters.topics()),
        "base/kafka/users.yaml": _yaml(clusters.users()),
        "base/postgres/databases.yaml": _yaml(clusters.databases(SERVICES)),
        "base/network.yaml": _yaml(network.everywhere()),
        "base/env/common.env": _env({**configuration.environment(configuration.COMMON), **configuration.BESIDE}),
        "overlays/province/partners.yaml": _yaml([*clusters.topics(PARTNERS), *clusters.users(PARTNERS)]),
    }
    for service in SERVICES:
        configuration.check(service)
        made[f"base/env/{service}.env"] = _env(configuration.environment(configuration.own(service)))
        made[f"base/services/{service}.yaml"] = _yaml([*workloads.objects(service), *network.of_service(service)])
    return made


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _yaml(objects: list[dict[str, Any]]) -> str:
    return HEADER + yaml.dump_all(objects, Dumper=_Dumper, sort_keys=False, width=120, explicit_start=True)


def _env(values: Mapping[str, str]) -> str:
    return HEADER + "".join(f"{name}={value}\n" for name, value in sorted(values.items()))


def main() -> None:
    for path, text in files().items():
        file = HERE / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            print(f"written: deploy/k8s/{path}")


if __name__ == "__main__":
    main()
