"""Every known defect of the open-source backend, and the tests that hold that we survive it or that our devbox lacks it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CORE, DEVBOX, PROTOCOL = "packages/flyte-core/tests", "packages/flyte-devbox/tests", "packages/flyte-protocol/tests"
CONTROLLER, ENTRY = f"{CORE}/test_cluster_controller.py", f"{CORE}/test_container_entry.py"

DEFECTS: dict[str, list[tuple[str, str]]] = {
    "an exit code other than 0 is a failure of the system, and the container is started again for ever": [
        (ENTRY, "test_a_failure_is_an_error_document_and_exit_code_zero"),
        (ENTRY, "test_a_missing_bundle_is_a_failure_that_is_not_repeated"),
        (ENTRY, "test_a_wrong_result_and_a_body_that_exits_are_failures"),
    ],
    "a scheduled trigger loses the inputs beside its time": [
        (f"{DEVBOX}/test_services.py", "test_a_fixed_rate_keeps_the_other_inputs_beside_the_time"),
    ],
    "a run that has succeeded can be aborted": [
        (f"{DEVBOX}/test_runs.py", "test_abort_of_a_finished_run_is_refused"),
        (CONTROLLER, "test_a_child_that_has_succeeded_stays_so"),
    ],
    "a second run of the same name is answered with the first": [
        (f"{DEVBOX}/test_runs.py", "test_a_run_name_is_taken_once"),
        ("tests/embedded/test_lost_answers.py", "test_a_run_is_begun_once"),
    ],
    "an empty request breaks the connection": [
        (f"{DEVBOX}/test_hostile_requests.py", "test_an_empty_request_of_every_method_is_answered_and_never_a_fault"),
        ("tests/embedded/test_runs_on_a_devbox.py", "test_an_empty_request_is_refused_and_the_server_lives"),
    ],
    "time-outs of tasks are not enforced": [
        (f"{DEVBOX}/test_runs.py", "test_a_time_out_of_an_attempt_draws_on_the_retries"),
    ],
    "the error of an attempt that is tried again is lost": [
        (f"{DEVBOX}/test_runs.py", "test_a_failed_attempt_keeps_its_error_and_the_next_one_succeeds"),
    ],
    "the error of a child is not in its update": [
        (CONTROLLER, "test_an_error_that_the_update_lacks_is_read_from_its_document"),
    ],
    "a child that was created is answered with an error": [
        (CONTROLLER, "test_a_child_that_exists_and_cannot_be_seen_yet_is_waited_for"),
        (CONTROLLER, "test_creating_a_child_is_repeated_until_it_is_taken"),
    ],
    "updates are dropped under load": [
        (CONTROLLER, "test_updates_that_a_lost_stream_missed_are_told_by_the_next"),
    ],
    "streams end early or stand still": [
        (CONTROLLER, "test_streams_that_end_early_are_opened_again"),
        (CONTROLLER, "test_a_control_plane_that_stays_away_ends_the_wait"),
        (f"{PROTOCOL}/test_transport_faults.py", "test_a_silent_stream_is_noticed_and_its_connection_closed"),
        (f"{PROTOCOL}/test_transport_faults.py", "test_a_connection_that_died_in_silence_is_left_for_a_new_one"),
        ("tests/faults/test_faults.py", "test_half_open_connections_are_noticed"),
    ],
    "updates are repeated, unknown, late or of nothing": [
        (CONTROLLER, "test_phases_that_are_unknown_or_late_do_not_end_a_child"),
        (CONTROLLER, "test_phases_that_go_backwards_before_the_end_do_no_harm"),
        (CONTROLLER, "test_updates_of_nothing_and_without_a_place_do_no_harm"),
    ],
    "templates in arguments are not filled in, and `--prev-checkpoint` is two quotes": [
        (ENTRY, "test_the_context_survives_what_was_not_filled_in"),
        (ENTRY, "test_arguments_that_do_not_say_what_to_run_are_refused"),
        (ENTRY, "test_times_of_backends_are_read"),
    ],
    "attempts are numbered from 0 in the environment": [
        (ENTRY, "test_the_context_survives_what_was_not_filled_in"),
        ("tests/embedded/test_going_on.py", "test_a_checkpoint_is_there_for_the_attempt_after_one_that_was_killed"),
    ],
    "an error of an earlier attempt lies where the outcome of this one goes": [
        (ENTRY, "test_an_old_error_is_removed"),
    ],
}
"""By what the backend does (`WatchRunDetails`, a stub there, is called by nothing of ours)."""


@pytest.mark.parametrize("defect", DEFECTS)
def test_each_is_held_by_tests_that_exist(defect: str) -> None:
    for file, test in DEFECTS[defect]:
        found = re.search(rf"^ *(?:async )?def {test}\b", (ROOT / file).read_text(), re.MULTILINE)
        assert found is not None, f"`{file}` has no `{test}`"
