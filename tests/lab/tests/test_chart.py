# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The charts of the lab: packages, the derived schema, the repository and the registry."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tarfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from lab import chart, chart_server, parts
from lab.chart_schema import SchemaBuilder
from lab.command import LabError


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give packages a cache of their own; programs still come from the usual one."""
    monkeypatch.setattr(chart, "cache", lambda: tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the chart's sources that a test may change."""
    copy = tmp_path / "chart"
    for file in chart.SOURCE.rglob("*"):
        if file.is_file():
            target = copy / file.relative_to(chart.SOURCE)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    monkeypatch.setattr(chart, "SOURCE", copy)
    return copy


def content(package: Path, member: str) -> Any:
    """Return a YAML or JSON file of a package."""
    with tarfile.open(package) as tar:
        file = tar.extractfile(f"vcluster/{member}")
        assert file is not None
        return yaml.safe_load(file)


def test_lines_are_in_order() -> None:
    names = list(chart.lines())
    assert names == sorted(names, key=lambda name: [int(part) for part in name.split(".")])
    assert {"0.28", "0.29", "0.34", "0.35", "0.36"} <= set(names)


def test_a_line_goes_by_name_or_version() -> None:
    line = chart.lines()["0.36"]
    assert chart.find("0.36") == chart.find(line.version) == line


def test_an_unknown_line_is_named_with_the_known_ones() -> None:
    with pytest.raises(LabError, match=r"0\.99.*0\.36\.1"):
        chart.package("0.99")


def test_package_is_complete_and_like_its_line() -> None:
    for line in chart.lines().values():
        package = chart.package(line.name)
        assert package.name == f"vcluster-{line.version}.tgz"
        assert content(package, "Chart.yaml")["version"] == line.version
        assert content(package, "values.yaml") == line.default_values()
        with tarfile.open(package) as tar:
            templates = {name for name in tar.getnames() if "/templates/" in name}
        assert len(templates) == len(list(chart.SOURCE.glob("templates/*")))


def test_package_is_reproducible_and_keyed_by_content(source: Path) -> None:
    first = chart.package("0.36")
    digest = hashlib.sha256(first.read_bytes()).hexdigest()
    assert chart.package("0.36") == first
    template = source / "templates" / "service.yaml"
    template.write_text(template.read_text() + "\n")
    second = chart.package("0.36")
    assert second != first
    assert hashlib.sha256(first.read_bytes()).hexdigest() == digest


def test_a_new_line_is_one_new_file(source: Path) -> None:
    newest = (source / "lines" / "0.36.yaml").read_text()
    (source / "lines" / "0.100.yaml").write_text(newest.replace("0.36.1", "0.100.0"))
    assert list(chart.lines())[-1] == "0.100"
    assert content(chart.package("0.100"), "Chart.yaml")["version"] == "0.100.0"


def test_a_line_may_say_only_what_it_has_otherwise_than_another(source: Path) -> None:
    (source / "lines" / "0.30.yaml").write_text(
        "version: 0.30.0\nlike: '0.35'\nvalues: {telemetry: {enabled: false}}\n"
        "absent: [logging, exportKubeConfig.additionalSecrets]\n"
        "keys: {exportKubeConfig.additionalSecrets: [kubeConfigSecret]}\n"
        "features: {embeddedEtcdLease: false}\nrole: []\n"
    )
    line, like = chart.find("0.30"), chart.find("0.35")
    values, other = line.default_values(), like.default_values()
    assert values.pop("telemetry") == {"enabled": False}
    del other["telemetry"], other["logging"], other["exportKubeConfig"]["additionalSecrets"]
    assert values == other
    assert line.features == {**like.features, "embeddedEtcdLease": False}
    valid = jsonschema.Draft202012Validator(line.schema()).is_valid
    assert valid({"exportKubeConfig": {"additionalSecrets": [{"name": "x"}]}})
    assert not valid({"logging": {}})
    assert content(chart.package("0.30"), "line.yaml")["role"] == []
    assert content(chart.package("0.35"), "line.yaml")["role"]


def test_defaults_satisfy_the_schema_and_nothing_unknown_does() -> None:
    for line in chart.lines().values():
        schema = line.schema()
        validator = jsonschema.Draft202012Validator(schema)
        validator.validate(line.default_values())
        assert not validator.is_valid({"nosuch": 1})
        assert not validator.is_valid({"controlPlane": {"statefulSet": {"nosuch": 1}}})
        assert not validator.is_valid({"controlPlane": {"statefulSet": {"env": {"A": "b"}}}})


TABLE: dict[str, Any] = {"names": {"labels": {"*": "string"}}, "types": {}, "keys": {}}


def schema_of(values: dict[str, Any], keys: dict[str, Any], absent: tuple[str, ...] = ()) -> Any:
    """Return the validator of a small chart's values."""
    schema = SchemaBuilder({**TABLE, "keys": keys}).build(values, {}, list(absent))
    return jsonschema.Draft202012Validator(schema)


