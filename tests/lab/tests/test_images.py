# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images fit together: what one links to is in the other, and each name leads to one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from lab import chart, images
from lab.command import LabError
from lab.oci import Image


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[Image]:
    """The images asked for, in place of written ones; no program is built."""
    asked: list[Image] = []

    def build(names: Iterable[str]) -> dict[str, Path]:
        return {name: Path("/programs", name) for name in names}

    def write(image: Image) -> Path:
        asked.append(image)
        return Path("/images", image.stem)

    monkeypatch.setattr(images, "build", build)
    monkeypatch.setattr(images, "write", write)
    return asked


def test_every_name_leads_to_one_image(written: list[Image]) -> None:
    paths = images.images_for()
    names = [name for image in written for name in image.references]
    assert len(paths) == len(set(paths)) == len(written)
    assert len(names) == len(set(names))
    for line in images.LINES:
        for edition in ("vcluster-pro", "vcluster-oss"):
            assert f"ghcr.io/loft-sh/{edition}:{line}" in names


def test_links_of_the_init_image_lead_into_the_syncers(written: list[Image]) -> None:
    images.images_for()
    syncer = _named(written, "ghcr.io/loft-sh/vcluster-pro:0.36.1")
    for release, suffix in {"v1.36.3": "", "v1.35.4": "-1.35"}.items():
        init = _named(written, f"ghcr.io/loft-sh/kubernetes:{release}")
        programs = {path: syncer.files[target] for path, target in init.links.items()}
        assert programs == {
            f"/kubernetes/{name}": Path(f"/programs/{name}{suffix}")
            for name in ("kube-apiserver", "kube-controller-manager")
        }
        assert "/bin/cp" in init.files


def test_a_tag_of_etcd_leads_to_the_minor_release_it_names(written: list[Image]) -> None:
    images.images_for()
    for tag, suffix in {"3.6.8-0": "", "3.6.4-0": "", "3.5.25-0": "-3.5"}.items():
        etcd = _named(written, f"registry.k8s.io/etcd:{tag}")
        for name in ("etcd", "etcdctl", "etcdutl"):
            assert etcd.files[f"/usr/local/bin/{name}"] == Path(f"/programs/{name}{suffix}")


def test_a_tag_of_kine_leads_to_that_release(written: list[Image]) -> None:
    images.images_for()
    for tag, program in {"v0.17.5": "kine", "v0.17.2": "kine-0.17.2"}.items():
        kine = _named(written, f"docker.io/rancher/kine:{tag}")
        assert kine.files["/bin/kine"] == Path(f"/programs/{program}")
        assert kine.entrypoint == ("/bin/kine",)


def test_every_line_of_the_chart_finds_its_images(written: list[Image]) -> None:
    images.images_for()
    names = {name for image in written for name in image.references}
    for line in chart.lines().values():
        etcd = line.default_values()["controlPlane"]["backingStore"]["etcd"]["deploy"]
        tag = etcd["statefulSet"]["image"]["tag"]
        assert f"registry.k8s.io/etcd:{tag}" in names
        assert f"ghcr.io/loft-sh/vcluster-pro:{line.version}" in names


def test_only_what_was_asked_for_is_in(written: list[Image]) -> None:
    images.images_for(lines=["0.35.3"], kubernetes=["v1.35.4"])
    syncer = _named(written, "ghcr.io/loft-sh/vcluster-pro:0.35.3")
    assert syncer.references == (
        "ghcr.io/loft-sh/vcluster-pro:0.35.3",
        "ghcr.io/loft-sh/vcluster-oss:0.35.3",
    )
    assert not [path for path in syncer.files if path.startswith("/lab/v1.36.3")]


def test_a_node_without_vclusters_has_no_tenant_images(written: list[Image]) -> None:
    images.images_for(lines=[])
    assert not [name for image in written for name in image.references if "loft-sh" in name]
    assert _named(written, images.COREDNS).user == "1001:1001"


def test_a_release_that_the_lab_does_not_run_is_refused(written: list[Image]) -> None:
    with pytest.raises(LabError, match=r"v1\.36\.0: the lab runs v1\.36\.3, v1\.35\.4 only"):
        images.images_for(kubernetes=["v1.36.3", "v1.36.0"])
    assert written == []


def _named(written: list[Image], name: str) -> Image:
    return next(image for image in written if name in image.references)
