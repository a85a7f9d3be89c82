"""The reference workload without our engine: as textbooks write it in SimPy, and as a bare loop over a heap."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Generator
from heapq import heappop, heappush
from typing import Any

import simpy

from benchmarks.workload import HORIZON, PASS, RENEW, SERVERS, YEAR, YEARS, Outcome, Workload

Row = dict[str, Any]
Visit = tuple[int, str, int, float, float, float]
Process = Generator[simpy.Event, Any, None]


def textbook(workload: Workload, seed: int) -> list[Row]:
    """One generator per customer, ``with resource.request()``, one dict per logged activity."""
    env, rng = simpy.Environment(), random.Random(seed)
    log: list[Row] = []
    desks = [simpy.Resource(env, SERVERS) for _ in PASS]
    stages = list(zip(("check", "meeting", "offer"), desks, workload.work_days, PASS, strict=True))
    env.process(source(env, workload.times.tolist(), stages, rng, log))
    env.run(until=HORIZON)
    return log


def source(env: simpy.Environment, times: list[float], stages: list, rng: random.Random, log: list[Row]) -> Process:
    """Process: every company comes at its time."""
    for account, time in enumerate(times):
        yield env.timeout(time - env.now)
        env.process(customer(env, account, stages, rng, log))


def customer(env: simpy.Environment, account: int, stages: list, rng: random.Random, log: list[Row]) -> Process:
    """Process: the way of one company."""
    log.append({"account": account, "activity": "touched", "stage": None, "time": env.now, "wait": None})
    for name, desk, work, chance in stages:
        arrived = env.now
        with desk.request() as request:
            yield request
            wait = env.now - arrived
            log.append({"account": account, "activity": "started", "stage": name, "time": env.now, "wait": wait})
            yield env.timeout(rng.expovariate(1 / work))
        log.append({"account": account, "activity": "finished", "stage": name, "time": env.now, "wait": None})
        if rng.random() >= chance:
            return
    log.append({"account": account, "activity": "signed", "stage": None, "time": env.now, "wait": None})
    for _ in range(YEARS):
        yield env.timeout(YEAR)
        if rng.random() >= RENEW:
            log.append({"account": account, "activity": "churned", "stage": None, "time": env.now, "wait": None})
            return
        log.append({"account": account, "activity": "renewed", "stage": None, "time": env.now, "wait": None})


def textbook_outcome(log: list[Row]) -> Outcome:
    """The outcome, read off the rows."""
    count = {name: sum(row["activity"] == name for row in log) for name in ("signed", "renewed")}
    waits = []
    for stage in ("check", "meeting", "offer"):
        found = [row["wait"] for row in log if row["stage"] == stage and row["activity"] == "started"]
        waits.append(sum(found) / len(found))
    return Outcome(count["signed"], count["renewed"], tuple(waits), len(log))


ARRIVE, FINISH, DUE = 0, 1, 2


def bare_loop(workload: Workload, seed: int) -> list[Visit]:
    """A hand-written event loop: one heap of tuples, counters for desks, one tuple per visit, no classes."""
    rng = random.Random(seed)
    log: list[Visit] = []
    chance, draw = rng.random, rng.expovariate
    free = [SERVERS] * len(PASS)
    queues: list[deque[tuple[int, float]]] = [deque() for _ in PASS]
    rates = [1 / days for days in workload.work_days]
    heap = [(time, account, ARRIVE, 0, time, 0.0) for account, time in enumerate(workload.times.tolist())]
    while heap:
        now, account, kind, place, queued, started = heappop(heap)
        if now >= HORIZON:
            break
        if kind == DUE:
            yes = chance() < RENEW
            log.append((account, "renewed" if yes else "churned", place, queued, queued, now))
            if yes and place + 1 < YEARS:
                heappush(heap, (now + YEAR, account, DUE, place + 1, now, now))
            continue
        if kind == FINISH:
            log.append((account, "visit", place, queued, started, now))
            if queues[place]:
                other, since = queues[place].popleft()
                heappush(heap, (now + draw(rates[place]), other, FINISH, place, since, now))
            else:
                free[place] += 1
            if chance() >= PASS[place]:
                continue
            place += 1
            if place == len(PASS):
                log.append((account, "signed", place, now, now, now))
                heappush(heap, (now + YEAR, account, DUE, 0, now, now))
                continue
        if free[place]:
            free[place] -= 1
            heappush(heap, (now + draw(rates[place]), account, FINISH, place, now, now))
        else:
            queues[place].append((account, now))
    return log


def bare_outcome(log: list[Visit]) -> Outcome:
    """The outcome, read off the rows."""
    count = {name: sum(row[1] == name for row in log) for name in ("signed", "renewed")}
    waits = []
    for stage in range(len(PASS)):
        found = [row[4] - row[3] for row in log if row[1] == "visit" and row[2] == stage]
        waits.append(sum(found) / len(found))
    return Outcome(count["signed"], count["renewed"], tuple(waits), len(log))
