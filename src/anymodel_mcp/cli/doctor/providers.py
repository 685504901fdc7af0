"""Checks each provider: name lookup, connection, key, model list, streaming."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec

import anyio

from anymodel_mcp.app import open_services
from anymodel_mcp.cli.doctor.addresses import look_up, other_base_urls
from anymodel_mcp.cli.doctor.findings import Finding, Section
from anymodel_mcp.cli.doctor.probes import Probe, ask_chat, ask_list, chat_model
from anymodel_mcp.cli.screen import Terminal, bare_url
from anymodel_mcp.config import ProviderSettings, Settings, StoreSettings
from anymodel_mcp.config.providers import LOCAL
from anymodel_mcp.record import record
from anymodel_mcp.server.services import Services
from anymodel_mcp.upstream.proxies import select_proxy

_WRONG_PLACE = ("config", "endpoint_not_found", "model_not_found", "protocol", "upstream", "bad_request")
_OF_AN_API = ("auth", "quota", "rate_limit", "context_length", "content_filter", "unsupported_parameter")
_PASSING = ("rate_limit", "overloaded", "server", "busy")


@record
class Patience:
    """How long the doctor waits, in seconds.

    Attributes:
        lookup_s: for a name.
        answer_s: for a model list.
        word_s: for the first token of a model, which a local server may have to load.
        slow_s: an answer that takes longer is reported as slow.
    """

    lookup_s: float = 5
    answer_s: float = 20
    word_s: float = 60
    slow_s: float = 5


async def look_at_providers(terminal: Terminal, settings: Settings, patience: Patience) -> list[Section]:
    """Returns one section per provider, in their order; checks all of them in parallel."""
    found: dict[str, Section] = {}
    impatient = {name: _impatient(p, patience) for name, p in settings.providers.items()}
    quick = replace(settings, providers=impatient, store=StoreSettings(enabled=False))

    async def look(provider: ProviderSettings) -> None:
        findings = await _Visit(terminal, quick, provider, patience).look()
        found[provider.name] = Section(f"provider {provider.name}", tuple(findings))

    async with anyio.create_task_group() as group:
        for provider in impatient.values():
            group.start_soon(look, provider)
    return [found[name] for name in settings.providers]


def _impatient(provider: ProviderSettings, patience: Patience) -> ProviderSettings:
    """Allows one attempt, and no longer than the doctor waits."""
    most = patience.word_s
    return replace(
        provider,
        max_attempts=1,
        connect_timeout_s=min(provider.connect_timeout_s, patience.answer_s),
        first_byte_timeout_s=min(provider.first_byte_timeout_s, most),
        idle_timeout_s=min(provider.idle_timeout_s, most),
        total_timeout_s=min(provider.total_timeout_s, most * 2),
    )


class _Visit:
    """The checks of one provider."""

    def __init__(self, terminal: Terminal, settings: Settings, provider: ProviderSettings, patience: Patience) -> None:
        self._terminal = terminal
        self._settings = settings
        self._provider = provider
        self._patience = patience

    async def look(self) -> list[Finding]:
        """Returns the findings in this order: name, connection, key, list, stream."""
        provider = self._provider
        if provider.base_url.startswith(LOCAL):
            return [_engine_finding()]
        findings: list[Finding] = []
        proxy = select_proxy(provider.base_url, os.environ) if self._terminal.transport is None else None
        if proxy:
            findings.append(Finding("note", f"through the proxy {proxy}"))
        lost = None if proxy else await self._look_up()
        return [*findings, *([lost] if lost else await self._examine())]

    async def _examine(self) -> Sequence[Finding]:
        probe = await self._probe(self._provider)
        if probe.unreachable:
            failure = probe.unreachable.failure
            return [Finding("fail", failure.message, failure.fix)]
        right = await self._right_address(probe)
        return self._judge(probe) if right is None else [right]

    async def _look_up(self) -> Finding | None:
        if self._terminal.transport is not None:
            return None
        return await look_up(self._provider.base_url, self._patience.lookup_s)

    async def _probe(self, provider: ProviderSettings, *, chat: bool = True) -> Probe:
        settings = replace(self._settings, providers={provider.name: provider})
        async with open_services(
            settings, redactor=self._terminal.redactor, transport=self._terminal.transport
        ) as services:
            return await self._ask(services, provider, chat=chat)

    async def _ask(self, services: Services, provider: ProviderSettings, *, chat: bool) -> Probe:
        probe = await ask_list(services, provider.name, self._patience.answer_s)
        if probe.unreachable or probe.refused or not chat:
            return probe
        model = chat_model(self._settings, provider, probe.models)
        return probe if model is None else await ask_chat(services, provider.name, model, probe)

    async def _right_address(self, probe: Probe) -> Finding | None:
        """Returns a finding with another base URL, if this one is wrong and the other one answers."""
        wrong = probe.list_error and probe.list_error.kind in _WRONG_PLACE and not probe.answered
        if not wrong or (probe.chat_error and probe.chat_error.kind in _OF_AN_API):
            return None
        for base_url in other_base_urls(self._provider.base_url):
            other = await self._probe(replace(self._provider, base_url=base_url, models=()), chat=False)
            if other.models or other.refused:
                return Finding(
                    "fail",
                    f"{bare_url(self._provider.base_url)} is not the base URL of the API; {bare_url(base_url)} is",
                    f"Set base_url = {bare_url(base_url)}",
                )
        return None

    def _judge(self, probe: Probe) -> Sequence[Finding]:
        if probe.refused:
            failure = probe.refused.failure
            hint = self._provider.key_hint or f"the key of {self._provider.name}"
            return [
                Finding("ok", f"answers after {probe.list_s:.1f} s"),
                Finding("fail", f"the key is refused: {failure.message}", f"Check the key: {hint}."),
            ]
        return [self._list_finding(probe), *self._chat_findings(probe)]

    def _list_finding(self, probe: Probe) -> Finding:
        if probe.list_error is None:
            slow = probe.list_s > self._patience.slow_s
            words = f"lists {len(probe.models)} models after {probe.list_s:.1f} s"
            return (
                Finding("warn", f"slow: {words}", "The server may be busy, or loading.")
                if slow
                else Finding("ok", words)
            )
        failure = probe.list_error.failure
        if probe.answered:
            fix = f'If you want a list: models = ["{probe.chat_name}", ...] in [providers.{self._provider.name}]'
            return Finding("warn", f"has no model list ({failure.message})", fix)
        level = "warn" if failure.kind in _PASSING else "fail"
        return Finding(level, f"no model list ({failure.kind}): {failure.message}", failure.advice)

    def _chat_findings(self, probe: Probe) -> Sequence[Finding]:
        if probe.chat_name is None:
            if probe.list_error is not None:
                return []
            return [
                Finding(
                    "note",
                    "no chat model is known, so the key was not checked: a list does not always need it",
                    f"Set default_model to one of its models, or: anymodel-mcp ask -m {self._provider.name}/MODEL hi",
                )
            ]
        if probe.chat_error is None:
            return [self._stream_finding(probe)]
        failure = probe.chat_error.failure
        if failure.kind == "auth":
            hint = self._provider.key_hint or f"the key of {self._provider.name}"
            return [
                Finding(
                    "fail", f"the key is refused by {probe.chat_name}: {failure.message}", f"Check the key: {hint}."
                )
            ]
        level = "warn" if failure.kind in _PASSING else "fail"
        fix = failure.advice
        return [Finding(level, f"{probe.chat_name} gave no answer ({failure.kind}): {failure.message}", fix)]

    def _stream_finding(self, probe: Probe) -> Finding:
        first = probe.first_s if probe.first_s is not None else probe.chat_s
        words = f"{probe.chat_name} answers, first token after {first:.1f} s"
        if not probe.pieces:
            return Finding("warn", f"{words}, but does not stream", "Long answers appear only when they are complete.")
        tokens = f", {probe.tokens} tokens spent" if probe.tokens else ""
        words = f"the key works: {words}, streamed{tokens}" if self._provider.api_key else f"{words}, streamed{tokens}"
        if first > self._patience.slow_s:
            return Finding("warn", f"slow: {words}", "The server may be busy, or loading the model.")
        return Finding("ok", words)


def _engine_finding() -> Finding:
    if find_spec("xllamacpp") is None:
        return Finding("fail", "the engine is not installed", "pip install 'anymodel-mcp[local]'")
    return Finding("ok", "the engine is installed; try it with `anymodel-mcp demo`")
