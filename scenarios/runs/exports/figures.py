"""Charts of the report as pictures: SVG and PNG, 16:9, drawn by a browser of this computer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scenarios.errors import InputError, shown
from scenarios.runs.halt import is_full

SCALE = 2
"""Pixels of a PNG for one of its figure: 1600 x 900."""


def write_figures(run: Path, folder: Path, language: str) -> None:
    """Write every chart of the report as ``NAME.svg`` and ``NAME.png``.

    Parameters
    ----------
    run : Path
        A run folder.
    folder : Path
        Where the files go.
    language : str
        Language of the titles.

    Raises
    ------
    InputError
        If there is no chart, nothing to draw with, or no browser to draw in.
    """
    from analysis.report.pictures import HEIGHT, WIDTH, pictures

    size = {"width": WIDTH, "height": HEIGHT}
    wanted = [
        {"fig": figure, "path": folder / f"{name}.{kind}", "opts": {**size, "format": kind, "scale": scale}}
        for name, figure in pictures(run, language)
        for kind, scale in (("svg", 1), ("png", SCALE))
    ]
    if not wanted:
        raise InputError([f"{run}: has no charts, got a run without figures by month; a longer horizon"])
    draw(wanted)


def draw(wanted: list[dict[str, Any]]) -> None:
    """Draw figures in a browser, all of them or none.

    Raises
    ------
    InputError
        If kaleido is not installed, or finds no browser that starts.
    OSError
        When the disk is full.
    """
    try:
        import kaleido
        from kaleido.errors import BrowserClosedError, BrowserFailedError, ChromeNotFoundError
    except ImportError:
        raise InputError(["format: figures needs kaleido, got none installed; pip install 'tobsim[figures]'"]) from None
    try:
        kaleido.write_fig_from_object_sync(wanted, cancel_on_error=True, kopts={"mathjax": False})
    except ChromeNotFoundError:
        wants = "Chromium or Chrome, or BROWSER_PATH=FILE"
        raise InputError([f"format: figures needs a browser, got none on this computer; {wants}"]) from None
    except (BrowserClosedError, BrowserFailedError):
        wants = "Chromium or Chrome, or BROWSER_PATH=FILE"
        raise InputError([f"format: figures needs a browser that starts, got one that ends at once; {wants}"]) from None
    except OSError as error:
        if is_full(error):
            raise
        raise InputError([f"format: figures needs a browser that starts, got {shown(str(error))}; Chromium"]) from None
