"""Recipes of images, each a function of the `flyte` module: run under PyPI flyte to record, and under ours to compare.

`python tests/contract/images/cases.py RECORD.json`, in the environment of PyPI flyte 2.12.1, records.
"""

# ruff: noqa: E731, E741

import os
import tempfile
from pathlib import Path

FILES = {
    "req.txt": "a==1\nb\n",
    "empty.txt": "",
    "proj/pyproject.toml": '[project]\nname="p"\nversion="1"\n',
    "proj/uv.lock": "LOCK",
    "proj/poetry.lock": "PLOCK",
    "proj/src/p.py": "x=1",
    "bare/pyproject.toml": '[project]\nname="p2"\nversion="1"\n',
    "script.py": '# /// script\n# requires-python = ">=3.12"\n# dependencies = ["httpx", "rich<13"]\n# ///\nprint(1)\n',
    "dated.py": '# /// script\n# dependencies = ["a"]\n# [tool.uv]\n# exclude-newer = "2023-10-16T00:00:00Z"\n# ///\n',
    "plain.py": "# /// script\n# ///\n",
    "src/a.py": "A",
    "src/b/c.py": "C",
    "src/.dockerignore": "b\n",
    "tree/z.py": "z",
    "tree/a.py": "a",
    "tree/q/d/deep.py": "deep",
    "one.py": "ONE",
    "two.py": "TWO",
    "Dockerfile": "FROM alpine\n",
    "px/pixi.toml": '[workspace]\nname="x"\nchannels=["conda-forge"]\nplatforms=["linux-64"]\n',
    "px/pixi.lock": "PXLOCK",
    "ignore": "*.pyc\nb\n",
}


