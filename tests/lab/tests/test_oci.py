# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image tars hold what was asked for, name it, and are written once for each content."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab import oci
from lab.oci import Image

NAMES = ("registry.example.org/team/tool:1.2", "registry.example.org/team/tool-too:1.2")


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Image:
    monkeypatch.setenv("FLEETOPS_LAB_CACHE", str(tmp_path / "cache"))
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF program")
    program.chmod(0o755)
    alias = tmp_path / "alias"
    alias.symlink_to(program)
    return Image(
        NAMES,
        {"/usr/bin/tool": program, "/bin/other": alias, "/etc/tool.conf": b"a = 1\n"},
        links={"/tools/tool": "/usr/bin/tool"},
        entrypoint=("/usr/bin/tool", "serve"),
        user="1001:1001",
    )


def test_every_blob_has_the_digest_and_size_that_name_it(image: Image) -> None:
    blobs = _blobs(oci.write(image))
    manifest, config, layer = _parts(blobs)
    for descriptor in (*_index(blobs), manifest["config"], *manifest["layers"]):
        content = blobs[f"blobs/sha256/{descriptor['digest'].removeprefix('sha256:')}"]
        assert descriptor["digest"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        assert descriptor["size"] == len(content)
    assert json.loads(blobs["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]


def test_every_name_stands_in_the_index(image: Image) -> None:
    entries = _index(_blobs(oci.write(image)))
    assert [entry["annotations"]["io.containerd.image.name"] for entry in entries] == [*NAMES]
    assert len({entry["digest"] for entry in entries}) == 1


def test_the_layer_holds_the_files(image: Image) -> None:
    entries = _layer(image)
    assert {name for name, entry in entries.items() if entry.isfile()} == {
        "bin/other",
        "etc/passwd",
        "etc/tool.conf",
    }
    assert entries["bin/other"].mode == 0o755
    assert entries["etc/tool.conf"].mode == 0o644
    assert entries["tmp"].isdir()
    assert entries["tmp"].mode == 0o1777
    assert all((entry.uid, entry.gid, entry.mtime) == (0, 0, 0) for entry in entries.values())


def test_names_of_one_file_are_hard_links_and_links_are_links(image: Image) -> None:
    entries = _layer(image)
    assert entries["usr/bin/tool"].islnk()
    assert entries["usr/bin/tool"].linkname == "bin/other"
    assert entries["tools/tool"].issym()
    assert entries["tools/tool"].linkname == "/usr/bin/tool"


def test_folders_come_before_what_they_hold(image: Image) -> None:
    order = list(_layer(image))
    for name in order:
        for parent in Path(name).parents:
            assert str(parent) == "." or order.index(str(parent)) < order.index(name)


def test_the_configuration_says_what_runs_and_as_whom(image: Image) -> None:
    _, config, _ = _parts(_blobs(oci.write(image)))
    assert config["config"]["Entrypoint"] == ["/usr/bin/tool", "serve"]
    assert config["config"]["User"] == "1001:1001"


def test_the_same_content_is_written_once(image: Image) -> None:
    first = oci.write(image)
    content = first.read_bytes()
    stamp = first.stat().st_mtime_ns
    program = image.files["/usr/bin/tool"]
    assert isinstance(program, Path)
    os.utime(program, (1, 1))
    assert oci.write(image) == first
    assert first.stat().st_mtime_ns == stamp
    first.unlink()
    assert oci.write(image).read_bytes() == content


def test_the_key_follows_the_content(image: Image) -> None:
    program = image.files["/usr/bin/tool"]
    assert isinstance(program, Path)
    digests = [
        image.digest(),
        replace(image, references=NAMES[:1]).digest(),
        replace(image, links={}).digest(),
        replace(image, entrypoint=()).digest(),
        replace(image, user="0:0").digest(),
        replace(image, files={**image.files, "/etc/tool.conf": b"a = 2\n"}).digest(),
    ]
    program.write_bytes(b"\x7fELF program, changed")
    digests.append(image.digest())
    program.chmod(0o644)
    digests.append(image.digest())
    assert len(set(digests)) == len(digests)


def test_a_writer_that_fails_leaves_no_image(image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(oci, "_config", fail)
    with pytest.raises(OSError, match="disk full"):
        oci.write(image)
    assert list((oci.cache() / "images").iterdir()) == []


def _blobs(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {entry.name: tar.extractfile(entry).read() for entry in tar}  # type: ignore[union-attr]


def _index(blobs: dict[str, bytes]) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads(blobs["index.json"])["manifests"]
    return entries


def _parts(blobs: dict[str, bytes]) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    def blob(descriptor: dict[str, Any]) -> bytes:
        return blobs[f"blobs/sha256/{descriptor['digest'].removeprefix('sha256:')}"]

    manifest = json.loads(blob(_index(blobs)[0]))
    return manifest, json.loads(blob(manifest["config"])), blob(manifest["layers"][0])


def _layer(image: Image) -> dict[str, tarfile.TarInfo]:
    _, _, layer = _parts(_blobs(oci.write(image)))
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        return {entry.name: entry for entry in tar}
