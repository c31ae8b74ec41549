"""What an image gets on top of its base: one class per kind of layer. A layer reads its files only when it is fingerprinted.

`fingerprint` gives the bytes that the image's tag is made of. They are those of the reference, so that both name an image alike;
the one exception is a tree with several folders side by side, whose order there is that of the file system.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from flyte_models.secrets import Secret
from flyte_models.values import light_dataclass

if TYPE_CHECKING:
    from flyte_images.scripts import ScriptMetadata

__all__ = [
    "DEBIAN_LAYERS",
    "AptPackages",
    "CodeBundle",
    "Commands",
    "CopyStyle",
    "DockerIgnore",
    "EnvVars",
    "Labels",
    "Layer",
    "LocalWheels",
    "PipOptions",
    "PipPackages",
    "PixiProject",
    "PixiScript",
    "PoetryProject",
    "ProjectInstallMode",
    "Requirements",
    "SourceFile",
    "SourceFolder",
    "UVProject",
    "UVScript",
    "WorkDir",
]

ProjectInstallMode = Literal["dependencies_only", "install_project"]
CopyStyle = Literal["loaded_modules", "all"]
SecretMounts = tuple[str | Secret, ...]


@light_dataclass(frozen=True)
class Layer:
    """One step of a recipe."""

    def fingerprint(self, context: "FingerprintContext") -> Iterator[bytes]:
        """Yield the bytes that the tag of an image with this layer is made of.

        Raises:
            FileNotFoundError: A file that the layer names is not there.
            ValueError: A file that the layer names has not the form that it must have.
        """
        raise NotImplementedError(f"`{type(self).__name__}` does not say what it is made of")


@light_dataclass(frozen=True)
class FingerprintContext:
    """What a layer must know of the whole recipe."""

    has_ignore_file: bool = False
    """Whether the recipe names a `.dockerignore` of its own; folders then do not heed theirs."""


@light_dataclass(frozen=True)
class PipOptions:
    """How packages are found and installed."""

    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    pre: bool = False
    extra_args: str | None = None
    secret_mounts: SecretMounts = ()

    def text(self) -> str:
        """Give all options as one text."""
        return "".join(
            [
                self.index_url or "",
                *self.extra_index_urls,
                "True" if self.pre else "",
                self.extra_args or "",
                _secrets_text(self.secret_mounts),
            ]
        )


@light_dataclass(frozen=True)
class PipPackages(Layer):
    """Packages from a Python package index."""

    packages: tuple[str, ...]
    options: PipOptions

    def fingerprint(self, context: FingerprintContext) -> Iterator[bytes]:
        """Yield the options and the packages in their order."""
        del context
        yield self.options.text().encode()
        yield "".join(self.packages).encode()


@light_dataclass(frozen=True)
class Requirements(Layer):
    """The packages of a requirements file."""

    file: Path
    options: PipOptions

    def fingerprint(self, context: FingerprintContext) -> Iterator[bytes]:
        """Yield the options and the content of the file."""
        del context
        yield self.options.text().encode()
        yield _content(self.file, "a requirements file")


@light_dataclass(frozen=True)
class UVProject(Layer):
    """The packages of a project of uv, or the project itself."""

    pyproject: Path
    lock: Path | None
    options: PipOptions
    install_mode: ProjectInstallMode

    def fingerprint(self, context: FingerprintContext) -> Iterator[bytes]:
        """Yield the options, and lock file and `pyproject.toml`, or all files of a project that is installed."""
        yield self.options.text().encode()
        if self.install_mode == "install_project":
            yield from _tree(self.pyproject.parent, context)
            return
        if self.lock is not None:
            yield _content(self.lock, "a lock file")
        elif (beside := self.pyproject.with_name("uv.lock")).is_file():
            yield beside.read_bytes()
        yield _content(self.pyproject, "a project")


@light_dataclass(frozen=True)
class PoetryProject(Layer):
    """The packages of a project of Poetry, or the project itself."""

    pyproject: Path
    lock: Path
    extra_args: str | None
    secret_mounts: SecretMounts
    install_mode: ProjectInstallMode

    def fingerprint(self, context: FingerprintContext) -> Iterator[bytes]:
        """Yield the options, and lock file and `pyproject.toml`, or all files of a project that is installed."""
        yield ((self.extra_args or "") + _secrets_text(self.secret_mounts)).encode()
        if self.install_mode == "install_project":
            yield from _tree(self.pyproject.parent, context)
            return
        yield _content(self.lock, "a lock file")
        yield _content(self.pyproject, "a project")


@light_dataclass(frozen=True)
class PixiProject(Layer):
    """The packages of a project of pixi, or the project itself."""

    manifest: Path
    lock: Path | None
    environment: str
    extra_args: str | None
    secret_mounts: SecretMounts
    install_mode: ProjectInstallMode

    def fingerprint(self, context: FingerprintContext) -> Iterator[bytes]:
        """Yield the options, and lock file and manifest, or all files of a project that is installed."""
        yield (self.environment + (self.extra_args or "") + _secrets_text(self.secret_mounts)).encode()
        if self.install_mode == "install_project":
            yield from _tree(self.manifest.parent, context)
            return
        if self.lock is not None:
            yield _content(self.lock, "a lock file")
        elif (beside := self.manifest.with_name("pixi.lock")).is_file():
            yield beside.read_bytes()
        yield _content(self.manifest, "a manifest")


@light_dataclass(frozen=True)
class UVScript(Layer):
    """The packages that a script names in its first lines (PEP 723)."""

    script: Path
    options: PipOptions

    def metadata(self) -> "ScriptMetadata":
        """Read what the script says of itself."""
        from flyte_images.scripts import read_script  # noqa: PLC0415 - reads TOML, which most recipes need not

        _refuse_missing(self.script, "a script")
        return read_script(self.script)

    def fingerprint(self, context: FingerprintContext) -> Iterator[bytes]:
        """Yield what the script needs, and the options; what it does is no matter of the image."""
        del context
        needs = self.metadata()
        tool = "None"
        if "uv" in needs.tool:
            tool = f"{{'uv': ToolUVConfig(exclude_newer={needs.tool['uv'].get('exclude-newer')!r})}}"
        text = (
            f"(UVScriptMetadata(requires_python={needs.requires_python!r}, dependencies={list(needs.dependencies)!r},"
            f" pyprojects=[], tool={tool}),)"
        )
        yield text.encode()
        yield self.options.text().encode()


@light_dataclass(frozen=True)
class PixiScript(Layer):
    """The packages, of conda and of Python, that a script names in its first lines (PEP 723)."""

    script: Path
    environment: str
    extra_args: str | None
    secret_mounts: SecretMounts

    def fingerprint(self, context: FingerprintContext) -> Iterator[bytes]:
        """Yield what the script needs, and the options."""
        del context
        from flyte_images.scripts import read_script  # noqa: PLC0415 - as above

        _refuse_missing(self.script, "a script")
        needs = read_script(self.script)
        pixi = repr(sorted(cast("dict[str, Any]", needs.tool.get("pixi") or {}).items()))
        yield f"pixi:{needs.requires_python}:{list(needs.dependencies)}:{pixi}".encode()
        yield (self.environment + (self.extra_args or "") + _secrets_text(self.secret_mounts)).encode()


@light_dataclass(frozen=True)
class AptPackages(Layer):
    """Packages of Debian."""

    packages: tuple[str, ...]
    secret_mounts: SecretMounts = ()

    def fingerprint(self, context: FingerprintContext) -> Iterator[bytes]:
        """Yield the packages in their order, and the secrets."""
        del context
        yield ("".join(self.packages) + _secrets_text(self.secret_mounts)).encode()


@light_dataclass(frozen=True)
class Commands(Layer):
    """Commands of the shell, each a step of its own."""

    commands: tuple[str, ...]
    secret_mounts: SecretMounts = ()

    def fingerprint(self, context: FingerprintContext) -> Iterator[bytes]:
        """Yield the commands and the secrets."""
        del context
        yield ("".join(self.commands) + _secrets_text(self.secret_mounts)).encode()


@light_dataclass(frozen=True)
class Labels(Layer):
    """Labels of the image, as lines of a Dockerfile."""

    lines: tuple[str, ...]

    def fingerprint(self, context: FingerprintContext) -> Iterator[bytes]:
        """Yield the lines."""
        del context
        yield "".join(self.lines).encode()


@light_dataclass(frozen=True)
class EnvVars(Layer):
    """Environment variables."""

    variables: tuple[tuple[str, str], ...]

    def fingerprint(self, context: FingerprintContext) -> Iterator[bytes]:
        """Yield the variables in their order."""
        del context
        yield " ".join(f"{name}={text}" for name, text in self.variables).encode()


@light_dataclass(frozen=True)
class WorkDir(Layer):
    """The folder that commands and the container start in."""

    path: str

    def fingerprint(self, context: FingerprintContext) -> Iterator[bytes]:
        """Yield the path."""
        del context
        yield self.path.encode()


@light_dataclass(frozen=True)
class SourceFile(Layer):
    """Files that are copied into the image."""

    sources: tuple[Path, ...]
    target: str

    def fingerprint(self, context: FingerprintContext) -> Iterator[bytes]:
        """Yield content and name of each file, and where it goes."""
        for source in self.sources:
            if source.is_dir():
                yield from _tree(source, context)
            else:
                yield _content(source, "a file to copy")
                yield source.name.encode()
            yield self.target.encode()


@light_dataclass(frozen=True)
class SourceFolder(Layer):
    """A folder that is copied into the image, but for what its `.dockerignore` names."""

    source: Path
    target: str

    def fingerprint(self, context: FingerprintContext) -> Iterator[bytes]:
        """Yield content and name of each file, and where the folder goes."""
        if self.source.is_file():
            yield self.source.read_bytes()
            yield self.source.name.encode()
        else:
            _refuse_missing(self.source, "a folder to copy")
            yield from _tree(self.source, context)
        yield self.target.encode()


@light_dataclass(frozen=True)
class CodeBundle(Layer):
    """The code of the run, for runs that are started without a bundle; others leave it out."""

    copy_style: CopyStyle
    target: str

    def fingerprint(self, context: FingerprintContext) -> Iterator[bytes]:
        """Refuse: which code it is, only a run knows."""
        del context
        raise ValueError(
            "an image with the code of a run (`with_code_bundle`) has no tag before there is a run\n"
            "hint: `flyte.run` and `flyte.deploy` set it; `with_source_folder` names the code yourself"
        )


@light_dataclass(frozen=True)
class DockerIgnore(Layer):
    """The `.dockerignore` of the build."""

    file: Path

    def fingerprint(self, context: FingerprintContext) -> Iterator[bytes]:
        """Yield the content."""
        del context
        yield _content(self.file, "a `.dockerignore`")


@light_dataclass(frozen=True)
class LocalWheels(Layer):
    """Wheels that were built on this machine, instead of released packages."""

    folder: Path
    package: str

    def fingerprint(self, context: FingerprintContext) -> Iterator[bytes]:
        """Yield the content of each wheel."""
        del context
        wheels = sorted(self.folder.glob("*.whl")) if self.folder.is_dir() else []
        if not wheels:
            raise FileNotFoundError(
                f"there are no wheels of `{self.package}` in `{self.folder}`\n"
                f"hint: build them there: `uv build --out-dir {self.folder}`"
            )
        for wheel in wheels:
            yield wheel.read_bytes()


def _secrets_text(secrets: Iterable[str | Secret]) -> str:
    return "".join(each if isinstance(each, str) else repr(each) for each in secrets)


def _refuse_missing(path: Path, what: str) -> None:
    if not path.exists():
        raise FileNotFoundError(
            f"the image needs {what} that does not exist: `{path}`\n"
            f"hint: relative paths start at the working directory, `{Path.cwd()}`"
        )


def _content(path: Path, what: str) -> bytes:
    _refuse_missing(path, what)
    return path.read_bytes()


def _tree(folder: Path, context: FingerprintContext) -> Iterator[bytes]:
    """Yield content and relative name, without separators, of each file below a folder: its own files first, then its folders."""
    from flyte_images.dockerignore import IgnoreRules, read_rules  # noqa: PLC0415 - only tags of folders need it

    _refuse_missing(folder, "a folder")
    rules = IgnoreRules(()) if context.has_ignore_file else read_rules(folder)
    for where, folders, files in os.walk(folder, followlinks=False):
        folders.sort()
        for name in sorted(files):
            path = Path(where) / name
            relative = path.relative_to(folder)
            if not rules.is_ignored(relative.as_posix()):
                yield path.read_bytes()
                yield "".join(relative.parts).encode()


def layers_of_kind(layers: Sequence[Layer], kind: type[Any]) -> list[Any]:
    """Give the layers of one class."""
    return [layer for layer in layers if isinstance(layer, kind)]


def env_vars_of(variables: Mapping[str, Any]) -> EnvVars:
    """Make a layer of environment variables; what is no text is written as one."""
    return EnvVars(tuple((str(name), str(item)) for name, item in variables.items()))


# Recorded from the reference, byte for byte: the tag of every image on the plain Debian base is made of them.
DEBIAN_LAYERS: tuple[Layer, ...] = (
    Labels(
        (
            "LABEL org.opencontainers.image.authors='Union.AI <info@union.ai>'",
            "LABEL org.opencontainers.image.source=https://github.com/flyteorg/flyte",
        )
    ),
    Commands(
        (
            (
                "if ! id -u flyte >/dev/null 2>&1; then useradd --create-home --shell /bin/bash flyte; fi"
                " && mkdir -p /home/flyte && chown -R flyte:flyte /home/flyte && chown -R flyte:flyte /root"
            ),
        )
    ),
    WorkDir("/home/flyte"),
    EnvVars(
        (
            ("VIRTUAL_ENV", "/opt/venv"),
            ("PATH", "/opt/venv/bin:$PATH"),
            ("PYTHONPATH", "/root"),
            ("UV_LINK_MODE", "copy"),
        )
    ),
    AptPackages(("build-essential", "ca-certificates")),
)
