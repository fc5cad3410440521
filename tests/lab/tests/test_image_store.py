# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nodes share of imported images, and what is their own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from lab import containerd, image_store
from lab.command import LabError

DATABASE = Path(containerd.ROOT.name, "metadata", "meta.db")
BLOB = Path(containerd.ROOT.name, "blobs", "sha256-1")


class Importer:
    """Stands in for containerd: leaves one database and one blob; counts how often it ran."""

    runs = 0

    def __call__(self, images: Sequence[Path], directory: Path) -> None:
        self.runs += 1
        for file in (DATABASE, BLOB):
            (directory / file).parent.mkdir(parents=True)
            (directory / file).write_text(" ".join(image.name for image in images))


@pytest.fixture
def importer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Importer:
    importer = Importer()
    monkeypatch.setattr(image_store, "_import", importer)
    monkeypatch.setenv("FLEETOPS_LAB_CACHE", str(tmp_path / "cache"))
    return importer


def nodes(tmp_path: Path, *names: str) -> list[Path]:
    for name in names:
        (tmp_path / name).mkdir()
    return [tmp_path / name for name in names]


def stores(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache" / "image-stores").iterdir())


def test_nodes_share_content_but_no_database(importer: Importer, tmp_path: Path) -> None:
    first, second = nodes(tmp_path, "first", "second")
    image_store.provide([Path("a.tar")], [first, second])
    assert (first / BLOB).stat().st_ino == (second / BLOB).stat().st_ino
    (first / DATABASE).write_text("changed by the first node")
    assert (second / DATABASE).read_text() == "a.tar"
    assert (stores(tmp_path)[0] / "metadata" / "meta.db").read_text() == "a.tar"


def test_the_same_images_are_imported_once(importer: Importer, tmp_path: Path) -> None:
    for name in ("first", "second"):
        image_store.provide([Path("a.tar"), Path("b.tar")], nodes(tmp_path, name))
    assert importer.runs == 1
    image_store.provide([Path("a.tar")], nodes(tmp_path, "third"))
    assert importer.runs == 2


def test_old_stores_go_and_nodes_keep_their_files(importer: Importer, tmp_path: Path) -> None:
    names = ["one", "two", "three"]
    for age, name in enumerate(names):
        image_store.provide([Path(f"{name}.tar")], nodes(tmp_path, name))
        for store in stores(tmp_path):
            if f"{name}.tar" in (store / "metadata" / "meta.db").read_text():
                os.utime(store, (age, age))
    kept = {(store / "metadata" / "meta.db").read_text() for store in stores(tmp_path)}
    assert kept == {"two.tar", "three.tar"}
    assert (tmp_path / "one" / BLOB).read_text() == "one.tar"


def test_a_failed_import_leaves_nothing(
    importer: Importer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(images: Sequence[Path], directory: Path) -> None:
        importer(images, directory)
        raise LabError("import-a ended with code 1")

    monkeypatch.setattr(image_store, "_import", fail)
    with pytest.raises(LabError, match="import-a"):
        image_store.provide([Path("a.tar")], nodes(tmp_path, "first"))
    assert stores(tmp_path) == []
