"""`flyte.Image` as a value: what is refused where it is written, and what is read only when the tag is asked for."""

import pickle
from dataclasses import FrozenInstanceError, fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from flyte_images.image import Image
from flyte_models.errors import ImageBuildError
from flyte_models.secrets import Secret


def extendable() -> Image:
    return Image.from_base("python:3.12").clone(name="x", extendable=True)


def test_an_image_is_not_made_directly() -> None:
    with pytest.raises(TypeError, match="from_debian_base"):
        Image(base_image="x")


def test_a_recipe_is_a_frozen_value() -> None:
    one, other = extendable().with_pip_packages("a"), extendable().with_pip_packages("a")
    assert one == other
    assert hash(one) == hash(other)
    assert one != one.with_pip_packages("b")
    assert pickle.loads(pickle.dumps(one)).uri == one.uri
    assert is_dataclass(Image)
    assert [field.name for field in fields(Image)][:5] == ["base_image", "dockerfile", "registry", "name", "platform"]
    with pytest.raises(FrozenInstanceError):
        one.name = "y"  # type: ignore[misc]


def test_each_step_gives_a_new_recipe() -> None:
    base = extendable()
    assert base.with_apt_packages("git") is not base
    assert base.layers == ()
    assert len(base.with_apt_packages("git").with_workdir("/w").layers) == 2
    assert base.with_pip_packages("a", "b").with_pip_packages("c").pip_packages == ("a", "b", "c")


def test_only_extendable_images_take_layers() -> None:
    with pytest.raises(ValueError, match="extendable=True"):
        Image.from_base("python:3.12").with_pip_packages("a")
    with pytest.raises(ValueError, match="Dockerfile"):
        Image.from_dockerfile("Dockerfile", registry="r", name="x").clone(extendable=True).with_pip_packages("a")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda image: image.with_pip_packages(["a", "b"]), "one by one"),
        (lambda image: image.with_pip_packages(1), "takes texts"),
        (lambda image: image.with_apt_packages(("a",)), "one by one"),
        (lambda image: image.with_commands("ls"), r"\['ls'\]"),
        (lambda image: image.with_commands([1]), "takes texts"),
        (lambda image: image.with_env_vars(["A=1"]), "dict"),
        (lambda image: image.with_pip_packages("a", secret_mounts=[3]), "secret_mounts"),
        (lambda image: Image.from_debian_base(python_version="3.12"), r"\(3, 12\)"),
    ],
)
def test_what_is_of_another_type_is_refused_where_it_is_written(make: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        make(extendable())


@pytest.mark.parametrize(
    "make",
    [
        lambda image: image.with_requirements("requirements.in"),
        lambda image: image.with_uv_project("pyproject.toml", project_install_mode="all"),
        lambda image: image.with_code_bundle("none"),
        lambda image: image.with_local_v2_plugins("spark"),
        lambda image: Image.from_debian_base(platform=("linux/riscv64",)),
    ],
)
def test_unknown_settings_are_refused_where_they_are_written(make: Any) -> None:
    with pytest.raises(ValueError):
        make(extendable())


@pytest.mark.parametrize(
    "make",
    [
        lambda image: image.with_requirements("requirements.txt"),
        lambda image: image.with_uv_project("pyproject.toml"),
        lambda image: image.with_poetry_project("pyproject.toml"),
        lambda image: image.with_pixi_project("pixi.toml"),
        lambda image: image.with_source_file(Path("a.py")),
        lambda image: image.with_source_folder(Path("folder")),
        lambda image: image.with_dockerignore(Path("ignore")),
        lambda image: image.with_local_v2(),
        lambda image: Image.from_uv_script("script.py", name="x"),
        lambda image: Image.from_pixi_script("script.py", name="x"),
        lambda image: Image.from_dockerfile("Dockerfile", registry="r", name="x"),
    ],
)
def test_files_are_read_when_the_tag_is_asked_for(make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container the module is imported without them."""
    monkeypatch.chdir(tmp_path)
    image = make(extendable())
    with pytest.raises(FileNotFoundError):
        _ = image.uri


def test_an_image_needs_a_name_and_a_base() -> None:
    with pytest.raises(ImageBuildError, match="name"):
        _ = Image.from_base("a").clone(extendable=True).uri
    with pytest.raises(ImageBuildError, match="environment variable"):
        _ = Image.from_base("").uri
    with pytest.raises(ImageBuildError, match="image_refs"):
        _ = Image.from_ref_name("mine").uri


def test_a_script_without_a_block_says_what_to_write(tmp_path: Path) -> None:
    script = tmp_path / "plain.py"
    script.write_text("print(1)\n")
    with pytest.raises(ValueError, match="PEP 723"):
        Image.from_uv_script(script, name="x").validate()
    script.write_text("# /// script\n# dependencies = [\n# ///\n")
    with pytest.raises(ValueError, match="TOML"):
        Image.from_uv_script(script, name="x").validate()


def test_a_pixi_script_is_tagged_by_what_it_needs(tmp_path: Path) -> None:
    script = tmp_path / "s.py"
    tags = set()
    for needs in ('dependencies = ["a"]', 'dependencies = ["b"]', 'requires-python = ">=3.12"'):
        script.write_text(f"# /// script\n# {needs}\n# ///\nprint(1)\n")
        tags.add(Image.from_pixi_script(script, name="x").uri)
    assert len(tags) == 3
    before = Image.from_pixi_script(script, name="x").uri
    script.write_text(script.read_text() + "print(2)\n")
    assert Image.from_pixi_script(script, name="x").uri == before


def test_the_code_of_a_run_has_no_tag_before_the_run() -> None:
    image = extendable().with_code_bundle()
    with pytest.raises(ValueError, match="with_code_bundle"):
        _ = image.uri
    image.validate()
    assert image.without_code_bundle().uri == extendable().uri


def test_a_registry_secret_stays_with_the_recipe() -> None:
    image = Image.from_debian_base(registry="r", registry_secret="login").with_pip_packages("a")
    assert image.registry_secret == Secret("login")


def test_folders_beside_each_other_have_one_order(tmp_path: Path) -> None:
    for order in ("xy", "yx"):
        for name in order:
            (tmp_path / order / name).mkdir(parents=True)
            (tmp_path / order / name / "f.py").write_text(name)
    one, other = (
        extendable().with_source_folder(tmp_path / each, "/d", copy_contents_only=True) for each in ("xy", "yx")
    )
    assert one.uri == other.uri
