"""The files of a configuration, read once for all passes that Hydra makes over them.

Hydra goes over the files twice here: for the order in which they are merged, and to merge them. Reading them takes
most of the time of either. The merging takes the nodes of what was read for its own, so it comes last.
"""

from __future__ import annotations

from typing import Any

from hydra._internal.config_repository import ConfigRepository
from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.config_source import ConfigResult


class Shared(dict[str, ConfigResult]):
    """Files by path; a copy is the same one, because Hydra copies the repository for every pass."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Shared:
        return self


class ReadOnce(ConfigRepository):
    """Hydra's repository of files, which remembers what it has read.

    Parameters
    ----------
    search_path : ConfigSearchPath
        As of the loader whose repository it stands in for.
    """

    def __init__(self, search_path: ConfigSearchPath) -> None:
        super().__init__(search_path)
        self.known = Shared()

    def load_config(self, config_path: str) -> ConfigResult | None:
        """A file as it was read first; None if there is none."""
        if config_path not in self.known:
            found = super().load_config(config_path)
            if found is None:
                return None
            self.known[config_path] = found
        return self.known[config_path]
