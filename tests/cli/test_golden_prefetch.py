"""What `flyte prefetch hf-model` shows, word for word. Change one only on purpose: `just snap` accepts the new text."""

import re
import subprocess
from collections.abc import Iterator

import pytest
from inline_snapshot import snapshot
from tests.cli.places import FLYTE, Place
from tests.hub import Hub, Repository

from flyte_devbox.process import stop_server

FILES = {
    "config.json": b'{"architectures": ["LlamaForCausalLM"], "model_type": "llama"}',
    "README.md": b"# A model\n",
    "model.safetensors": bytes(1500),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("home"), "import flyte\n")
    with Hub({"org/model.v1": Repository(FILES, facts={"pipeline_tag": "text-generation"})}) as hub:
        place.environment["HF_ENDPOINT"] = hub.url
        place.flyte("start", "devbox", "--port", "0")
        try:
            yield place
        finally:
            stop_server(place.folder / "devbox")


def test_a_run_that_is_left_to_itself(place: Place) -> None:
    assert place.shows("prefetch", "hf-model", "--devbox", "org/model.v1") == snapshot("""\
run  <run>
page  http://<devbox>/v2/domain/development/project/flytesnacks/runs/<run>
next  flyte get run <run> --devbox
! there is no secret `HF_TOKEN`: the Hub is asked without a token, which is enough for what is public
! the image of environment `prefetch-hf-model` is not built: its tasks run with the packages of the devbox\
""")


def test_a_run_that_is_waited_for(place: Place) -> None:
    words = ("prefetch", "hf-model", "--devbox", "--wait", "org/model.v1", "--artifact-name", "mine")
    assert place.shows(*words) == snapshot("""\
run  <run>
page  http://<devbox>/v2/domain/development/project/flytesnacks/runs/<run>
result  Dir(path='<folder>/devbox/objects/flytesnacks/development/<run>/a0/1/<digest>/mine', name='mine', format='', hash=None)
took  <duration>
! there is no secret `HF_TOKEN`: the Hub is asked without a token, which is enough for what is public
! the image of environment `prefetch-hf-model` is not built: its tasks run with the packages of the devbox\
""")
    assert place.flyte(*words, "-of", "json") == snapshot("""\
{
  "name": "<run>",
  "phase": "succeeded",
  "url": "http://<devbox>/v2/domain/development/project/flytesnacks/runs/<run>",
  "outputs": {
    "o0": "<folder>/devbox/objects/flytesnacks/development/<run>/a0/1/<digest>/mine"
  }
}\
""")
    assert place.flyte("get", "artifact", "--devbox", "mine") == snapshot("""\
ARTIFACT  VERSION  KIND  PARTITIONS  CREATED  SOURCE
mine  b38313052e7b402d3f620799e57a613b51d42c1c  model  <ago>  run <run>/a0 (attempt 1)\
""")


def test_how_far_the_copy_is(place: Place) -> None:
    """People who wait see the log of the run: what is copied, how fast, and what was there already."""

    def last_line(*options: str) -> str:
        words = ("prefetch", "hf-model", "--devbox", "--wait", "org/model.v1", "--raw-data-path", "kept", *options)
        done = subprocess.run(
            [FLYTE, *words],
            cwd=place.folder,
            env=place.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
            check=True,
        )
        # Lines before it tell the same every ten seconds.
        return re.sub(r"[0-9.]+ [KM]?i?B/s", "<speed>", place.normalise(done.stderr).splitlines()[-1])

    assert last_line("--force", "1") == snapshot("3 of 3 files, 1.5 KiB of 1.5 KiB, <speed>")
    # Another run, whose result is not known yet, finds the files.
    assert last_line("--force", "1", "--short-description", "again") == snapshot(
        "all 3 files of org/model.v1 are there already: <folder>/kept"
    )


def test_a_model_that_is_not_there(place: Place) -> None:
    assert place.shows("prefetch", "hf-model", "--devbox", "--wait", "org/none") == snapshot("""\
run  <run>
page  http://<devbox>/v2/domain/development/project/flytesnacks/runs/<run>
! there is no secret `HF_TOKEN`: the Hub is asked without a token, which is enough for what is public
! the image of environment `prefetch-hf-model` is not built: its tasks run with the packages of the devbox
! error: task `prefetch-hf-model.store_hf_model_task` failed: HubRepositoryNotFound: there is no repository `org/none` of a model on the Hub, or it is private, and no token was given
! hint: look at how it is written; for a private one, name a secret with a token as `hf_token_key`
! hint: http://<devbox>/v2/domain/development/project/flytesnacks/runs/<run> has the log and the inputs
exit code 1\
""")


def test_a_secret_that_is_not_there(place: Place) -> None:
    assert place.shows("prefetch", "hf-model", "--devbox", "org/model.v1", "--hf-token-key", "absent") == snapshot("""\
! error: there is no secret `absent` to take the token from
! hint: `flyte create secret absent --devbox` makes it; models that are public need none
exit code 2\
""")
