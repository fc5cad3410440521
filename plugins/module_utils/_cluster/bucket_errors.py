# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes wrong with a bucket, in words. The library is imported here, guarded: a missing one is an error on use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .._core.errors import FleetError
from .libraries import urllib3
from .transport import silent

__all__ = ["AT", "botocore", "explained", "require"]

AT = "vcluster_snapshots.s3"
MISSING = ""

try:
    import botocore.config  # type: ignore[import-not-found,import-untyped,unused-ignore]
    import botocore.exceptions  # type: ignore[import-not-found,import-untyped,unused-ignore]
    import botocore.session  # type: ignore[import-not-found,import-untyped,unused-ignore]
except ImportError as missing:
    MISSING = str(missing)
    botocore = None
else:
    # The checksums that many services refuse came with the option that leaves them out.
    if "request_checksum_calculation" not in botocore.config.Config.OPTION_DEFAULTS:
        MISSING = f"botocore {botocore.__version__} is too old"

_KEY = f"Check {AT}.access_key and secret_key, or what gives Ansible its credentials."
_RIGHTS = "docs/snapshots.md names the rights that it needs."
_WAY = f"Check {AT}.endpoint and the way there, then run again."
_REGION = ("the bucket is in another region ({message})", f"Set {AT}.region to that of the bucket.")
# Amazon's codes, which the other services took over.
_CODES = {
    "AccessDenied": ("that is not allowed ({message})", _RIGHTS),
    "AuthorizationHeaderMalformed": _REGION,
    "ExpiredToken": ("the credentials ended ({message})", _KEY),
    "IllegalLocationConstraintException": _REGION,
    "InvalidAccessKeyId": ("the access key is not known there", _KEY),
    "InvalidToken": ("the session token is not taken", _KEY),
    "NoSuchBucket": ("there is no such bucket", f"Make it, or correct {AT}.bucket."),
    "NoSuchKey": ("no such file", ""),
    "PermanentRedirect": _REGION,
    "RequestTimeTooSkewed": ("the clocks differ ({message})", "Set the controller's clock."),
    "SignatureDoesNotMatch": ("the secret key is wrong", _KEY),
}


def require() -> None:
    """Raise FleetError when the library is missing."""
    if MISSING:
        raise FleetError(
            f"The Python library for S3 cannot be used: {MISSING}.",
            "Install `botocore` 1.36 or later for the Python that runs Ansible.",
        )


@contextmanager
def explained(name: str, done: str, title: str) -> Iterator[None]:
    """Raise FleetError for what the service refuses, and for a connection that breaks.

    Args:
        name: Of the file or folder; empty for all.
        done: What cannot be done.
        title: Of the bucket.
    """
    kinds = (
        botocore.exceptions.BotoCoreError,
        botocore.exceptions.ClientError,
        urllib3.exceptions.HTTPError,
        OSError,
    )
    try:
        yield
    except kinds as error:
        reason, way_out = _words(error)
        what = f"{name or 'All of it'} cannot be {done} in the {title}: {reason}."
        raise FleetError(what, way_out) from error


def _words(error: Any) -> tuple[str, str]:
    """What is wrong, and what to do about it."""
    known = botocore.exceptions
    if isinstance(error, known.ClientError):
        return _answer(error.response)
    if isinstance(error, (known.NoCredentialsError, known.PartialCredentialsError)):
        return "there are no credentials", f"Set {AT}.access_key and secret_key."
    if isinstance(error, known.IncompleteReadError):
        return f"the connection broke off ({_sentence(error)})", _WAY
    cause = getattr(error, "kwargs", {}).get("error", error)
    if isinstance(cause, known.BotoCoreError):
        return _sentence(cause), _KEY if isinstance(cause, known.CredentialRetrievalError) else ""
    found = silent(cause)
    if found.certain:
        way_out = f"Set {AT}.ca_cert to the bundle of its authority, or correct {AT}.endpoint."
        return found.reason, way_out
    return found.reason, _WAY


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")


def _answer(response: Any) -> tuple[str, str]:
    """The words for an answer of the service."""
    code = str(response["Error"].get("Code", ""))
    message = str(response["Error"].get("Message", "")).rstrip(".")
    status = response["ResponseMetadata"].get("HTTPStatusCode")
    # Each service has a code of its own for this: QuotaExceeded, XMinioStorageFull ...
    if status == 507 or "quota" in code.lower():
        return (
            f"it is full ({code}: {message})",
            "Make room, or lower vcluster_snapshots.keep_count and keep_days.",
        )
    words, way_out = _CODES.get(code, ("{code}: {message}", _RIGHTS if status == 403 else ""))
    return words.format(code=code, message=message), way_out
