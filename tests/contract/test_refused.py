# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in refuses and accepts what the vendor's chart refuses and accepts."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

from facts import Contract, differences

SCHEMA_ERROR = "meet the specifications of the schema"


def refusal(error: str) -> tuple[str, str]:
    """Return where Helm refused, schema or template, and for the schema the paths of the values."""
    if SCHEMA_ERROR in error:
        return "schema", " ".join(sorted(set(re.findall(r"at '([^']*)'", error))))
    return "template", ""


def test_check(contract: Contract, template: Any, version: str, check: str) -> None:
    fact = contract.read("fails.json")["checks"][check]
    theirs = fact["results"][version]
    done = template(version, fact["values"])
    known = [e for e in differences("refused") if e["check"] == check and version in e["versions"]]
    if known:
        assert (done.code != 0) != theirs["refused"], f"no longer differs: {known}"
        return
    assert (done.code != 0) == theirs["refused"], done.error or "accepted"
    if theirs["refused"]:
        stage, paths = refusal(done.error)
        assert stage == theirs["stage"], done.error
        assert paths == refusal("\n".join(theirs["error_lines"]))[1], done.error
        if "execution error" in theirs["error"] and version not in theirs["error"]:
            assert reason(done.error).split(" was removed")[0] in theirs["error"], done.error
    else:
        compare_objects(done.objects(), theirs["rendered"])


def reason(error: str) -> str:
    """Return the words of a template's own refusal."""
    found = re.search(r"execution error at \([^)]*\): (.*)", error)
    return found[1] if found else error


def compare_objects(objects: dict[str, Any], fact: dict[str, Any]) -> None:
    """Compare the outline the facts give of accepted values."""
    assert sorted(objects) == fact["objects"]
    workload = objects[f"{fact['kind']}/tenant"]["spec"]
    assert workload["replicas"] == fact["replicas"]
    assert bool(workload.get("volumeClaimTemplates")) == fact["volume_claim"]
    assert ("StatefulSet/tenant-etcd" in objects) == fact["deployed_etcd"]
    headless = objects.get("Service/tenant-headless", {"spec": {"ports": []}})
    assert ("peer" in {port["name"] for port in headless["spec"]["ports"]}) == fact["peer_ports"]
    if "pdb_spec" in fact:
        assert objects["PodDisruptionBudget/tenant"]["spec"] == fact["pdb_spec"]


def test_differences_name_checks(contract: Contract) -> None:
    checks = contract.read("fails.json")["checks"]
    for entry in differences("refused"):
        assert entry["reason"]
        for version in entry["versions"]:
            assert version in checks[entry["check"]]["results"], entry


def test_duplicate_priority_class(contract: Contract, template: Any, version: str) -> None:
    """A trap that is kept: strict YAML readers fail on the pod template when a class is set."""
    check = contract.read("fails.json")["checks"]["template/priority-class"]
    assert check["results"][version]["rendered"]["duplicate_keys"] == ["priorityClassName"]
    assert template(version, check["values"]).output.count("priorityClassName:") == 2


def test_unquoted_scalars(
    contract: Contract, helms: dict[str, Path], charts: dict[str, Path], tmp_path: Path
) -> None:
    """Helm reads unquoted scalars as the schema's string only where the facts say so."""
    fact = contract.read("fails.json")["yaml_scalars_in_a_string_field"]
    keys = fact["field"].split(".")
    for scalar, told in fact["scalars"].items():
        lines = [f"{'  ' * depth}{key}:" for depth, key in enumerate(keys)]
        (tmp_path / "values.yaml").write_text("\n".join(lines) + f" {scalar}\n")
        argv = [helms["helm4"], "template", "tenant", charts[fact["version"]]]
        argv += ["--values", tmp_path / "values.yaml"]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode == 0) == told["accepted_as_string"], f"{scalar}: {done.stderr}"
