"""What Hydra composes, and the order of its files, in one pass over them.

``hydra.compose`` composes the settings of Hydra itself as well and does not tell in which order it merged the files;
here both are left to the parts of Hydra that do it, once. Files are read by the parser in C where PyYAML has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository
from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra._internal.defaults_list import create_defaults_list
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.default_element import ResultDefault
from hydra.plugins.config_source import ConfigResult
from omegaconf import DictConfig, OmegaConf
from omegaconf._utils import get_yaml_loader
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

HEADER = 512
"""Characters at the beginning of a file in which Hydra looks for its package."""


def merged(loader: ConfigLoaderImpl, name: str, words: Sequence[str]) -> tuple[list[ResultDefault], DictConfig]:
    """The files of a configuration in the order in which they are merged, and what they come to.

    Parameters
    ----------
    loader : ConfigLoaderImpl
        As Hydra initialises it for a folder.
    name : str
        Of the primary file, without ``.yaml``.
    words : sequence of str
        Choices of options, ``group=option``, and ``hydra.searchpath``.

    Raises
    ------
    HydraException, OmegaConfBaseException, YAMLError
        If they cannot be composed.
    """
    loader.repository = Quick(loader.get_search_path())
    parsed, files = loader._parse_overrides_and_create_caching_repo(name, list(words))
    order = create_defaults_list(files, name, parsed, prepend_hydra=False, skip_missing=False).defaults
    return order, loader._compose_config_from_defaults_list(order, files)


class Quick(ConfigRepository):
    """Hydra's repository of files, whose folders are read by the quick loader."""

    def initialize_sources(self, config_search_path: ConfigSearchPath) -> None:
        """Find the folders of a search path."""
        super().initialize_sources(config_search_path)
        folder = Files.scheme()
        self.sources = [Files(s.provider, s.path) if s.scheme() == folder else s for s in self.sources]


class Files(FileConfigSource):
    """A folder of files."""

    def load_config(self, config_path: str) -> ConfigResult:
        """A file that is there."""
        text = (Path(self.path) / self._normalize_file_name(config_path)).read_text("utf-8")
        found = yaml.load(text, Loader=quick_loader())
        config = OmegaConf.create({} if found is None else found)
        where, header = f"{self.scheme()}://{self.path}", self._get_header_dict(text[:HEADER])
        return ConfigResult(config=config, path=where, provider=self.provider, header=header)


@cache
def quick_loader() -> Any:
    """OmegaConf's reading of YAML (its numbers, no dates, no key twice) on the parser in C, if there is one."""
    theirs = get_yaml_loader()
    if not yaml.__with_libyaml__:
        return theirs
    from yaml.cyaml import CParser

    class Loader(CParser, theirs):  # type: ignore[misc, valid-type]
        """Events and nodes from C, values as OmegaConf makes them."""

        def __init__(self, stream: Any) -> None:
            CParser.__init__(self, stream)
            SafeConstructor.__init__(self)
            Resolver.__init__(self)

    return Loader
