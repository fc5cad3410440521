# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes wrong with a bucket is said, with a way out, and without a secret."""

from __future__ import annotations

import io
import socket
import subprocess
import sys

import pytest
from places import Place
from s3_service import SECRET, STARTED, Service, error

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import bucket as module
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import Target
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import S3

pytestmark = pytest.mark.usefixtures("hasty_s3")


def read(target: Target, name: str) -> bytes:
    with target.open(name) as file:
        return file.read()


def refused(target: Target) -> str:
    """The one error that every use of a target ends with, less the name and what was tried."""
    found = set()
    for use in (
        lambda: target.write("a/data", io.BytesIO(b"x")),
        lambda: read(target, "a/data"),
        lambda: list(target.files("a")),
        lambda: target.delete("a/data"),
        lambda: target.sweep("a"),
    ):
        with pytest.raises(FleetError) as raised:
            use()
        assert target.title in raised.value.what
        assert SECRET not in str(raised.value)
        found.add(str(raised.value).partition(target.title)[2])
    (words,) = found
    return words


@pytest.mark.parametrize(
    ("change", "words", "way_out"),
    [
        ({"access_key": "AKIAUNKNOWN"}, "the access key is not known", "s3.access_key"),
        ({"secret_key": SECRET}, "the secret key is wrong", "s3.access_key and secret_key"),
        ({"access_key": None, "secret_key": None}, "there are no credentials", "s3.access_key"),
        ({"bucket": "none-of-that-name"}, "there is no such bucket", "s3.bucket"),
        ({"endpoint": "https://127.0.0.1:9"}, "connection refused", "s3.endpoint"),
        ({"endpoint": "https://s3.invalid"}, "cannot be resolved", "s3.endpoint"),
        ({"ca_cert": None}, "its certificate is not trusted", "s3.ca_cert"),
    ],
)
def test_what_is_wrong_with_the_way_there_is_said_by_every_use(
    bucket: Place, change: dict[str, str | None], words: str, way_out: str
) -> None:
    found = refused(bucket.target(**change))
    assert words in found
    assert way_out in found


def test_a_service_that_is_full_is_said_and_the_upload_taken_back(service: Service) -> None:
    full = error("XMinioStorageFull", "Full.")
    service.answers = {"POST": [(200, STARTED)], "PUT": [(507, full)]}
    with pytest.raises(FleetError, match=r"it is full \(XMinioStorageFull: Full\)") as raised:
        service.target.write("a/data", io.BytesIO(bytes(module.PART)))
    assert "Make room" in raised.value.way_out
    method, path, _headers = service.asked[-1]
    assert method == "DELETE"
    assert "uploadId=7" in path


def test_g47_a_busy_service_is_asked_again_and_not_for_ever(service: Service) -> None:
    service.answers["GET"] = [(503, error("SlowDown", "Please reduce your request rate."))]
    with pytest.raises(FleetError, match="SlowDown: Please reduce your request rate"):
        read(service.target, "a/data")
    assert len(service.asked) == module.ATTEMPTS


def test_g47_a_service_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READ", 1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
        target = module.Bucket(S3("b", endpoint=endpoint, access_key="me", secret_key=SECRET))
        with pytest.raises(FleetError, match="no answer in time"):
            read(target, "a/data")


@pytest.mark.parametrize(
    ("status", "code", "words", "way_out"),
    [
        (403, "AccessDenied", "that is not allowed", "docs/snapshots.md"),
        (403, "NobodyKnowsThis", "NobodyKnowsThis: Something", "docs/snapshots.md"),
        (400, "ExpiredToken", "the credentials ended", "s3.access_key"),
        (400, "InvalidToken", "the session token is not taken", "s3.access_key"),
        (400, "AuthorizationHeaderMalformed", "another region", "s3.region"),
        (403, "RequestTimeTooSkewed", "the clocks differ", "the controller's clock"),
        (403, "QuotaExceeded", "it is full", "Make room"),
        (400, "XMinioAdminBucketQuotaExceeded", "it is full", "Make room"),
        (501, "NotImplemented", "NotImplemented: Something", ""),
    ],
)
def test_what_a_service_refuses_is_said_with_a_way_out(
    service: Service, status: int, code: str, words: str, way_out: str
) -> None:
    service.answers = {method: [(status, error(code))] for method in ("GET", "PUT", "DELETE")}
    found = refused(service.target)
    assert words in found
    assert way_out in found


def test_g38_secrets_are_in_no_text(service: Service) -> None:
    s3 = S3("b", access_key="me", secret_key=SECRET, session_token=f"{SECRET}-token")
    assert SECRET not in repr(s3)
    assert "me" in repr(s3)
    assert SECRET not in service.target.title


def child(script: str) -> str:
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{script}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


OPEN = f"""
from {module.__package__.removesuffix("._cluster")}._core.errors import FleetError
from {module.__package__.removesuffix("._cluster")}._core.spec import S3, Snapshots
from {module.__package__.removesuffix("._cluster")}._operate import all_verbs
from {module.__package__.removesuffix("._cluster")}._operate.targets import open_target
"""


def test_only_a_bucket_needs_the_library() -> None:
    script = f"{OPEN}\nopen_target(Snapshots(directory='/b'))\nprint('botocore' in sys.modules)"
    assert child(script).strip() == "False"


def test_without_the_library_it_says_which_to_install_where() -> None:
    script = f"""sys.modules["botocore"] = None{OPEN}
try:
    open_target(Snapshots(s3=S3("b")))
except FleetError as error:
    print(error)
"""
    assert "Install `botocore` 1.36 or later for the Python that runs Ansible" in child(script)


def test_a_library_that_is_too_old_is_said() -> None:
    script = f"""
import botocore.config
del botocore.config.Config.OPTION_DEFAULTS["request_checksum_calculation"]{OPEN}
try:
    open_target(Snapshots(s3=S3("b")))
except FleetError as error:
    print(error)
"""
    assert "is too old" in child(script)
