# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine of module `snapshot_archive`: a snapshot as the archive that the vendor's own tool restores."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import IO

from .._cluster import key_archive
from .._cluster.charts import CHART
from .._cluster.files import replacing
from .._cluster.unpacked import live
from .._core.contents import Contents, Tally
from .._core.errors import FleetError
from .._core.snapshot import Manifest
from .._core.spec import Spec
from .._plan.guards.snapshots import archive_findings
from .context import Context
from .door import Arguments, Result
from .options import spec_of
from .planning import accepted
from .saved import Saved, saved_of
from .snapshot_text import as_data


def run_snapshot_archive(arguments: Arguments, context: Context) -> Result:
    """Write a snapshot to a file on the controller, in the vendor's own format, and read it back.

    Raises:
        Refused: There is no target, or the snapshot cannot be opened.
        FleetError: There is no such snapshot, it is damaged, or the file cannot be written.
    """
    spec = spec_of(arguments, context)
    accepted(spec, archive_findings(spec), context)
    saved = saved_of(spec, context, str(arguments["snapshot"]))
    accepted(spec, archive_findings(spec, saved.manifest), context)
    path = Path(arguments["dest"]).expanduser()
    with saved.data() as (file, _found):
        wanted = _contents(saved.manifest, file)
        changed = _there(path) != wanted
        if changed and not context.check:
            _write(spec, path, saved, file, wanted)
    words = "written to" if changed else "is in"
    return {
        "changed": changed,
        "dest": str(path),
        "count": wanted.keys,
        "digest": wanted.digest,
        "snapshot": as_data(saved.manifest),
        "msg": f"{spec.title}: snapshot {saved.manifest.id}, {wanted.keys:,} keys, {words} {path}",
    }


def _contents(manifest: Manifest, file: IO[bytes]) -> Contents:
    tally = Tally()
    for key, value in live(manifest.way, file):
        if key.startswith(key_archive.KEYS):
            tally.add(key, value)
    return tally.contents


def _there(path: Path) -> Contents | None:
    """What is in the file that is there; None where nothing is that could stay."""
    with suppress(OSError, FleetError):
        if not path.stat().st_mode & 0o077:
            with path.open("rb") as file:
                return key_archive.inspect(file).contents
    return None


def _write(spec: Spec, path: Path, saved: Saved, file: IO[bytes], wanted: Contents) -> None:
    manifest = saved.manifest
    release = key_archive.Release(
        manifest.name, manifest.namespace, CHART, manifest.chart_version, dict(saved.values)
    )
    keys = (item for item in live(manifest.way, file) if item[0].startswith(key_archive.KEYS))
    with replacing(path) as archive:
        key_archive.write(archive, keys, release)
        if key_archive.inspect(archive).contents != wanted:
            raise FleetError(
                f"{spec.title}: {path} does not hold what was written to it.",
                "Nothing of it is left. Check the disk, and run again.",
            )
