"""Who waits for a place on the machine and who has one: `Admission` decides, this keeps it going."""

import asyncio
import time
from collections.abc import Callable
from itertools import islice

from flyte_devbox.admission import Admission, Capacity, Ticket
from flyte_devbox.live import LiveAction, LiveRun
from flyte_devbox.policies import Demand, TaskPolicy, demand_within
from flyte_devbox.scheduling.decisions import TimeLimit, concurrency_limits, environment_limit, queue_limit
from flyte_models.phases import ActionPhase

__all__ = ["Places"]


class Places:
    """Queues actions and lets them in. Belongs to the event loop.

    Args:
        capacity: what the machine gives.
        admit: called with an action that has a place from then on.
        expire: called with an action whose wait has passed a limit; it is queued no more, and has no place.
    """

    def __init__(
        self,
        capacity: Capacity,
        *,
        admit: Callable[[LiveAction], None],
        expire: Callable[[LiveAction, TimeLimit], None],
    ) -> None:
        self._admission: Admission[LiveAction] = Admission(capacity)
        self._admit_one = admit
        self._expire_one = expire
        self._queued: dict[int, LiveAction] = {}
        self._is_kick_due = False
        self.is_stopping = False
        """Whether nothing is let in any more."""

    @property
    def waiting(self) -> int:
        """How many actions wait."""
        return self._admission.waiting

    def open(self, run: LiveRun) -> None:
        """Keep the limit of a run."""
        self._admission.set_limit(run.limit_name, run.max_concurrency)

    def close(self, run: LiveRun) -> None:
        """Forget the limit of a run that is over."""
        self._admission.set_limit(run.limit_name, 0)

    def queue(self, action: LiveAction) -> None:
        """Let an action wait for a place, within its limits of time."""
        policy = action.policy
        assert policy is not None
        if action.state.is_terminal:
            return
        action.queued_at = time.time()
        environment = environment_limit(policy)
        if environment is not None:
            self._admission.set_limit(*environment)
        excess = self._admission.capacity.explain_excess(_demand(action, policy))
        if excess:
            action.note("Clamped", f"it asks for {excess} that there are: it runs alone, with what there is")
        self._enter(action, policy)
        self._queued[action.id] = action
        limit = queue_limit(policy, age=action.age)
        if limit is not None:
            action.timer = asyncio.get_running_loop().call_later(max(0.0, limit.left), self._expire, action, limit)
        self.kick()

    def take(self, action: LiveAction) -> None:
        """Give a place, even beyond what there is, to an action that runs already."""
        policy = action.policy
        assert policy is not None
        ticket = self._enter(action, policy)
        self._admission.release(ticket)
        if not action.children:
            self._admission.take(ticket)

    def _enter(self, action: LiveAction, policy: TaskPolicy) -> Ticket[LiveAction]:
        action.ticket = self._admission.enter(
            action,
            _demand(action, policy),
            limits=concurrency_limits(action, policy),
            depth=action.depth,
            group=action.run.id,
        )
        return action.ticket

    def withdraw(self, action: LiveAction) -> None:
        """Let an action wait no more; one that has a place keeps it until `leave`."""
        self._queued.pop(action.id, None)
        if action.handle is None and action.ticket is not None and action.ticket.is_waiting:
            self._admission.release(action.ticket)

    def leave(self, action: LiveAction) -> None:
        """Free what an action occupies."""
        if action.ticket is not None:
            self._admission.release(action.ticket)
            action.ticket = None
        self.kick()

    def lend(self, parent: LiveAction) -> None:
        """Free the place of a parent that waits for its children, which it must not keep from running."""
        if parent.ticket is not None and parent.ticket.holds:
            self._admission.release(parent.ticket)
            self.kick()

    def give_back(self, parent: LiveAction) -> None:
        """Give a parent whose children are over its place again, even beyond what there is."""
        if parent.handle is not None and parent.ticket is not None:
            self._admission.take(parent.ticket)

    def waiting_since(self, before: float, most: int) -> list[LiveAction]:
        """Return actions that are shown as queued and have waited since then, `most` at most."""
        found = (
            one for one in self._queued.values() if one.state.phase is ActionPhase.QUEUED and one.queued_at < before
        )
        return list(islice(found, most))

    def next_waiting(self, most: int) -> list[LiveAction]:
        """Return actions that are shown as waiting, `most` at most: all of them in turn, if called again and again."""
        found: list[LiveAction] = []
        for row in list(islice(self._queued, most)):
            action = self._queued[row] = self._queued.pop(row)
            if action.state.phase is ActionPhase.WAITING_FOR_RESOURCES:
                found.append(action)
        return found

    def note_obstacles(self, action: LiveAction) -> bool:
        """Note what an action waits for; tell whether that is something else than before."""
        if action.ticket is None:
            return False
        # How much of what is taken changes all the time, and is told only with what else is in its way.
        found = self._admission.obstacles(action.ticket)
        if not found or tuple(found) == action.obstacles:
            return False
        action.obstacles = tuple(found)
        action.note("WaitingForResources", "; ".join(found.values()))
        return True

    def kick(self) -> None:
        """Look who may be let in now, once, when what happens now is over."""
        if not self._is_kick_due and not self.is_stopping:
            self._is_kick_due = True
            asyncio.get_running_loop().call_soon(self._admit)

    def _admit(self) -> None:
        self._is_kick_due = False
        if self.is_stopping:
            return
        for ticket in self._admission.admit():
            action = ticket.item
            self._queued.pop(action.id, None)
            action.cancel_timer()
            if action.children:
                # Of an earlier attempt: it will wait for them.
                self._admission.release(ticket)
            self._admit_one(action)

    def _expire(self, action: LiveAction, limit: TimeLimit) -> None:
        action.timer = None
        if action.state.is_terminal or action.id not in self._queued:
            return
        self._queued.pop(action.id, None)
        if action.ticket is not None:
            self._admission.release(action.ticket)
        self._expire_one(action, limit)


def _demand(action: LiveAction, policy: TaskPolicy) -> Demand:
    defaults = action.run.spec.default_settings
    return demand_within(policy, defaults.task_resource_defaults) if defaults.ByteSize() else policy.demand
