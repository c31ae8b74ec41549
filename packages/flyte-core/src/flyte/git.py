"""The git repository that the user's code stands in: `flyte.git`."""

import re
import subprocess
from pathlib import Path

from flyte_config import Config, auto
from flyte_models.values import light_dataclass

__all__ = ["GitStatus", "config_from_root"]

_TIME_LIMIT = 10
_SSH = re.compile(r"ssh://(?:[\w.-]+@)?(?P<host>[\w.-]+)(?::\d+)?/(?P<path>.+)")
_SCP = re.compile(r"(?:[\w.-]+@)(?P<host>[\w.-]+):/?(?P<path>.+)")
_HTTP = re.compile(r"https?://(?:[^@/]*@)?(?P<host>[^/]+)/(?P<path>.+)")


@light_dataclass()
class GitStatus:
    """What is checked out in the repository of the working directory.

    ```python
    from flyte.git import GitStatus

    status = GitStatus(True, True, "https://github.com/example/project", commit_sha="abc")
    assert status.build_url("src/main.py", 3) == "https://github.com/example/project/blob/abc/src/main.py#L3"
    ```
    """

    is_valid: bool = False
    """Whether there is a repository with a commit and a remote."""
    is_tree_clean: bool = False
    """Whether all files are as they were committed."""
    remote_url: str = ""
    """The address of the remote for a browser, without credentials: of `origin`, or else of the first one."""
    repo_dir: Path = Path()
    commit_sha: str = ""

    @classmethod
    def from_current_repo(cls) -> "GitStatus":
        """Ask git; without a repository, or without git, the status is not valid."""
        folder = _git("rev-parse", "--show-toplevel")
        if not folder:
            return cls()
        sha = _git("rev-parse", "HEAD")
        remotes = (_git("remote") or "").split()
        url = ""
        if remotes:
            url = _browser_url(_git("remote", "get-url", "origin" if "origin" in remotes else remotes[0]) or "")
        if not sha or not url:
            return cls(repo_dir=Path(folder))
        return cls(
            is_valid=True,
            is_tree_clean=_git("status", "--porcelain") == "",
            remote_url=url,
            repo_dir=Path(folder),
            commit_sha=sha,
        )

    def build_url(self, path: Path | str, line_number: int) -> str:
        """Give the address of a line of a file at the commit; without the line if the files were changed since.

        Args:
            path: The file; a relative one is looked up in the working directory.
            line_number: Its line, from 1 on.

        Returns:
            The address; empty for a file outside of the repository, or for another host than GitHub and GitLab.
        """
        if not self.is_valid:
            return ""
        root = self.repo_dir.resolve()
        absolute = Path(path).resolve()
        if self.repo_dir == Path():
            absolute, root = Path(path), Path()
        if not absolute.is_relative_to(root):
            return ""
        host = self.remote_url.removeprefix("https://").partition("/")[0]
        folder = {"github.com": "blob", "gitlab.com": "-/blob"}.get(host)
        if folder is None:
            return ""
        anchor = f"#L{line_number}" if self.is_tree_clean else ""
        return f"{self.remote_url}/{folder}/{self.commit_sha}/{absolute.relative_to(root).as_posix()}{anchor}"


def config_from_root(path: Path | str = ".flyte/config.yaml") -> Config | None:
    """Load a configuration file by its path from the root of the repository of the working directory.

    Returns:
        The configuration; None outside of a repository, or when there is no such file.
    """
    folder = _git("rev-parse", "--show-toplevel")
    if not folder:
        return None
    file = Path(folder) / path
    return auto(file) if file.is_file() else None


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603
            ["git", *arguments],  # noqa: S607 - the user's git
            capture_output=True,
            text=True,
            timeout=_TIME_LIMIT,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _browser_url(remote: str) -> str:
    # The port of SSH is none for a browser.
    found = _HTTP.fullmatch(remote) or _SSH.fullmatch(remote) or _SCP.fullmatch(remote)
    if found is None:
        return ""
    return f"https://{found['host']}/{found['path'].removesuffix('/').removesuffix('.git')}"
