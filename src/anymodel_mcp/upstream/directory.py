"""Resolves a name to models, with the providers' lists if they decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from anymodel_mcp.errors import ConfigError
from anymodel_mcp.upstream.catalog import Catalog
from anymodel_mcp.upstream.routing import ModelNames, Purpose, Target, needs_lists, route, suits

_VARIABLES = {
    "embedding": "ANYMODEL_EMBEDDING_MODEL",
    "image": "ANYMODEL_IMAGE_MODEL",
    "rerank": "ANYMODEL_RERANK_MODEL",
    "transcription": "ANYMODEL_TRANSCRIPTION_MODEL",
    "speech": "ANYMODEL_SPEECH_MODEL",
}
_SHOWN = 10


class Directory:
    """Resolves names to models.

    Args:
        names: configured providers, aliases and defaults.
        catalog: the providers' model lists.
    """

    def __init__(self, names: ModelNames, catalog: Catalog) -> None:
        self.names = names
        self._catalog = catalog

    async def targets(self, name: str | None, purpose: Purpose) -> tuple[Target, ...]:
        """The models behind a name, or behind the default for a purpose, in the order in which to ask them.

        Without a name and a default, the only model that fits the purpose is asked.

        Raises:
            ConfigError: nothing is configured, or no model is named and there is no default.
        """
        wanted = (name or "").strip() or self.names.default_for(purpose)
        if not wanted:
            self.names.check_configured()
            wanted = await self._only_model(purpose)
        lists: Mapping[str, Sequence[str]] = {}
        if needs_lists(self.names, wanted):
            lists = {p: [m.id for m in known.models] for p, known in (await self._catalog.all()).items()}
        return route(self.names, wanted, lists)

    async def _only_model(self, purpose: Purpose) -> str:
        known = await self._catalog.all()
        fitting = [f"{p}/{m.id}" for p, models in known.items() for m in models.models if suits(m, purpose)]
        if len(fitting) == 1 and all(models.models for models in known.values()):
            return fitting[0]
        choice = f" Available: {', '.join(fitting[:_SHOWN])}." if fitting else " list_models shows what is available."
        raise ConfigError(
            "no model is named and there is no default for this tool",
            fix=f"Give `model`, or set {_VARIABLES.get(purpose, 'ANYMODEL_MODEL')}.{choice}",
        )
