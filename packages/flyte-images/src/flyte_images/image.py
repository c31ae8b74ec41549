"""`flyte.Image`: the recipe of a container image. Nothing here builds, and files are read when the tag is asked for."""

from collections.abc import Callable, Mapping
from dataclasses import field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from flyte_images import layers as steps
from flyte_images.arguments import (
    ARCHITECTURES,
    COPY_STYLES,
    INSTALL_MODES,
    Architecture,
    mounts_of,
    one_of,
    pip_options_of,
    platforms_of,
    secret_of,
    texts_of,
    this_python,
    version_of,
)
from flyte_images.defaults import COMPATIBLE_RELEASE, default_image_uri
from flyte_images.layers import CopyStyle, Layer, ProjectInstallMode
from flyte_images.tags import content_tag, read_all
from flyte_models.env_vars import variable_error
from flyte_models.errors import ImageBuildError
from flyte_models.secrets import Secret, SecretRequest
from flyte_models.values import light_dataclass

__all__ = ["Architecture", "Image", "set_default_registry"]

_DEFAULT_NAME = "flyte"
_PLUGIN_PREFIX = "flyteplugins-"
_DIST = Path("dist")

_default_registry: Callable[[], str | None] = lambda: None  # noqa: E731
_making = 0
"""How many images are being made by this module: the constructor is not for users."""


def set_default_registry(give: Callable[[], str | None]) -> None:
    """Name what gives the registry of images that name none; the package that knows the configuration calls this."""
    global _default_registry  # noqa: PLW0603 - a registry of one
    _default_registry = give


