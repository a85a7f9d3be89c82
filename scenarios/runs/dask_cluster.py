"""A Dask cluster as a backend of joblib: what is sent there, and whether those who work there can do it.

The backend of joblib itself waits for good when a call has cost the scheduler as many workers as it allows (four); here
such a call has no result and is sent again by whoever sent it.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import CancelledError
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joblib.parallel import ParallelBackendBase

from scenarios.errors import InputError, shown
from scenarios.runs.alike import look, token_in, unlike

if TYPE_CHECKING:
    from distributed import Client, Future

    from scenarios.runs.pool import Pool

CONNECT_SECONDS = 10.0
"""How long a scheduler may take to answer."""

SAY_SECONDS, WAIT_SECONDS, GIVE_UP_SECONDS = 5.0, 60.0, 600.0
"""How long there may be no worker: before that is said, at the start, and once work has begun."""

LOOK_SECONDS = 1.0
"""How often it is looked whether there are workers."""

_clients: dict[str, Client] = {}


def connected(address: str) -> Client:
    """The client of a scheduler, by its address or the path of its scheduler file.

    Raises
    ------
    InputError
        If none answers.
    """
    from distributed import Client

    found = _clients.get(address)
    if found is not None and found.status == "running":
        return found
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what is wrong is said by us, in one line
    place = {"scheduler_file": address} if address.endswith(".json") else {"address": address}
    try:
        if "scheduler_file" in place and not Path(address).is_file():
            raise FileNotFoundError(address)
        _clients[address] = Client(**place, timeout=CONNECT_SECONDS, set_as_default=False)
    except Exception as error:  # no answer, no certificates, no file of a scheduler: each has a type of its own
        raise _silent(address, error) from None
    return _clients[address]


def threads(pool: Pool) -> int:
    """How many calls the cluster works on at the same time."""
    return sum(connected(str(pool.address)).nthreads().values())


def check_workers(pool: Pool, place: Path | None = None) -> None:
    """Wait for a worker, and see that all have the same versions and code as this process and see the same folder.

    Raises
    ------
    InputError
    """
    address = str(pool.address)
    client = connected(address)
    try:
        _wait(client, address)
        with token_in(place) as token:
            problems = unlike(client.run(look, token, on_error="return"), token)
    except (OSError, CancelledError) as error:
        raise _silent(address, error) from None
    if problems:
        raise InputError(problems)


def _silent(address: str, error: BaseException) -> InputError:
    text = f"no scheduler answers, got {shown(address)} ({type(error).__name__})"
    return InputError([f"execution.address: {text}; the address that dask scheduler prints"])


def _wait(client: Client, address: str) -> None:
    """Wait for a first worker; say so after a while."""
    began, said = time.monotonic(), False
    while not client.nthreads():
        waited = time.monotonic() - began
        if waited > WAIT_SECONDS:
            text = f"has no worker after {WAIT_SECONDS:.0f} s, got {shown(address)}"
            raise InputError([f"execution.address: {text}; dask worker {address}"])
        if waited > SAY_SECONDS and not said:
            said = True
            print(f"no worker at {address} yet; waiting for {WAIT_SECONDS:.0f} s", file=sys.stderr, flush=True)
        time.sleep(LOOK_SECONDS / 5)


class DaskBackend(ParallelBackendBase):  # type: ignore[misc]
    """Sends what joblib hands it to the workers of a scheduler.

    Parameters
    ----------
    pool : Pool
        Names the scheduler.
    """

    supports_retrieve_callback = True

    def __init__(self, pool: Pool) -> None:
        super().__init__(nesting_level=0)
        self.address = str(pool.address)
        self.client = connected(self.address)
        self.waiting: set[Future] = set()
        self._done = threading.Event()

    def effective_n_jobs(self, n_jobs: int) -> int:
        """Calls at the same time; never 1, of which joblib would make a loop in this process."""
        return max(2, sum(self.client.nthreads().values()))

    def start_call(self) -> None:
        """Begin to look after the workers."""
        self._done.clear()
        threading.Thread(target=self._look_after, name="workers of Dask", daemon=True).start()

    def stop_call(self) -> None:
        """Look no longer."""
        self._done.set()

    def submit(self, func: Any, callback: Any = None) -> Future | None:
        """Send a call; ``callback`` hears of its end, also when there is nobody any more to send it to."""
        try:
            future = self.client.submit(func, pure=False)
        except Exception:  # a client that is closed; joblib would wait for the call for good
            threading.Timer(0, callback, (None,)).start()
            return None
        self.waiting.add(future)
        future.add_done_callback(callback)
        return future

    def retrieve_result_callback(self, out: Future | None) -> list[Any]:
        """Results of a call, ``[None]`` if it was not sent, has cost its workers, was taken back or is out of reach."""
        from distributed import KilledWorker

        if out is None:
            return [None]
        self.waiting.discard(out)
        if out.status == "finished":
            try:
                return list(out.result())
            except (OSError, CancelledError):
                return [None]
        error = out.exception() if out.status == "error" else None
        if error is None or isinstance(error, KilledWorker):
            return [None]
        raise error

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """Take back what has not come back."""
        self.client.cancel(list(self.waiting))
        self.waiting.clear()

    def _look_after(self) -> None:
        """Say when there are no workers, and give up after a while."""
        seen, said = time.monotonic(), False
        while not self._done.wait(LOOK_SECONDS):
            now = time.monotonic()
            if self._workers():
                seen, said = now, False
            elif now - seen > GIVE_UP_SECONDS:
                self.client.cancel(list(self.waiting))
                return
            elif now - seen > SAY_SECONDS and not said:
                said = True
                print(f"no worker at {self.address}; waiting for {GIVE_UP_SECONDS:.0f} s", file=sys.stderr, flush=True)

    def _workers(self) -> Mapping[str, int]:
        try:
            return dict(self.client.nthreads())
        except (OSError, ValueError, RuntimeError):
            return {}
