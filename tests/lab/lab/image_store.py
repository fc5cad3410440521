# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images imported into containerd once a machine, and handed to every node as hard links.

Importing costs each node 800 MB of disk and half a minute of CPU. Content and unpacked layers are
never written again, so nodes can share them; they then also share the pages of the programs in
memory. Only containerd's two databases are a node's own.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from . import containerd, process
from .lock import cache_lock
from .paths import cache
from .unit import Mount, NodeSpec, Unit

IMPORT_LIMIT = 300.0  # seconds for all images, on a busy machine of two cores
KEPT = 2  # stores in the cache: the newest, and that of another clone


def provide(images: Sequence[Path], directories: Sequence[Path]) -> None:
    """Put a containerd root that holds the images into each node directory.

    :param images: OCI archives, whose names change with their content.
    :raises LabError: containerd could not import one; its last words follow.
    """
    with cache_lock("image-store"):  # nobody prunes the store while it is linked
        store = _store(images)
        for directory in directories:
            shutil.copytree(
                store, directory / containerd.ROOT.name, symlinks=True, copy_function=_share
            )


def _store(images: Sequence[Path]) -> Path:
    names = "\0".join(sorted(image.name for image in images))
    recipe = f"{names}\0{containerd.CONFIG}"
    stores = cache() / "image-stores"
    store = stores / hashlib.sha256(recipe.encode()).hexdigest()[:16]
    if store.is_dir():
        os.utime(store)
        return store
    stores.mkdir(parents=True, exist_ok=True)
    with _scratch(stores) as scratch:
        _import(images, scratch)
        (scratch / containerd.ROOT.name).rename(store)
    for old in sorted(stores.iterdir(), key=lambda path: path.stat().st_mtime)[:-KEPT]:
        shutil.rmtree(old)
    return store


@contextlib.contextmanager
def _scratch(parent: Path) -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(dir=parent, prefix=".importing-"))
    try:
        yield directory
    finally:
        process.end(directory)
        shutil.rmtree(directory)


def _import(images: Sequence[Path], directory: Path) -> None:
    """Run a containerd of its own in `directory` until it has imported everything."""
    imports = [
        Unit(
            f"import-{image.stem}",
            ["ctr", "--namespace=k8s.io", "images", "import", str(image)],
            after=["containerd"],
            once=True,
            limit=IMPORT_LIMIT,
        )
        for image in images
    ]
    mounts = [Mount("tmpfs", "/run"), Mount(str(directory), str(containerd.HERE))]
    units = [containerd.unit(directory), *imports]
    start = process.Start(
        NodeSpec("images", str(directory), mounts=mounts, units=units), own_network=False
    )
    start.first_process()
    start.go()
    start.wait(IMPORT_LIMIT)
    process.end(directory)


def _share(source: str, target: str) -> str:
    """Link a file that is never written again; copy databases, and across file systems."""
    if not source.endswith(".db"):
        with contextlib.suppress(OSError):
            os.link(source, target, follow_symlinks=False)
            return target
    return str(shutil.copy2(source, target, follow_symlinks=False))
