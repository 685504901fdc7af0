"""The services of a running server, and the subset that one call gets."""

from __future__ import annotations

from functools import partial

from anymodel_mcp.calls.call import Call
from anymodel_mcp.calls.conversations import Conversations
from anymodel_mcp.calls.ledger import Ledger
from anymodel_mcp.calls.runner import Calls
from anymodel_mcp.config import Files
from anymodel_mcp.media.artifacts import Artifacts
from anymodel_mcp.media.inputs import Inputs
from anymodel_mcp.record import record
from anymodel_mcp.redact import Redactor
from anymodel_mcp.state import Store
from anymodel_mcp.tools.context import HostLimits, ToolContext
from anymodel_mcp.upstream.catalog import Catalog
from anymodel_mcp.upstream.directory import Directory
from anymodel_mcp.upstream.explain import Explainer
from anymodel_mcp.upstream.models import Models
from anymodel_mcp.upstream.providers import Providers

_NO_LIMITS = HostLimits()


@record
class Services:
    """The services of one process.

    Attributes:
        redactor: removes keys from all output.
        store: what outlives the process.
        calls: running calls and stored results.
        ledger: one row for each model that was asked.
        artifacts: saved files.
        providers: the clients of the configured providers.
        catalog: the providers' model lists.
        directory: resolves names to models.
        explainer: completes errors.
        files: section [files], which says which local files may be read.
    """

    redactor: Redactor
    store: Store
    calls: Calls
    ledger: Ledger
    artifacts: Artifacts
    providers: Providers
    catalog: Catalog
    directory: Directory
    explainer: Explainer
    files: Files

    def context(self, call: Call, limits: HostLimits = _NO_LIMITS) -> ToolContext:
        """The services of a tool in one call."""
        models = Models(
            directory=self.directory,
            open=self.providers.endpoint,
            catalog=self.catalog,
            explainer=self.explainer,
            account=partial(self.ledger.entry, host=call.host, tool=call.tool),
            on_restart=call.reset,
        )
        return ToolContext(
            call=call,
            models=models,
            catalog=self.catalog,
            inputs=Inputs(self.files, open_saved=self.artifacts.open_saved, saved_in=self.artifacts.folder),
            artifacts=self.artifacts,
            conversations=Conversations(self.store, self.redactor.value, self.redactor.holds_key),
            calls=self.calls,
            limits=limits,
        )
