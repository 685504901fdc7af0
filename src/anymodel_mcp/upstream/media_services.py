"""Chooses the provider of a media job and the row of its service. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from anymodel_mcp.config import ProviderSettings
from anymodel_mcp.dialects.jobs import AUDIO, JOB_ROWS, SERVICES, JobRow, find_job_row, service_of_model
from anymodel_mcp.dialects.providers import PROVIDERS
from anymodel_mcp.errors import ArgumentError, ConfigError
from anymodel_mcp.upstream.routing import ModelNames, Target
from anymodel_mcp.wire.urls import is_of


def sold(services: Sequence[str]) -> tuple[str, ...]:
    """The media services that a provider sells."""
    return tuple(service for service in services if service != AUDIO)


def media_targets(names: ModelNames, service: str, model: str) -> tuple[Target, ...]:
    """The targets of a media job, in the order in which to try them.

    Args:
        names: providers, what they sell, aliases and defaults.
        service: as the caller wrote it; "" = by the model.
        model: `provider/id`, `provider/`, an alias or an id; "" = the default.

    Raises:
        ConfigError: no configured provider sells the service.
        ArgumentError: neither a service nor a model is named.
    """
    names.check_configured()
    default = names.defaults.get("media", "")
    if not model and not service:
        if not default:
            raise ArgumentError(
                "neither service nor model is named", param="service", fix=f"Name one. {_offers(names.services)}"
            )
        model = default
    entries = names.aliases.get(model, (model,))
    return tuple(dict.fromkeys(_target(names, service, entry, default) for entry in entries))


def _target(names: ModelNames, service: str, model: str, default: str) -> Target:
    provider, slash, own = model.partition("/")
    if slash and provider in names.providers:
        return Target(provider, own)
    wanted = _canonical(service) if service else service_of_model(model)
    preferred, _, default_id = default.partition("/")
    order = [preferred, *names.providers] if preferred in names.providers else names.providers
    for name in order:
        if wanted and _sells(names.services.get(name, ()), wanted, service or model):
            fits = not model and name == preferred and service_of_model(default_id) == wanted
            return Target(name, default_id if fits else model)
    what = service or wanted or f"a service with the model {model[:80]!r}"
    raise ConfigError(
        f"no configured provider sells {what}",
        fix=f"{_offers(names.services)} For another provider, set `services` in its section of the configuration, or "
        f"name it: model = 'PROVIDER/' and the service.",
    )


def _offers(services: Mapping[str, Sequence[str]]) -> str:
    found = [f"{name}: {', '.join(sold(own))}" for name, own in services.items() if sold(own)]
    return f"Configured: {'; '.join(found)}." if found else "No configured provider sells a media service."


def _canonical(service: str) -> str:
    """The service that a caller means: by its name, or by a model name (sora: video)."""
    name = service.strip().lower()
    return name if name in SERVICES else service_of_model(name)


def _sells(services: Sequence[str], wanted: str, said: str) -> bool:
    return wanted in services or any(said.lower().startswith(service) for service in sold(services))


def choose_row(settings: ProviderSettings, service: str, action: str, model: str) -> tuple[JobRow, str]:
    """The row of a media job at a provider, and the row's action.

    Args:
        settings: of the provider.
        service: as the caller wrote it; "" = by the model, or the only one.
        action: "" = the default.
        model: the provider's own id; "" = none.

    Raises:
        ArgumentError: there is no such service, or none follows from the model.
    """
    name = service.strip().lower() or _by_model(sold(settings.services), model)
    host = host_of(settings)
    found = find_job_row(name, action, host) or find_job_row(_canonical(name), action, host) if name else None
    if found is None:
        known = ", ".join(sold(settings.services)) or ", ".join(s for s in SERVICES if s != AUDIO)
        problem = f"there is no service {name[:80]!r}" if name else "the model name does not determine the service"
        raise ArgumentError(problem, param="service", fix=f"Name one of {settings.name}: {known}.")
    row, chosen = found
    return row, chosen or next(iter(row.submit))


def _by_model(services: Sequence[str], model: str) -> str:
    tail = model.lower().rpartition("/")[2]
    named = next((s for s in services if tail.startswith(s) or model.lower().startswith(s)), "")
    by_row = service_of_model(model)
    if named or by_row in services:
        return named or by_row
    return services[0] if len(services) == 1 else by_row


def host_of(settings: ProviderSettings) -> str:
    """The host whose paths a provider uses: its own, else that of the vendor named by its `dialect`."""
    host = urlsplit(settings.base_url).hostname or ""
    if any(is_of(host, row.hosts) for row in JOB_ROWS.values()):
        return host
    shared = PROVIDERS[settings.dialect].base_url if settings.dialect in PROVIDERS else None
    return (urlsplit(shared).hostname if shared else None) or host
