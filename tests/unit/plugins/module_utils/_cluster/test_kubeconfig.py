# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of reading kubeconfigs, with both ends of the client's range."""

from __future__ import annotations

import base64
import json
import ssl
import stat
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import (
    client as client_module,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import kubeconfig as module
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.kubeconfig import (
    Connection,
    load,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import Unreachable
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access
from lab.pki import Authority, Pair

SERVER = "https://127.0.0.1:6443"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.create(tmp_path_factory.mktemp("ca"), "ca")


@pytest.fixture(scope="module")
def client(authority: Authority) -> Pair:
    return authority.issue("client", "me")


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files would be left."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def write(path: Path, user: dict[str, Any], cluster: dict[str, Any], name: str = "one") -> Access:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": SERVER, **cluster}}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }
    path.write_text(yaml.safe_dump(document))
    return Access(kubeconfig=str(path))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kubeconfig"


def plugin(tmp_path: Path, script: str) -> dict[str, Any]:
    program = tmp_path / "plugin"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)
    version = "client.authentication.k8s.io/v1"
    return {"exec": {"apiVersion": version, "command": str(program), "interactiveMode": "Never"}}


def credential(status: dict[str, str]) -> str:
    document = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": status,
    }
    return f"cat <<'X'\n{json.dumps(document)}\nX"