@light_dataclass(frozen=True)
class Image:
    """The recipe of a container image: a base and what is put on top of it. Each `with_...` gives a new recipe.

    Example:
        ```python
        import flyte

        image = (
            flyte.Image.from_debian_base(registry="registry.example.org/me", name="train")
            .with_apt_packages("git")
            .with_pip_packages("numpy>=2", "pandas")
            .with_env_vars({"LEVEL": "3"})
        )
        env = flyte.TaskEnvironment("train", image=image)
        assert image.uri.startswith("registry.example.org/me/train:")
        ```

    Raises:
        TypeError: It is made directly, not by one of the `from_...` methods.
    """

    base_image: str | None = None
    dockerfile: Path | None = None
    registry: str | None = None
    name: str | None = None
    platform: tuple[Architecture, ...] = ("linux/amd64",)
    python_version: tuple[int, int] = field(default_factory=this_python)
    extendable: bool = False
    """Whether more layers can be put on top."""
    _is_cloned: bool = False
    _ref_name: str | None = None
    _layers: tuple[Layer, ...] = ()
    _tag: str | None = None
    _image_registry_secret: Secret | None = None

    def __post_init__(self) -> None:
        if not _making:
            raise TypeError(
                "an `Image` is not made directly\n"
                'hint: `Image.from_debian_base()`, `Image.from_base("python:3.12")` or another of its `from_...` methods'
            )

    # How images are begun

    @classmethod
    def from_debian_base(  # noqa: PLR0917 - the public signature
        cls,
        python_version: tuple[int, int] | None = None,
        flyte_version: str | None = None,
        install_flyte: bool = True,
        registry: str | None = None,
        registry_secret: str | Secret | None = None,
        name: str | None = None,
        platform: tuple[Architecture, ...] | None = None,
    ) -> "Image":
        """Begin with Debian, a Python and Flyte: the published image of both, or plain Python without Flyte.

        Args:
            python_version: Major and minor number; default: those of this process.
            flyte_version: The release of Flyte whose image it is.
            install_flyte: Whether Flyte is in the image; without it, the recipe begins with the slim image of Python.
            registry: Where the image is pushed to.
            registry_secret: The secret for the registry.
            name: The name of the image.
            platform: Default: both `linux/amd64` and `linux/arm64`.

        Raises:
            TypeError: An argument has not its type.
            ValueError: A platform is unknown.
        """
        version = version_of(python_version)
        platforms: tuple[Architecture, ...] = ARCHITECTURES if platform is None else platforms_of(platform)
        base = f"python:{version[0]}.{version[1]}-slim-bookworm"
        if install_flyte:
            base = default_image_uri(version, flyte_version or COMPATIBLE_RELEASE)
        made = _make(
            base_image=base,
            # Of the configuration: it is no change that makes an image of its own, it only says where one would go.
            registry=None if registry else _default_registry(),
            name=_DEFAULT_NAME,
            platform=platforms,
            python_version=version,
            extendable=True,
            _layers=() if install_flyte else steps.DEBIAN_LAYERS,
            _tag=None if install_flyte else f"py{version[0]}.{version[1]}",
        )
        if registry_secret and not (registry or name):
            return replace_fields(made, _image_registry_secret=secret_of(registry_secret))
        if registry or name:
            return made.clone(registry=registry, registry_secret=registry_secret, name=name)
        return made

    @classmethod
    def from_base(cls, image_uri: str) -> "Image":
        """Take an image as it is, by its URI. `clone(name=..., extendable=True)` makes one that takes layers."""
        return _make(base_image=image_uri, python_version=this_python())

    @classmethod
    def from_ref_name(cls, name: str = "default") -> "Image":
        """Take the image that the configuration gives this name (`image.image_refs`, `flyte.init(images=...)`)."""
        return _make(_ref_name=name, python_version=this_python())

    @classmethod
    def from_dockerfile(
        cls,
        file: Path | str,
        registry: str,
        name: str,
        platform: Architecture | tuple[Architecture, ...] | None = None,
    ) -> "Image":
        """Take what a Dockerfile builds. Layers cannot be put on top.

        Args:
            file: The Dockerfile; its folder is the context of the build.
            registry: Where the image is pushed to.
            name: The name of the image.
            platform: Default: `linux/amd64`.
        """
        return _make(
            dockerfile=Path(file),
            registry=registry,
            name=name,
            platform=("linux/amd64",) if platform is None else platforms_of(platform),
            python_version=this_python(),
        )

    @classmethod
    def from_uv_script(
        cls,
        script: Path | str,
        *,
        name: str,
        registry: str | None = None,
        registry_secret: str | Secret | None = None,
        python_version: tuple[int, int] | None = None,
        index_url: str | None = None,
        extra_index_urls: str | list[str] | tuple[str, ...] | None = None,
        pre: bool = False,
        extra_args: str | None = None,
        platform: tuple[Architecture, ...] | None = None,
        secret_mounts: SecretRequest | None = None,
    ) -> "Image":
        """Begin with Debian and the packages that a script names in its first lines (PEP 723).

        Args:
            script: The script; it is read when the tag is asked for.
            name: The name of the image.
            registry: Where the image is pushed to.
            registry_secret: The secret for the registry.
            python_version: Default: that of this process.
            index_url: The package index.
            extra_index_urls: More of them.
            pre: Whether pre-releases count.
            extra_args: Further arguments of `uv pip install`.
            platform: Default: both `linux/amd64` and `linux/arm64`.
            secret_mounts: Secrets that the installation needs.
        """
        options = pip_options_of("from_uv_script", index_url, extra_index_urls, pre, extra_args, secret_mounts)
        base = cls.from_debian_base(
            python_version, None, False, registry, registry_secret, name=name, platform=platform
        )
        return base.clone(addl_layer=steps.UVScript(Path(script), options))

    @classmethod
    def from_pixi_script(
        cls,
        script: Path | str,
        *,
        name: str,
        registry: str | None = None,
        registry_secret: str | Secret | None = None,
        environment: str = "default",
        extra_args: str | None = None,
        platform: tuple[Architecture, ...] | None = None,
        secret_mounts: SecretRequest | None = None,
    ) -> "Image":
        """Begin with Debian and the packages, of conda too, that a script names in its first lines (PEP 723, `[tool.pixi]`).

        Args:
            script: The script; it is read when the tag is asked for.
            name: The name of the image.
            registry: Where the image is pushed to.
            registry_secret: The secret for the registry.
            environment: The environment of pixi.
            extra_args: Further arguments of `pixi install`.
            platform: Default: both `linux/amd64` and `linux/arm64`.
            secret_mounts: Secrets that the installation needs.
        """
        base = cls.from_debian_base(None, None, False, registry, registry_secret, name=name, platform=platform)
        layer = steps.PixiScript(Path(script), environment, extra_args, mounts_of("from_pixi_script", secret_mounts))
        return base.clone(addl_layer=layer)

    def clone(  # noqa: PLR0917 - the public signature
        self,
        registry: str | None = None,
        registry_secret: str | Secret | None = None,
        name: str | None = None,
        base_image: str | None = None,
        python_version: tuple[int, int] | None = None,
        addl_layer: Layer | None = None,
        extendable: bool | None = None,
        platform: Architecture | tuple[Architecture, ...] | None = None,
    ) -> "Image":
        """Give a changed copy; what is not named stays. The copy is an image of its own, which is built.

        Args:
            registry: Where it is pushed to.
            registry_secret: The secret for the registry.
            name: Its name.
            base_image: The URI of another base.
            python_version: Major and minor number.
            addl_layer: One layer more.
            extendable: Whether more layers can be put on top.
            platform: One or several.

        Raises:
            ValueError: A layer is added to an image that takes none.
        """
        if addl_layer is not None:
            self._refuse_layers(is_extendable=self.extendable if extendable is None else extendable)
        return replace_fields(
            self,
            registry=registry or self.registry,
            _image_registry_secret=secret_of(registry_secret) or self._image_registry_secret,
            name=name or self.name,
            base_image=base_image or self.base_image,
            python_version=self.python_version if python_version is None else version_of(python_version),
            extendable=self.extendable if extendable is None else extendable,
            platform=self.platform if platform is None else platforms_of(platform),
            _layers=(*self._layers, *([addl_layer] if addl_layer is not None else [])),
            _is_cloned=True,
            _tag=None,
        )

    # Layers

    def with_pip_packages(
        self,
        *packages: str,
        index_url: str | None = None,
        extra_index_urls: str | list[str] | tuple[str, ...] | None = None,
        pre: bool = False,
        extra_args: str | None = None,
        secret_mounts: SecretRequest | None = None,
    ) -> "Image":
        """Install packages of Python: `image.with_pip_packages("numpy>=2", "pandas")`.

        Args:
            packages: As `pip` takes them.
            index_url: The package index.
            extra_index_urls: More of them.
            pre: Whether pre-releases count.
            extra_args: Further arguments of `uv pip install`.
            secret_mounts: Secrets that the installation needs.
        """
        options = pip_options_of("with_pip_packages", index_url, extra_index_urls, pre, extra_args, secret_mounts)
        return self._with(steps.PipPackages(texts_of("with_pip_packages", packages), options))

    def with_requirements(  # noqa: PLR0917 - the public signature
        self,
        file: str | Path,
        index_url: str | None = None,
        extra_index_urls: str | list[str] | tuple[str, ...] | None = None,
        pre: bool = False,
        extra_args: str | None = None,
        secret_mounts: SecretRequest | None = None,
    ) -> "Image":
        """Install the packages of a requirements file, whose name must end in `.txt`; arguments as of `with_pip_packages`."""
        path = Path(file)
        if path.suffix != ".txt":
            raise ValueError(f"a requirements file must be named `....txt`, got `{path}`")
        options = pip_options_of("with_requirements", index_url, extra_index_urls, pre, extra_args, secret_mounts)
        return self._with(steps.Requirements(path, options))

    def with_uv_project(  # noqa: PLR0917 - the public signature
        self,
        pyproject_file: str | Path,
        uvlock: Path | None = None,
        index_url: str | None = None,
        extra_index_urls: list[str] | tuple[str, ...] | None = None,
        pre: bool = False,
        extra_args: str | None = None,
        secret_mounts: SecretRequest | None = None,
        project_install_mode: ProjectInstallMode = "dependencies_only",
    ) -> "Image":
        """Install the dependencies of a project of uv, or the project itself.

        Args:
            pyproject_file: Its `pyproject.toml`.
            uvlock: Its lock file; default: `uv.lock` beside it, if there is one.
            index_url: The package index.
            extra_index_urls: More of them.
            pre: Whether pre-releases count.
            extra_args: Further arguments of `uv sync`.
            secret_mounts: Secrets that the installation needs.
            project_install_mode: `dependencies_only`, or `install_project` to have its code in the image as well.
        """
        options = pip_options_of("with_uv_project", index_url, extra_index_urls, pre, extra_args, secret_mounts)
        lock = Path(uvlock) if uvlock is not None else None
        mode = one_of("project_install_mode", project_install_mode, INSTALL_MODES)
        return self._with(steps.UVProject(Path(pyproject_file), lock, options, cast("Any", mode)))

    def with_poetry_project(
        self,
        pyproject_file: str | Path,
        poetry_lock: Path | None = None,
        extra_args: str | None = None,
        secret_mounts: SecretRequest | None = None,
        project_install_mode: ProjectInstallMode = "dependencies_only",
    ) -> "Image":
        """Install the dependencies of a project of Poetry, or the project itself; it must have a lock file."""
        pyproject = Path(pyproject_file)
        lock = Path(poetry_lock) if poetry_lock is not None else pyproject.with_name("poetry.lock")
        mode = one_of("project_install_mode", project_install_mode, INSTALL_MODES)
        mounts = mounts_of("with_poetry_project", secret_mounts)
        return self._with(steps.PoetryProject(pyproject, lock, extra_args, mounts, cast("Any", mode)))

    def with_pixi_project(  # noqa: PLR0917 - the public signature
        self,
        manifest_file: str | Path,
        pixi_lock: Path | None = None,
        environment: str = "default",
        extra_args: str | None = None,
        secret_mounts: SecretRequest | None = None,
        project_install_mode: ProjectInstallMode = "dependencies_only",
    ) -> "Image":
        """Install one environment of a project of pixi, or the project itself."""
        mode = one_of("project_install_mode", project_install_mode, INSTALL_MODES)
        lock = Path(pixi_lock) if pixi_lock is not None else None
        mounts = mounts_of("with_pixi_project", secret_mounts)
        layer = steps.PixiProject(Path(manifest_file), lock, environment, extra_args, mounts, cast("Any", mode))
        return self._with(layer)

    def with_apt_packages(self, *packages: str, secret_mounts: SecretRequest | None = None) -> "Image":
        """Install packages of Debian."""
        mounts = mounts_of("with_apt_packages", secret_mounts)
        return self._with(steps.AptPackages(texts_of("with_apt_packages", packages), mounts))

    def with_commands(self, commands: list[str], secret_mounts: SecretRequest | None = None) -> "Image":
        """Run commands of the shell, each a step of its own."""
        if isinstance(commands, str):
            raise TypeError(f"`with_commands` takes a list of commands, got {commands!r}\nhint: `[{commands!r}]`")
        mounts = mounts_of("with_commands", secret_mounts)
        return self._with(steps.Commands(texts_of("with_commands", commands), mounts))

    def with_env_vars(self, env_vars: dict[str, str]) -> "Image":
        """Set environment variables.

        Raises:
            TypeError: They are no dict.
            ValueError: A name is empty or has a `=`, or a NUL character is somewhere.
        """
        if not isinstance(env_vars, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"`with_env_vars` takes a dict of texts, got {env_vars!r}")
        for name, item in env_vars.items():
            if error := variable_error(str(name), str(item)):
                raise ValueError(f"`with_env_vars`: {error}")
        return self._with(steps.env_vars_of(env_vars))

    def with_workdir(self, workdir: str) -> "Image":
        """Set the folder that commands and the container start in."""
        return self._with(steps.WorkDir(str(workdir)))

    def with_source_file(self, src: Path | list[Path], dst: str = ".") -> "Image":
        """Copy a file, or several, to a folder or path in the image."""
        sources = src if isinstance(src, list | tuple) else [src]
        return self._with(steps.SourceFile(tuple(Path(each) for each in sources), dst))

    def with_source_folder(self, src: Path, dst: str = ".", copy_contents_only: bool = False) -> "Image":
        """Copy a folder, without what its `.dockerignore` names.

        Args:
            src: The folder.
            dst: Where it goes.
            copy_contents_only: Whether `dst` gets what is in the folder, not the folder itself.
        """
        source = Path(src)
        target = dst if copy_contents_only else f"{dst}/{source.name}"
        return self._with(steps.SourceFolder(source, target))

    def with_code_bundle(self, copy_style: CopyStyle = "loaded_modules", dst: str = ".") -> "Image":
        """Copy the code of a run that is started with `copy_style="none"`; other runs leave this out, since a bundle has it.

        Args:
            copy_style: `loaded_modules` or `all`, as of a bundle.
            dst: Where it goes.
        """
        return self._with(steps.CodeBundle(cast("Any", one_of("copy_style", copy_style, COPY_STYLES)), dst))

    def with_dockerignore(self, path: Path) -> "Image":
        """Use this `.dockerignore` for the build."""
        return self._with(steps.DockerIgnore(Path(path)))

    def with_local_v2(self) -> "Image":
        """Install Flyte from the wheels in `./dist`, which a contributor has built, instead of a release."""
        return self._with(steps.LocalWheels(_DIST, "flyte"))

    def with_local_rs_controller(self) -> "Image":
        """Install the native packages from the wheels in `./rs_controller/dist`."""
        return self._with(steps.LocalWheels(Path("rs_controller") / "dist", "flyte_controller_base"))

    def with_local_v2_plugins(self, plugins: str | list[str] | None = None) -> "Image":
        """Install plugins from the wheels in their `dist` folders, which a contributor has built.

        Raises:
            ValueError: A name does not begin with `flyteplugins-`.
        """
        image = self
        for plugin in [plugins] if isinstance(plugins, str) else plugins or []:
            if not plugin.startswith(_PLUGIN_PREFIX):
                raise ValueError(f"the name of a plugin begins with `{_PLUGIN_PREFIX}`, got `{plugin}`")
            folder = Path("plugins") / plugin.removeprefix(_PLUGIN_PREFIX) / "dist"
            image = image._with(steps.LocalWheels(folder, plugin))
        return image

    # What a recipe says

    @cached_property
    def uri(self) -> str:
        """The URI of the image: `[<registry>/]<name>:<tag>`, with a tag made of the content; of an unchanged base, its own.

        Raises:
            ImageBuildError: The recipe has neither a base nor a name.
            FileNotFoundError: A file that it names is not there.
            ValueError: A file that it names has not the form that it must have.
        """
        if not self.needs_build:
            if not self.base_image:
                raise ImageBuildError(self._nameless())
            return self.base_image
        if not self.name:
            raise ImageBuildError(
                "the image has no name, so it has no URI\nhint: `image.clone(name=...)`, and `registry=...` to push it"
            )
        prefix = f"{self.registry}/" if self.registry else ""
        return f"{prefix}{self.name}:{self._tag or content_tag(self.base_image, self.dockerfile, self._layers)}"

    @property
    def needs_build(self) -> bool:
        """Whether there is something to build, or the image is used as it is."""
        return self._is_cloned or self.dockerfile is not None or bool(self._layers)

    @property
    def ref_name(self) -> str | None:
        """The name in the configuration that stands for this image, of one that was made by `from_ref_name`."""
        return self._ref_name

    @property
    def layers(self) -> tuple[Layer, ...]:
        """What is put on top of the base, in order."""
        return self._layers

    @property
    def registry_secret(self) -> Secret | None:
        """The secret for the registry."""
        return self._image_registry_secret

    @property
    def pip_packages(self) -> tuple[str, ...]:
        """The packages of all `with_pip_packages`, in order."""
        return tuple(
            package for layer in self._layers if isinstance(layer, steps.PipPackages) for package in layer.packages
        )

    def validate(self) -> None:
        """Read everything that the tag is made of.

        Raises:
            FileNotFoundError: A file that the recipe names is not there.
            ValueError: A file that it names has not the form that it must have.
        """
        read_all(self._layers)

    def without_code_bundle(self) -> "Image":
        """Give the recipe without the code of a run: what runs with a bundle use."""
        kept = tuple(layer for layer in self._layers if not isinstance(layer, steps.CodeBundle))
        return self if len(kept) == len(self._layers) else replace_fields(self, _layers=kept)

    def _with(self, layer: Layer) -> "Image":
        return self.clone(addl_layer=layer)

    def _refuse_layers(self, *, is_extendable: bool) -> None:
        if self.dockerfile is not None:
            raise ValueError(
                f"layers cannot be put on top of a Dockerfile (`{self.dockerfile}`)\nhint: write them into the Dockerfile"
            )
        if not is_extendable:
            raise ValueError(
                f"the image `{self.base_image or self._ref_name}` takes no further layers\n"
                "hint: `image.clone(name=..., extendable=True)` makes one that does"
            )

    def _nameless(self) -> str:
        if self._ref_name is not None:
            return (
                f"the image of the name `{self._ref_name}` is looked up when images are built, and has no URI of its own\n"
                f'hint: `flyte.init(images={{"{self._ref_name}": "<uri>"}})`, or `image.image_refs` in the configuration'
            )
        return (
            f"the image has no base: `Image.from_base` got {self.base_image!r}\n"
            "hint: pass a URI such as `python:3.12`; an environment variable may not be set"
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


def _make(**fields: Any) -> Image:
    global _making  # noqa: PLW0603 - see its declaration
    _making += 1
    try:
        return Image(**fields)
    finally:
        _making -= 1


def replace_fields(image: Image, **changes: Any) -> Image:
    """Give a copy with other fields."""
    global _making  # noqa: PLW0603 - see its declaration
    _making += 1
    try:
        return replace(image, **changes)
    finally:
        _making -= 1
