# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The snapshots of one vCluster in a target: CLUSTER/NAMESPACE/NAME/ID/{data,private,manifest.json}.

The manifest is written last and deleted first. A folder without one is no snapshot: it is being
written, or was cut off. Archives that the vendor's controller writes lie beside: no name of a vCluster
has an underscore.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import IO
from urllib.parse import quote

from .._core.errors import FleetError
from .._core.ports import Target
from .._core.snapshot import Manifest, Part, from_text, to_text
from .._core.spec import Spec
from .seal import sealed, unsealed
from .streams import Checked, Measured, buffered

MANIFEST = "manifest.json"
LARGEST_MANIFEST = 1 << 20  # bytes; ours have some 1,500


class Repository:
    """The snapshots of one vCluster.

    Args:
        target: Where they lie.
        spec: Of the vCluster.
    """

    def __init__(self, target: Target, spec: Spec) -> None:
        self._target = target
        self._folder = _folder(spec)

    @property
    def title(self) -> str:
        """What messages call it."""
        return f"{self._target.title}, {self._folder}"

    def manifests(self) -> tuple[list[Manifest], list[str]]:
        """All snapshots, oldest first, and what is wrong with those whose manifest cannot be read."""
        found, errors = [], []
        for stored in list(self._target.files(self._folder)):
            path = PurePosixPath(stored.name)
            if path.name != MANIFEST:
                continue
            try:
                found.append(self._manifest(stored.name))
            except FleetError as error:
                errors.append(str(error))
        return sorted(found, key=lambda manifest: manifest.id), errors

    def find(self, snapshot: str) -> Manifest | None:
        """The snapshot with an id; None when there is none that can be read."""
        found, _errors = self.manifests()
        return next((manifest for manifest in found if manifest.id == snapshot), None)

    def write(
        self, snapshot: str, part: str, content: IO[bytes], recipients: Sequence[str]
    ) -> Part:
        """Write a part, compressed and encrypted, as a stream.

        Args:
            snapshot: Its id.
            part: Name of the part.
            recipients: Who can open it; nobody: it is not encrypted.
        """
        with sealed(content, recipients) as stream:
            measured = Measured(stream)
            self._target.write(self._path(snapshot, part), buffered(measured))
        return measured.part

    @contextmanager
    def read(
        self, snapshot: str, name: str, part: Part, identities: Sequence[str], *, encrypted: bool
    ) -> Iterator[IO[bytes]]:
        """A part's content as a stream; it is what was written when its end was reached without an error.

        Raises:
            FleetError: It is gone, was cut off or altered, or no key opens it.
        """
        path = self._path(snapshot, name)
        with self._target.open(path) as stored:
            checked = Checked(stored, part, f"{path} in the {self._target.title}")
            with unsealed(buffered(checked), identities, encrypted) as content:
                yield content

    def publish(self, manifest: Manifest) -> None:
        """From now on it is a snapshot."""
        text = to_text(manifest)
        self._target.write(self._path(manifest.id, MANIFEST), io.BytesIO(text.encode()))

    def delete(self, snapshot: str) -> None:
        """Delete a snapshot, its manifest first."""
        folder = self._path(snapshot)
        names = [stored.name for stored in self._target.files(folder)]
        for name in sorted(names, key=lambda name: PurePosixPath(name).name != MANIFEST):
            self._target.delete(name)

    def sweep(self) -> None:
        """Remove what runs that were cut off left. Only under the vCluster's lock: nobody writes here then."""
        self._target.sweep(self._folder)
        names = [PurePosixPath(stored.name) for stored in self._target.files(self._folder)]
        whole = {name.parent for name in names if name.name == MANIFEST}
        for name in names:
            if name.parent not in whole:
                self._target.delete(str(name))

    def _manifest(self, name: str) -> Manifest:
        with self._target.open(name) as file:
            text = file.read(LARGEST_MANIFEST).decode(errors="replace")
        manifest = from_text(text, f"{name} in the {self._target.title}")
        if self._path(manifest.id, MANIFEST) != name:
            raise FleetError(
                f"The manifest {name} in the {self._target.title} is that of the snapshot {manifest.id}.",
                "Somebody moved it: put it back, or delete its folder.",
            )
        return manifest

    def _path(self, *names: str) -> str:
        return "/".join((self._folder, *names))


def archives_of(spec: Spec) -> str:
    """The folder with the vendor's archives of one vCluster."""
    return f"{_folder(spec)}_archives"


def _folder(spec: Spec) -> str:
    return "/".join(map(_folder_name, (spec.cluster, spec.namespace, spec.name)))


def _folder_name(text: str) -> str:
    """A host cluster can have any name, for example a context `admin@west` or an ARN."""
    name = quote(text, safe="")
    return f"%2E{name[1:]}" if name.startswith(".") else name
