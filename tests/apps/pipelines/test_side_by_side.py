"""Jobs beside each other: their order, how many, what each may use, and how they end together."""

import threading
from collections.abc import Mapping
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.pipelines.services.side_by_side import SideBySide
from datalinx.api.request_id import current_request_id, set_request_id
from datalinx.errors import Cancelled, Failed

Needs = Mapping[int, set[int]]


@st.composite
def graphs(draw: st.DrawFn) -> Needs:
    """Jobs that each wait for some of those before them."""
    size = draw(st.integers(1, 9))
    return {job: draw(st.sets(st.integers(0, job - 1))) if job else set() for job in range(size)}


class Fake:
    """A runner that notes what began and ended, and fails where it is told to, as a run's tables do."""

    def __init__(self, jobs: SideBySide[int], needs: Needs, broken: set[int]) -> None:
        self.jobs, self.needs, self.broken = jobs, needs, broken
        self.lock = threading.Lock()
        self.going: dict[int, int] = {}
        self.ended: list[int] = []
        self.skipped: set[int] = set()
        self.most = 0
        self.over: list[float] = []

    def __call__(self, job: int) -> None:
        share = self.jobs.beside(job)
        with self.lock:
            assert self.needs[job] <= set(self.ended)
            assert job not in self.ended
            assert job not in self.going
            self.going[job] = share
            self.most = max(self.most, len(self.going))
            self.over.append(sum(1 / each for each in self.going.values()))
        threading.Event().wait(0.0005)
        with self.lock:
            del self.going[job]
            self.ended.append(job)
            if job in self.broken or self.needs[job] & (self.broken | self.skipped):
                self.skipped.add(job)


@settings(max_examples=150, deadline=None)
@given(graphs(), st.integers(1, 4), st.data())
def test_jobs__of_any_graph__are_each_done_once_after_what_they_need_and_share_what_there_is(
    needs: Needs, width: int, data: st.DataObject
) -> None:
    jobs = SideBySide(needs, width=width)
    fake = Fake(jobs, needs, data.draw(st.sets(st.sampled_from(sorted(needs)))))
    jobs.work_through(fake, halt=lambda: None)
    assert sorted(fake.ended) == sorted(needs)
    assert fake.most <= width
    assert max(fake.over) <= 1.0 + 1e-9
    # What is skipped follows from the graph alone, not from who was faster.
    expected: set[int] = set()
    for job in needs:
        if job in fake.broken or needs[job] & expected:
            expected.add(job)
    assert fake.skipped == expected


@settings(max_examples=150, deadline=None)
@given(graphs(), st.integers(1, 4), st.data())
def test_jobs__one_raises__no_other_begins_after_it_and_all_have_ended(
    needs: Needs, width: int, data: st.DataObject
) -> None:
    jobs = SideBySide(needs, width=width)
    bad = data.draw(st.sampled_from(sorted(needs)))
    halted = threading.Event()
    begun: list[int] = []
    going: set[int] = set()

    def work(job: int) -> None:
        begun.append(job)
        going.add(job)
        try:
            if job == bad:
                raise Failed("OUT_OF_IT", "It cannot go on.")
            halted.wait(0.001)
            if halted.is_set():
                raise Cancelled("RUN_CANCELLED", "Told to end.")
        finally:
            going.discard(job)

    with pytest.raises(Failed):
        jobs.work_through(work, halt=halted.set)
    assert not going
    assert len(begun) == len(set(begun))
    assert all(bad not in jobs.before[job] for job in begun)


@settings(max_examples=100, deadline=None)
@given(graphs())
def test_beside__of_any_graph__is_no_less_than_the_jobs_that_can_meet(needs: Needs) -> None:
    jobs = SideBySide(needs, width=99)
    apart = {
        pair
        for pair in combinations(needs, 2)
        if pair[0] not in jobs.before[pair[1]] and pair[1] not in jobs.before[pair[0]]
    }
    for size in range(2, len(needs) + 1):
        for some in combinations(needs, size):
            if all(pair in apart for pair in combinations(some, 2)):
                assert all(jobs.beside(job) >= size for job in some)


@pytest.mark.parametrize(
    ("needs", "expected"),
    [
        ({"a": [], "b": ["a"], "c": ["b"]}, {"a": 1, "b": 1, "c": 1}),
        ({"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}, {"a": 1, "b": 2, "c": 2, "d": 1}),
        ({"a": [], "b": [], "a2": ["a"], "b2": ["b"], "a3": ["a2"]}, {"a": 2, "b": 2, "a3": 2}),
        ({"a": [], "b": [], "c": [], "d": [], "e": []}, {"a": 4, "e": 4}),
    ],
)
def test_beside__a_known_graph__counts_those_that_can_go_on_meanwhile(
    needs: Mapping[str, list[str]], expected: Mapping[str, int]
) -> None:
    jobs = SideBySide(needs, width=4)
    assert {job: jobs.beside(job) for job in expected} == expected


def test_beside__what_is_done__counts_no_more() -> None:
    jobs = SideBySide({"a": [], "b": [], "c": []}, width=4)
    jobs.done.update({"a", "b"})
    assert jobs.beside("c") == 1


def test_jobs__that_wait_for_nothing__meet() -> None:
    meeting = threading.Barrier(3, timeout=10)

    def work(job: str) -> None:
        meeting.wait()

    SideBySide({"a": [], "b": [], "c": []}, width=3).work_through(work, halt=lambda: None)


def test_jobs__of_width_one__are_done_by_the_caller_itself() -> None:
    seen: list[tuple[str, int]] = []
    jobs = SideBySide({"a": [], "b": [], "c": ["a"]}, width=1)
    jobs.work_through(lambda job: seen.append((job, threading.get_ident())), halt=lambda: None)
    assert seen == [(job, threading.get_ident()) for job in "abc"]


def test_jobs__in_threads__know_the_request_that_asked_for_them() -> None:
    seen: set[str] = set()
    set_request_id("req_of_the_run")
    try:
        SideBySide({"a": [], "b": []}, width=2).work_through(
            lambda job: seen.add(current_request_id()), halt=lambda: None
        )
    finally:
        set_request_id("")
    assert seen == {"req_of_the_run"}
