# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the chart cache and of reading archives (G53)."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
from pathlib import Path

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.charts import (
    Charts,
    open_archive,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import HelmError


def archive(path: Path, name: str = "vcluster", version: str = "0.36.1") -> Path:
    files = {
        "Chart.yaml": f"name: {name}\nversion: {version}\n",
        "values.yaml": "a: {b: 1}\n",
        "values.schema.json": '{"type": "object"}',
    }
    with tarfile.open(path, "w:gz") as tar:
        for file, content in files.items():
            member = tarfile.TarInfo(f"vcluster/{file}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content.encode()))
    return path


class Pull:
    """Stands for `helm pull`."""

    def __init__(self, version: str = "0.36.1") -> None:
        self.version = version
        self.references: list[list[str]] = []

    def __call__(self, reference: list[str], folder: Path, seconds: int) -> None:
        assert seconds > 0
        self.references.append(reference)
        archive(folder / f"vcluster-{self.version}.tgz", version=self.version)


def refuse(_reference: list[str], _folder: Path, _seconds: int) -> None:
    raise AssertionError("nothing is to be pulled")


def test_an_archive_is_read(tmp_path: Path) -> None:
    path = archive(tmp_path / "c.tgz")
    found = Charts(refuse, tmp_path / "cache").get(str(path), "0.36.1")
    assert (found.path, found.version) == (path, "0.36.1")
    assert (found.schema, found.defaults) == ({"type": "object"}, {"a": {"b": 1}})
    assert found.digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_folder_holds_an_archive_of_each_version(tmp_path: Path) -> None:
    for version in ("0.35.3", "0.36.1"):
        archive(tmp_path / f"vcluster-{version}.tgz", version=version)
    charts = Charts(refuse, tmp_path / "cache")
    assert [charts.get(str(tmp_path), v).version for v in ("0.36.1", "0.35.3")] == [
        "0.36.1",
        "0.35.3",
    ]
    with pytest.raises(HelmError, match=r"vcluster-0\.34\.7\.tgz does not exist"):
        charts.get(str(tmp_path), "0.34.7")


@pytest.mark.parametrize(
    ("chart", "reference"),
    [
        (
            "https://charts.loft.sh",
            ["vcluster", "--repo", "https://charts.loft.sh", "--version", "0.36.1"],
        ),
        ("oci://r.example/c/vcluster", ["oci://r.example/c/vcluster", "--version", "0.36.1"]),
        (
            "oci://127.0.0.1:5000/c/vcluster",
            ["oci://127.0.0.1:5000/c/vcluster", "--version", "0.36.1", "--plain-http"],
        ),
    ],
)
def test_a_chart_is_pulled_once_for_all_runs(
    tmp_path: Path, chart: str, reference: list[str]
) -> None:
    pull = Pull()
    first = Charts(pull, tmp_path).get(chart, "0.36.1")
    assert pull.references == [reference]
    second = Charts(refuse, tmp_path).get(chart, "0.36.1")
    assert first == second
    Charts(pull, tmp_path).get("https://elsewhere", "0.36.1")
    assert len(pull.references) == 2


def test_a_damaged_archive_is_pulled_again(tmp_path: Path) -> None:
    pull = Pull()
    found = Charts(pull, tmp_path).get("https://r", "0.36.1")
    found.path.write_bytes(b"damaged")
    assert Charts(pull, tmp_path).get("https://r", "0.36.1").path == found.path
    assert len(pull.references) == 2
    assert open_archive(found.path, "0.36.1").version == "0.36.1"


def test_forks_at_the_same_moment_pull_once(tmp_path: Path) -> None:
    pull = Pull()
    threads = [
        threading.Thread(target=lambda: Charts(pull, tmp_path).get("https://r", "0.36.1"))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pull.references) == 1


def test_errors_say_what_is_wrong(tmp_path: Path) -> None:
    charts = Charts(refuse, tmp_path / "cache")
    with pytest.raises(HelmError, match=r"/nowhere\.tgz does not exist"):
        charts.get("/nowhere.tgz", "0.36.1")
    with pytest.raises(HelmError, match=r"holds version 0\.36\.1, .* asks for 0\.36\.0"):
        charts.get(str(archive(tmp_path / "a.tgz")), "0.36.0")
    with pytest.raises(HelmError, match="holds no chart named vcluster"):
        charts.get(str(archive(tmp_path / "b.tgz", name="other")), "0.36.1")
    (tmp_path / "c.tgz").write_text("no archive")
    with pytest.raises(HelmError, match=r"c\.tgz is not a chart archive"):
        charts.get(str(tmp_path / "c.tgz"), "0.36.1")


def test_a_pull_that_brings_nothing(tmp_path: Path) -> None:
    with pytest.raises(HelmError, match="brought no archive"):
        Charts(lambda *_arguments: None, tmp_path).get("https://r", "0.36.1")


def test_another_version_than_asked_for_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HelmError, match=r"holds version 0\.36\.0"):
        Charts(Pull("0.36.0"), tmp_path).get("https://r", "0.36.1")