def test_schema_follows_the_defaults() -> None:
    valid = schema_of({"a": {"on": False, "count": 1, "auto": "auto", "labels": {}}}, {}).is_valid
    assert valid({"a": {"on": True, "count": 2, "labels": {"x": "y"}}})
    assert valid({"a": {"auto": True}})
    assert not valid({"a": {"auto": 1}})
    assert not valid({"a": {"count": "2"}})
    assert not valid({"a": {"labels": {"x": 1}}})


def test_schema_table_adds_keys_and_required_ones() -> None:
    keys = {"a.list": [{"name!": "string"}], "a.*": {"more": "bool"}}
    valid = schema_of({"a": {"b": {"c": 1}}}, keys).is_valid
    assert valid({"a": {"list": [{"name": "x"}], "b": {"more": True}}})
    assert not valid({"a": {"list": [{}]}})
    assert not valid({"a": {"b": {"other": True}}})


def test_schema_leaves_out_what_a_line_does_not_have() -> None:
    assert not schema_of({"a": {"b": 1}}, {"a.gone": "bool"}, ("a.gone",)).is_valid(
        {"a": {"gone": True}}
    )


@pytest.mark.parametrize(
    "keys",
    [{"a.nosuch.b": "bool"}, {"a": "nosuch"}, {"a.b.c": "bool"}],
    ids=["path", "shape", "leaf"],
)
def test_a_slip_in_the_schema_table_is_an_error(keys: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"schema\.yaml"):
        schema_of({"a": {"b": 1}}, keys)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Serve the charts for one test."""
    folder = tmp_path / "served"
    yield chart_server.start(folder)
    chart_server.stop(folder)


def get(url: str) -> bytes:
    """Return what lies at a URL."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        body: bytes = answer.read()
        return body


def test_repository_serves_what_its_index_says(served: dict[str, str]) -> None:
    base = served["chart_repository"]
    entries = yaml.safe_load(get(f"{base}/index.yaml"))["entries"]["vcluster"]
    assert next(entry["version"] for entry in entries) == list(chart.lines().values())[-1].version
    for entry in entries:
        package = get(f"{base}/{entry['urls'][0]}")
        assert hashlib.sha256(package).hexdigest() == entry["digest"]


@pytest.mark.parametrize(
    "path", ["nosuch.tgz", "server.json", "../chart.py", "v2/charts/vcluster/blobs/x"]
)
def test_nothing_else_is_served(served: dict[str, str], path: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(f"{served['chart_repository']}/{path}")


def test_a_running_server_is_kept_and_a_stopped_one_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "served"
    first = chart_server.start(folder)
    pid = json.loads((folder / "server.json").read_text())["pid"]
    assert chart_server.start(folder) == first
    chart_server.stop(folder)
    os.waitpid(pid, 0)
    with pytest.raises(urllib.error.URLError):
        get(f"{first['chart_repository']}/index.yaml")
    chart_server.stop(folder)  # nothing to stop is no error


@pytest.mark.parametrize("helm", ["helm3", "helm4"])
def test_helm_pulls_from_both(served: dict[str, str], tmp_path: Path, helm: str) -> None:
    program = parts.build([helm])[helm]
    sources = {
        "plain": ["vcluster", "--repo", served["chart_repository"]],
        "oci": [f"{served['oci_registry']}/vcluster", "--plain-http"],
    }
    for name, source in sources.items():
        into = tmp_path / name
        into.mkdir()
        argv = [program, "pull", *source, "--version", "0.35.3", "--destination", into]
        environment = {
            **os.environ,
            "HELM_CACHE_HOME": str(tmp_path),
            "HELM_CONFIG_HOME": str(tmp_path),
        }
        done = subprocess.run(
            argv, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        assert (into / "vcluster-0.35.3.tgz").read_bytes() == chart.package("0.35").read_bytes()


def test_etcd_flags_of_the_user_come_last() -> None:
    """etcd takes the last of two equal flags: so a member can join a cluster that exists."""
    etcd = "controlPlane.backingStore.etcd.deploy"
    argv = [parts.build(["helm4"])["helm4"], "template", "tenant", chart.package("0.36")]
    argv += ["--set", f"{etcd}.enabled=true,{etcd}.statefulSet.highAvailability.replicas=2"]
    argv += ["--set", f"{etcd}.statefulSet.extraArgs={{--initial-cluster-state=existing}}"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
    (member,) = (
        item
        for item in yaml.safe_load_all(done.stdout)
        if item and item["metadata"]["name"] == "tenant-etcd" and item["kind"] == "StatefulSet"
    )
    (container,) = member["spec"]["template"]["spec"]["containers"]
    command = container["command"]
    assert command.index("--initial-cluster-state=new") < len(command) - 1
    assert command[-1] == "--initial-cluster-state=existing"
    (cluster,) = (flag for flag in command if flag.startswith("--initial-cluster="))
    assert cluster.count("=https://") == 2
