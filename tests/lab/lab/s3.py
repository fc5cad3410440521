# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An S3 service: moto's, with TLS by an authority of its own, signatures and rights verified.

`S3Server` runs it as a child that ends with its parent; `python -m lab.s3 FOLDER ADDRESS` is that child.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import botocore.session

from .command import LabError
from .pki import Authority
from .process import PACKAGE_ROOT

LOOPBACK = "127.0.0.1"
REGION = "us-east-1"
LIMIT = 20.0  # seconds to end
RIGHTS = (
    "ListBucket", "ListBucketMultipartUploads", "GetObject", "PutObject", "DeleteObject",
    "AbortMultipartUpload",
)  # fmt: skip


@dataclass(frozen=True)
class Account:
    """How a client reaches the service, by the names of `vcluster_snapshots.s3`."""

    endpoint: str
    ca_cert: str
    access_key: str = "nobody"
    secret_key: str = "nothing"

    def client(self, service: str = "s3") -> Any:
        """A client with this account."""
        return botocore.session.get_session().create_client(
            service,
            region_name=REGION,
            endpoint_url=self.endpoint,
            verify=self.ca_cert,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
        )


class S3Server:
    """The service, with one account that may do what docs/snapshots.md says and nothing more.

    :param folder: For its authority and its log.
    :param address: Where it listens; pods of a host cluster reach the gateway of its network, and no loopback.
    :ivar account: The one under test.
    :ivar client: Of one that may do everything, to look at what the tested one did.
    """

    def __init__(self, folder: Path, address: str = LOOPBACK) -> None:
        folder.mkdir(exist_ok=True)
        with (folder / "s3.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "lab.s3", str(folder), address],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "PYTHONPATH": str(PACKAGE_ROOT)},
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise LabError(f"the S3 service did not start: {(folder / 's3.log').read_text()}")
        found = json.loads(line)
        self.account = Account(**found["account"])
        self.port = int(self.account.endpoint.rpartition(":")[2])
        self.client = Account(**found["root"]).client()

    def close(self) -> None:
        self._process.communicate(timeout=LIMIT)

    def bucket(self, name: str) -> dict[str, str]:
        """A new bucket, as `vcluster_snapshots.s3` names it."""
        self.client.create_bucket(Bucket=name)
        return {"bucket": name, **asdict(self.account)}


def serve(folder: Path, address: str) -> dict[str, Account]:
    """Serve from now on, in a thread; returns the accounts."""
    # Large, and only the child needs them.
    from moto import settings
    from moto.core.responses import ActionAuthenticatorMixin
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Handler(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each answer on a kept connection takes 40 ms

    authority = Authority.create(folder, "authority of s3")
    pair = authority.issue("s3", "s3", hosts=(address, "localhost"))
    server = make_server(
        address,
        0,
        DomainDispatcherApplication(create_backend_app),
        threaded=True,
        request_handler=Handler,
        ssl_context=(str(pair.certificate), str(pair.key)),
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    # Until there are accounts, everybody may do everything.
    nobody = Account(f"https://{address}:{server.server_port}", str(authority.certificate))
    iam = nobody.client("iam")
    accounts = {
        "root": _user(nobody, iam, "root", ["s3:*"]),
        "account": _user(nobody, iam, "fleetops", [f"s3:{right}" for right in RIGHTS]),
    }
    settings.INITIAL_NO_AUTH_ACTION_COUNT = 0.0
    ActionAuthenticatorMixin.request_count = 0
    return accounts


def _user(nobody: Account, iam: Any, name: str, actions: list[str]) -> Account:
    iam.create_user(UserName=name)
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}],
    }
    iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return replace(nobody, access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"])


if __name__ == "__main__":
    served = serve(Path(sys.argv[1]), sys.argv[2])
    print(json.dumps({name: asdict(account) for name, account in served.items()}), flush=True)
    sys.stdin.read()