def cases(flyte):
    """Give the recipes by name; files are relative to the working directory."""
    I = flyte.Image
    secret = flyte.Secret("k", group="g")
    base = lambda: I.from_base("B").clone(name="x", extendable=True)
    deb = I.from_debian_base
    P = Path
    return {
        "deb": lambda: deb(python_version=(3, 12)),
        "deb-310": lambda: deb(python_version=(3, 10)),
        "deb-release": lambda: deb(python_version=(3, 12), flyte_version="2.0.0"),
        "deb-registry": lambda: deb(python_version=(3, 12), registry="r"),
        "deb-name": lambda: deb(python_version=(3, 12), name="n"),
        "deb-secret": lambda: deb(python_version=(3, 12), registry_secret="s"),
        "deb-both": lambda: deb(python_version=(3, 12), registry="r", name="n"),
        "deb-platform": lambda: deb(python_version=(3, 12), registry="r", name="n", platform=("linux/arm64",)),
        "deb-plain": lambda: deb(python_version=(3, 12), install_flyte=False),
        "deb-plain-named": lambda: deb(python_version=(3, 12), install_flyte=False, name="n", registry="r"),
        "deb-plain-registry": lambda: deb(python_version=(3, 12), install_flyte=False, registry="r"),
        "deb-plain-pip": lambda: deb(python_version=(3, 12), install_flyte=False).with_pip_packages("x"),
        "deb-pip": lambda: deb(python_version=(3, 12)).with_pip_packages("a", "b"),
        "deb-clone": lambda: deb(python_version=(3, 12)).clone(name="foo"),
        "deb-clone-registry": lambda: deb(python_version=(3, 12)).clone(registry="foo"),
        "deb-clone-python": lambda: deb(python_version=(3, 12)).clone(registry="foo", python_version=(3, 10)),
        "chain": lambda: (
            deb(python_version=(3, 12), registry="r", name="n")
            .with_apt_packages("git")
            .with_pip_packages("x")
            .with_env_vars({"a": "1"})
            .with_workdir("/w")
            .with_commands(["c"])
        ),
        "base": lambda: I.from_base("alpine:3"),
        "base-clone": lambda: I.from_base("alpine:3").clone(name="x"),
        "base-clone-registry": lambda: I.from_base("alpine:3").clone(registry="r", name="x"),
        "base-clone-base": lambda: I.from_base("B").clone(name="x", base_image="C"),
        "base-clone-platform": lambda: I.from_base("B").clone(name="x", platform="linux/arm64"),
        "base-clone-secret": lambda: I.from_base("B").clone(registry="r", name="x", registry_secret="s"),
        "ref-clone": lambda: I.from_ref_name("x").clone(name="y"),
        "dockerfile": lambda: I.from_dockerfile("Dockerfile", registry="r", name="x"),
        "dockerfile-platform": lambda: I.from_dockerfile(
            P("Dockerfile"), registry="r", name="x", platform="linux/arm64"
        ),
        "dockerfile-clone": lambda: I.from_dockerfile("Dockerfile", registry="r", name="x").clone(extendable=True),
        "uv-script": lambda: I.from_uv_script("script.py", name="x", python_version=(3, 12)),
        "uv-script-dated": lambda: I.from_uv_script("dated.py", name="x", python_version=(3, 12)),
        "uv-script-plain": lambda: I.from_uv_script("plain.py", name="x", python_version=(3, 12)),
        "uv-script-all": lambda: I.from_uv_script(
            "script.py",
            name="x",
            registry="r",
            index_url="i",
            extra_index_urls=["e"],
            pre=True,
            extra_args="x",
            secret_mounts=["k"],
            python_version=(3, 12),
        ),
        "pip": lambda: base().with_pip_packages("b", "a"),
        "pip-none": lambda: base().with_pip_packages(),
        "pip-index": lambda: base().with_pip_packages("a", index_url="http://i"),
        "pip-extra": lambda: base().with_pip_packages("a", extra_index_urls="http://i"),
        "pip-extra-two": lambda: base().with_pip_packages("a", extra_index_urls=["http://i", "http://j"]),
        "pip-pre": lambda: base().with_pip_packages("a", pre=True),
        "pip-args": lambda: base().with_pip_packages("a", extra_args="--x  --y"),
        "pip-secret": lambda: base().with_pip_packages("a", secret_mounts=[secret]),
        "pip-secret-name": lambda: base().with_pip_packages("a", secret_mounts="k"),
        "pip-all": lambda: base().with_pip_packages(
            "a", index_url="i", extra_index_urls=["e"], pre=True, extra_args="x", secret_mounts=["k", "l"]
        ),
        "requirements": lambda: base().with_requirements("req.txt"),
        "requirements-empty": lambda: base().with_requirements("empty.txt"),
        "requirements-all": lambda: base().with_requirements(
            "req.txt", index_url="i", extra_index_urls=["e"], pre=True, extra_args="x", secret_mounts=["k"]
        ),
        "uv": lambda: base().with_uv_project("proj/pyproject.toml"),
        "uv-lock": lambda: base().with_uv_project("proj/pyproject.toml", uvlock=P("proj/uv.lock")),
        "uv-extra": lambda: base().with_uv_project("proj/pyproject.toml", extra_index_urls=("e", "f")),
        "uv-install": lambda: base().with_uv_project("proj/pyproject.toml", project_install_mode="install_project"),
        "uv-bare": lambda: base().with_uv_project("bare/pyproject.toml"),
        "poetry": lambda: base().with_poetry_project("proj/pyproject.toml"),
        "poetry-args": lambda: base().with_poetry_project("proj/pyproject.toml", extra_args="x", secret_mounts=["k"]),
        "poetry-install": lambda: base().with_poetry_project(
            "proj/pyproject.toml", project_install_mode="install_project"
        ),
        "pixi": lambda: base().with_pixi_project("px/pixi.toml"),
        "pixi-args": lambda: base().with_pixi_project(
            "px/pixi.toml", environment="e", extra_args="x", secret_mounts=["k"]
        ),
        "pixi-install": lambda: base().with_pixi_project("px/pixi.toml", project_install_mode="install_project"),
        "apt": lambda: base().with_apt_packages("b", "a"),
        "apt-none": lambda: base().with_apt_packages(),
        "apt-secret": lambda: base().with_apt_packages("a", secret_mounts=["k"]),
        "commands": lambda: base().with_commands(["x y", "z"]),
        "commands-tuple": lambda: base().with_commands(("a", "b")),
        "commands-secret": lambda: base().with_commands(["x"], secret_mounts=[secret]),
        "env": lambda: base().with_env_vars({"b": "1", "a": "2"}),
        "env-number": lambda: base().with_env_vars({"a": 1}),
        "workdir": lambda: base().with_workdir("/w"),
        "file": lambda: base().with_source_file(P("one.py")),
        "file-target": lambda: base().with_source_file(P("one.py"), "/d"),
        "files": lambda: base().with_source_file([P("two.py"), P("one.py")]),
        "file-folder": lambda: base().with_source_file(P("src")),
        "folder": lambda: base().with_source_folder(P("src")),
        "folder-tree": lambda: base().with_source_folder(P("tree")),
        "folder-contents": lambda: base().with_source_folder(P("src"), "/d", copy_contents_only=True),
        "folder-is-file": lambda: base().with_source_folder(P("one.py")),
        "ignore": lambda: base().with_dockerignore(P("ignore")),
        "ignore-folder": lambda: base().with_dockerignore(P("ignore")).with_source_folder(P("src")),
        "folder-ignore": lambda: base().with_source_folder(P("src")).with_dockerignore(P("ignore")),
    }


def described(image):
    """Give what is compared of an image."""
    return {
        "uri": image.uri,
        "name": image.name,
        "registry": image.registry,
        "platform": list(image.platform),
        "base_image": image.base_image,
        "extendable": image.extendable,
    }


def write_files(folder):
    """Write the files that the recipes name."""
    for name, text in FILES.items():
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    import json
    import sys

    import flyte

    target = Path(sys.argv[1]).absolute()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        write_files(folder)
        recorded = {name: described(make()) for name, make in cases(flyte).items()}
    target.write_text(json.dumps(recorded, indent=1) + "\n")