@pytest.fixture(params=["itself", "client"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Kubeconfigs that say all by themselves are read here, and by the client to the same end."""
    if request.param == "client":
        monkeypatch.setattr(module, "static", lambda _path, _context: None)
    return str(request.param)


@pytest.mark.usefixtures("way")
def test_inline_certificates_leave_no_file(
    path: Path, authority: Authority, client: Pair, temporary_folder: Path
) -> None:
    user = {
        "client-certificate-data": encoded(client.certificate),
        "client-key-data": encoded(client.key),
    }
    access = write(path, user, {"certificate-authority-data": encoded(authority.certificate)})
    for _twice in range(
        2
    ):  # the client remembers files it wrote: a second reading must not miss them
        connection = load(access)
        assert connection.server == SERVER
        assert connection.tls is not None
        assert connection.tls.verify_mode is ssl.CERT_REQUIRED
        assert connection.tls.check_hostname
        assert len(connection.tls.get_ca_certs()) == 1
        assert connection.authorization() is None
        assert list(temporary_folder.iterdir()) == []


def test_the_client_still_has_the_dictionary_that_is_tidied() -> None:
    assert isinstance(client_module.kube_config._temp_files, dict)


def test_a_kubeconfig_that_says_all_needs_no_client(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = write(path, {"token": "t"}, {"proxy-url": "http://bastion:3128"})
    monkeypatch.setattr(module, "client", lambda: pytest.fail("the client was imported"))
    assert load(access).proxy == "http://bastion:3128"


@pytest.mark.usefixtures("way")
def test_certificate_files_are_relative_to_the_kubeconfig(
    path: Path, authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "ca.crt").write_bytes(authority.certificate.read_bytes())
    connection = load(write(path, {"token": "t"}, {"certificate-authority": "ca.crt"}))
    assert connection.tls is not None
    assert len(connection.tls.get_ca_certs()) == 1
    assert (tmp_path / "ca.crt").exists()


@pytest.mark.usefixtures("way")
def test_token(path: Path) -> None:
    assert load(write(path, {"token": "abc"}, {})).authorization() == "Bearer abc"


@pytest.mark.usefixtures("way")
def test_proxy_and_server_name(path: Path) -> None:
    cluster = {"proxy-url": "http://bastion:3128", "tls-server-name": "kubernetes.default"}
    connection = load(write(path, {"token": "t"}, cluster))
    assert (connection.proxy, connection.server_name) == (
        "http://bastion:3128",
        "kubernetes.default",
    )


@pytest.mark.usefixtures("way")
def test_proxy_from_the_environment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    access = write(path, {"token": "t"}, {})
    monkeypatch.setenv("https_proxy", "http://bastion:3128")
    monkeypatch.setenv("no_proxy", "10.0.0.0/8")
    assert load(access).proxy == "http://bastion:3128"
    monkeypatch.setenv("no_proxy", "127.0.0.0/8")
    assert load(access).proxy is None


@pytest.mark.usefixtures("way")
def test_insecure_is_told(path: Path) -> None:
    assert load(write(path, {"token": "t"}, {})).verified
    assert not load(write(path, {"token": "t"}, {"insecure-skip-tls-verify": True})).verified


def test_plugin_token(path: Path, tmp_path: Path) -> None:
    access = write(path, plugin(tmp_path, credential({"token": "fresh"})), {})
    assert load(access).authorization() == "Bearer fresh"


def test_expired_plugin_token_is_renewed(path: Path, tmp_path: Path) -> None:
    count = tmp_path / "count"
    script = f"echo x >> {count}\n" + credential(
        {"token": "t", "expirationTimestamp": "2001-01-01T00:00:00Z"}
    )
    connection = load(write(path, plugin(tmp_path, script), {}))
    assert connection.authorization() == "Bearer t"
    assert count.read_text().count("x") == 2


def test_plugin_certificate_leaves_no_file(
    path: Path, tmp_path: Path, client: Pair, temporary_folder: Path
) -> None:
    status = {
        "clientCertificateData": client.certificate.read_text(),
        "clientKeyData": client.key.read_text(),
    }
    load(write(path, plugin(tmp_path, credential(status)), {}))
    assert list(temporary_folder.iterdir()) == []


def test_g46_failed_plugin_is_named(path: Path, tmp_path: Path) -> None:
    access = write(path, plugin(tmp_path, "echo 'log in first' >&2; exit 3"), {})
    with pytest.raises(Unreachable, match=r"credential plugin .*plugin.* failed: .*log in first"):
        load(access)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "cannot be used"),
        ("{", "cannot be used"),
        ("[]", "cannot be used"),
        ("current-context: x\ncontexts: []\nclusters: []\nusers: []\n", "object with name x in"),
    ],
)
def test_unusable_files(path: Path, content: str, message: str) -> None:
    path.write_text(content)
    with pytest.raises(Unreachable, match=message):
        load(Access(kubeconfig=str(path)))


def test_missing_file_and_context(path: Path) -> None:
    with pytest.raises(Unreachable, match=r"kubeconfig .*nowhere does not exist"):
        load(Access(kubeconfig="/nowhere"))
    write(path, {"token": "t"}, {})
    with pytest.raises(Unreachable, match="object with name two in"):
        load(Access(kubeconfig=str(path), context="two"))


def test_environment_names_several_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a", {"token": "a"}, {}, "a")
    write(tmp_path / "b", {"token": "b"}, {}, "b")
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'a'}:{tmp_path / 'b'}:{tmp_path / 'none'}")
    assert load(Access(context="a")).authorization() == "Bearer a"
    assert load(Access(context="b")).authorization() == "Bearer b"


def test_address_and_token(authority: Authority) -> None:
    connection = load(Access(host=SERVER, token="abc", ca_cert=str(authority.certificate)))
    assert (connection.server, connection.authorization()) == (SERVER, "Bearer abc")
    assert connection.tls is not None
    assert len(connection.tls.get_ca_certs()) == 1
    with pytest.raises(Unreachable, match="vcluster_api_ca_cert /nowhere cannot be read"):
        load(Access(host=SERVER, ca_cert="/nowhere"))


@pytest.mark.usefixtures("way")
def test_threads_do_not_take_each_others_files(
    tmp_path: Path, authority: Authority, client: Pair
) -> None:
    user = {
        "client-certificate-data": encoded(client.certificate),
        "client-key-data": encoded(client.key),
    }
    cluster = {"certificate-authority-data": encoded(authority.certificate)}
    accesses = [write(tmp_path / f"k{n}", user, cluster) for n in range(8)]
    loaded: list[Connection] = []
    threads = [
        threading.Thread(target=lambda a=access: loaded.append(load(a))) for access in accesses
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loaded) == len(accesses)


@pytest.mark.usefixtures("way")
def test_g38_files_with_keys_are_private_while_they_exist(
    path: Path, client: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes: list[int] = []
    tls_context = module.tls_context

    def look(*arguments: Any, **keywords: Any) -> ssl.SSLContext:
        modes.append(stat.S_IMODE(Path(arguments[-1]).stat().st_mode))
        return tls_context(*arguments, **keywords)

    monkeypatch.setattr(module, "tls_context", look)
    monkeypatch.setattr(client_module, "tls_context", look)
    user = {
        "client-certificate-data": encoded(client.certificate),
        "client-key-data": encoded(client.key),
    }
    load(write(path, user, {}))
    assert modes == [0o600]
