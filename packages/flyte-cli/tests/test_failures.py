"""Errors with a whole text of their own are shown as they are; only what nobody has foreseen is called a bug."""

import errno

import pytest

import flyte_models.errors as errors
from flyte_cli import exit_codes
from flyte_cli.failures import render_failure
from flyte_storage.errors import StorageTimeoutError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.DeclarationError("x"), exit_codes.CODE_NOT_LOADED),
        (errors.CodeBundleError("x"), exit_codes.CODE_NOT_LOADED),
        (errors.ImageBuildError("x"), exit_codes.CODE_NOT_LOADED),
        (errors.ModuleLoadError("x"), exit_codes.CODE_NOT_LOADED),
        (errors.DeploymentError("x"), exit_codes.CONTROL_PLANE),
        (errors.RemoteTaskNotFoundError("x"), exit_codes.USAGE),
        (errors.ConditionNotFoundError("x"), exit_codes.USAGE),
        (errors.ActionNotFoundError("x"), exit_codes.USAGE),
        (errors.UnionRpcError("not_found", "x"), exit_codes.USAGE),
        (errors.UnionRpcError("unavailable", "x"), exit_codes.CONTROL_PLANE),
        (errors.RemoteTaskUsageError("x"), exit_codes.USAGE),
        (errors.RuntimeUserError("Code", "x"), exit_codes.USAGE),
        (StorageTimeoutError("x"), exit_codes.CONTROL_PLANE),
        (PermissionError(errno.EACCES, "Permission denied", "/root/x"), exit_codes.CONFIGURATION),
        (OSError(errno.ENOSPC, "No space left on device"), exit_codes.CONFIGURATION),
    ],
)
def test_foreseen_errors_are_no_bugs(error: Exception, code: int) -> None:
    text, shown = render_failure(error, verbose=False, colour=False)
    assert shown == code
    assert text.startswith("error: ")
    assert "bug of flyte" not in text


@pytest.mark.parametrize("error", [ValueError("x"), errors.RuntimeSystemError("Code", "x"), OSError("x")])
def test_others_are(error: Exception) -> None:
    text, shown = render_failure(error, verbose=False, colour=False)
    assert shown == exit_codes.INTERNAL
    assert "bug of flyte" in text
