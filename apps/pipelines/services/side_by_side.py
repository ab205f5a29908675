"""Work with dependencies done by threads beside each other: in order, bounded, and ended together."""

from collections.abc import Callable, Collection, Hashable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import Generic, TypeVar

from django.db import connections

from datalinx.errors import Cancelled

Job = TypeVar("Job", bound=Hashable)


class SideBySide(Generic[Job]):
    """Jobs, each with those that have to be done before it. They stand after what they need.

    At most `width` go on beside each other; of those that are ready, the first in order begins first. A width of one
    does them in the thread of the caller.
    """

    def __init__(self, needs: Mapping[Job, Collection[Job]], *, width: int) -> None:
        self.needs = needs
        self.width = width
        self.done: set[Job] = set()
        # All that a job waits for, near and far.
        self.before: dict[Job, set[Job]] = {}
        for job, direct in needs.items():
            self.before[job] = set(direct).union(*(self.before[each] for each in direct))

    def work_through(self, work: Callable[[Job], None], *, halt: Callable[[], None]) -> None:
        """Call `work` with each job once all that it needs has returned.

        What a call raises ends everything: no other job begins, `halt` tells those under way, and once they have
        returned the error is raised again, the first that says more than that the work was told to end.
        """
        if self.width == 1:
            for job in self.needs:
                work(job)
                self.done.add(job)
            return
        with ThreadPoolExecutor(self.width, thread_name_prefix="table") as pool:
            try:
                errors = self._work_through(pool, work, halt)
            except BaseException:
                # Leaving the pool waits for its threads.
                halt()
                raise
        if errors:
            raise next((error for error in errors if not isinstance(error, Cancelled)), errors[0])

    def _work_through(
        self, pool: ThreadPoolExecutor, work: Callable[[Job], None], halt: Callable[[], None]
    ) -> list[BaseException]:
        waiting, errors = list(self.needs), list[BaseException]()
        running: dict[Future[None], Job] = {}
        while waiting or running:
            ready = [job for job in waiting if self.done.issuperset(self.needs[job])]
            for job in ready[: self.width - len(running)]:
                waiting.remove(job)
                # A thread inherits no context: the id of the request goes along.
                running[pool.submit(copy_context().run, _in_thread, work, job)] = job
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                self.done.add(running.pop(future))
                if error := future.exception():
                    errors.append(error)
                    waiting.clear()
                    halt()
        return errors

    def beside(self, job: Job) -> int:
        """Return how many can go on at any moment while a job that begins now does, itself included.

        Those that go on at one moment all count each other, so that parts of one n-th never add up to more than the
        whole.
        """
        # Jobs that wait for one another never meet: as many can meet as there are chains of such at most.
        chains: list[Job] = []
        for other, before in self.before.items():
            if other == job or other in self.done or other in self.before[job] or job in before:
                continue
            place = next((place for place, last in enumerate(chains) if last in before), len(chains))
            chains[place : place + 1] = [other]
            if len(chains) + 1 >= self.width:
                return self.width
        return len(chains) + 1


def _in_thread(work: Callable[[Job], None], job: Job) -> None:
    try:
        work(job)
    finally:
        # Nobody else does: a connection belongs to its thread.
        connections.close_all()
