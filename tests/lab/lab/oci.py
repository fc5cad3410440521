# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container images made from files: OCI image layouts in a tar, as `ctr images import` takes them.

An image has one layer from scratch and is kept in the cache under a digest of its whole content,
so it is written once. Times and owners in it are fixed: same content, same digest.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from .lock import cache_lock
from .paths import cache

LAYER = "application/vnd.oci.image.layer.v1.tar"
CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
FORMAT = 1  # raise it when the same content is to be laid out in another way
ACCOUNTS = b"""\
root:x:0:0:root:/:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false
"""


@dataclass(frozen=True)
class Image:
    """What an image holds and the names it goes by.

    `references` are full names with tag. `files` maps a path in the image to a file of this
    machine, or to its content; paths that come from one file become hard links of one another,
    so a program of many names is stored once and its pages are shared. `links` maps a path to
    the target of a symbolic link. `entrypoint` is what a container without command runs, as `user`.
    """

    references: tuple[str, ...]
    files: Mapping[str, Path | bytes]
    links: Mapping[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    user: str = "0:0"

    @property
    def stem(self) -> str:
        """A file name for it: the last part of its first name."""
        return self.references[0].rsplit("/", 1)[-1].replace(":", "-")

    def digest(self) -> str:
        """What the image is made of, as 16 hexadecimal digits."""
        content = {path: (_checksum(file), _mode(file)) for path, file in self.files.items()}
        facts = [FORMAT, platform.machine(), self.references, dict(self.links), content]
        facts += [self.entrypoint, self.user]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def write(image: Image) -> Path:
    """The image's tar in the cache, written now unless it is there."""
    path = cache() / "images" / f"{image.stem}-{image.digest()}.tar"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with cache_lock("images"):
        if not path.exists():
            with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as scratch:
                partial = Path(scratch) / "image.tar"
                _write_layout(image, partial, Path(scratch) / "layer.tar")
                partial.rename(path)
    return path


def _write_layout(image: Image, output: Path, layer: Path) -> None:
    _write_layer(image, layer)
    layer_digest = _checksum(layer)
    config = _encode(_config(image, layer_digest))
    layers = [_descriptor(LAYER, layer_digest, layer.stat().st_size)]
    manifest = _encode(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _descriptor(CONFIG, _checksum(config), len(config)),
            "layers": layers,
        }
    )
    names = [_named(MANIFEST, manifest, reference) for reference in image.references]
    index = _encode({"schemaVersion": 2, "mediaType": INDEX, "manifests": names})
    with tarfile.open(output, "w", format=tarfile.PAX_FORMAT) as tar:
        _add(tar, "oci-layout", _encode({"imageLayoutVersion": "1.0.0"}))
        for blob in (config, manifest):
            _add(tar, f"blobs/sha256/{_checksum(blob)}", blob)
        _add(tar, f"blobs/sha256/{layer_digest}", layer)
        _add(tar, "index.json", index)


def _write_layer(image: Image, output: Path) -> None:
    first_names: dict[Path, str] = {}
    folders = {"tmp": 0o1777}
    files: dict[str, Path | bytes] = {"/etc/passwd": ACCOUNTS, **image.files}
    for path in (*files, *image.links):
        for parent in PurePosixPath(path).parents:
            folders.setdefault(str(parent).strip("/"), 0o755)
    with tarfile.open(output, "w", format=tarfile.PAX_FORMAT) as tar:
        for folder, mode in sorted(folders.items()):
            if folder:
                _add_special(tar, folder, tarfile.DIRTYPE, mode=mode)
        for path, source in sorted(files.items(), key=lambda entry: entry[0]):
            name = path.strip("/")
            origin = source.resolve() if isinstance(source, Path) else None
            if origin in first_names:
                _add_special(tar, name, tarfile.LNKTYPE, target=first_names[origin])
                continue
            if origin:
                first_names[origin] = name
            _add(tar, name, origin or source)
        for path, target in sorted(image.links.items()):
            _add_special(tar, path.strip("/"), tarfile.SYMTYPE, target=target, mode=0o777)


def _add(tar: tarfile.TarFile, name: str, source: Path | bytes) -> None:
    """Add a regular file: executable where the source is, readable by all."""
    entry = tarfile.TarInfo(name)
    entry.mode = _mode(source)
    if isinstance(source, bytes):
        entry.size = len(source)
        tar.addfile(entry, io.BytesIO(source))
        return
    entry.size = source.stat().st_size
    with source.open("rb") as content:
        tar.addfile(entry, content)


def _add_special(
    tar: tarfile.TarFile, name: str, kind: bytes, *, target: str = "", mode: int = 0o755
) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname, entry.mode = kind, target, mode
    tar.addfile(entry)


def _config(image: Image, layer_digest: str) -> dict[str, Any]:
    machine = platform.machine()
    return {
        "architecture": ARCHITECTURES.get(machine, machine),
        "os": "linux",
        "config": {
            "User": image.user,
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            "Entrypoint": list(image.entrypoint),
            "WorkingDir": "/",
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_digest}"]},
    }


def _named(media_type: str, blob: bytes, reference: str) -> dict[str, Any]:
    """An entry of the index; containerd reads the first annotation, other tools the second."""
    annotations = {
        "io.containerd.image.name": reference,
        "org.opencontainers.image.ref.name": reference,
    }
    return {**_descriptor(media_type, _checksum(blob), len(blob)), "annotations": annotations}


def _descriptor(media_type: str, checksum: str, size: int) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": f"sha256:{checksum}", "size": size}


def _checksum(source: Path | bytes) -> str:
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    with source.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _mode(source: Path | bytes) -> int:
    executable = isinstance(source, Path) and source.stat().st_mode & 0o100
    return 0o755 if executable else 0o644


def _encode(document: Mapping[str, Any] | Sequence[Any]) -> bytes:
    return json.dumps(document, sort_keys=True).encode()
