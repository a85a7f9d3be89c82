"""The command ``tobsim``: finds the verb, words errors, chooses the exit code. It imports nothing heavy.

Exit codes: 0 done; 2 the input is wrong and nothing was run or written; 3 finished, but something failed or
does not hold; 1 a defect of the program; 130 interrupted.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from scenarios.errors import InputError, shown, suggest
from scenarios.runs.halt import DiskFull
from scenarios.usage import DEFECT, DONE, FAILED, STOPPED, VERBS, WRONG, usage

__all__ = ["DEFECT", "DONE", "FAILED", "STOPPED", "VERBS", "WRONG", "main", "usage"]


def main(words: Sequence[str] | None = None) -> int:
    """Run one command line.

    Parameters
    ----------
    words : sequence of str, optional
        What follows ``tobsim``; the arguments of this process by default.

    Returns
    -------
    int
        The exit code.
    """
    words = list(sys.argv[1:] if words is None else words)
    with terminating():
        return _guarded(words)


def _guarded(words: list[str]) -> int:
    try:
        code = dispatch(words)
        sys.stdout.flush()
        return code
    except InputError as error:
        return _complain(WRONG, error.problems)
    except KeyboardInterrupt as error:
        kept = f"; {error}; the same command goes on from there" if str(error) else ""
        print(f"interrupted{kept}", file=sys.stderr)
        return STOPPED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except DiskFull as error:
        text = f"out: the disk is full, {error.strerror}; free space, then the same command goes on from there"
        return _complain(FAILED, [text])
    except Exception as error:
        return _failed(error)


def _failed(error: Exception) -> int:
    """Word what should not have happened."""
    import traceback

    if _debugging():
        traceback.print_exc()
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return _complain(DEFECT, [f"tobsim: a defect of the program, got {text}; TOBSIM_DEBUG=1 shows where"])


def _complain(code: int, problems: Sequence[str]) -> int:
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    return code


def _debugging() -> bool:
    return os.environ.get("TOBSIM_DEBUG", "") not in ("", "0")


def dispatch(words: list[str]) -> int:
    """Find the verb and let it do its work.

    Raises
    ------
    InputError
        If there is no such verb.
    """
    if not words or words[0] in ("--help", "-h", "help"):
        print(usage(), end="")
        return DONE
    if words[0] == "--version":
        print(version())
        return DONE
    verb, rest = words[0], words[1:]
    if verb not in VERBS:
        known = f"tobsim run {verb}" if "=" in verb else suggest(verb, VERBS)
        raise InputError([f"arguments: is no verb, got {shown(verb)}; {known}"])
    with prepared():
        from scenarios import verbs

        return int(getattr(verbs, verb)(rest))


def version() -> str:
    """Name and version of the program."""
    from importlib import metadata

    try:
        return f"tobsim {metadata.version('tobsim')}"
    except metadata.PackageNotFoundError:
        return "tobsim, from source"


THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""Threads of linear algebra: on matrices as small as ours they cost five times what they save."""


@contextmanager
def prepared() -> Iterator[None]:
    """Labels in any script print everywhere; warnings of libraries are for those who debug; one thread of algebra."""
    for name in THREADS:
        os.environ.setdefault(name, "1")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    with warnings.catch_warnings():
        if not _debugging():
            warnings.simplefilter("ignore")
        yield


@contextmanager
def terminating() -> Iterator[None]:
    """Let the signal that asks a process to end do what Ctrl-C does; only the main thread may set it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
