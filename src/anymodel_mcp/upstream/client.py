"""The only sender: sends an exchange (a request and a reader of the response) and returns the result.

It owns what needs a clock and a socket: timeouts, retries, the repair of a refused parameter, redirects, and
closing the connection on cancellation. What to send, how to read it, whether to try again: `wire/` decides.
"""

from __future__ import annotations

import math
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

import anyio
import httpx2

from anymodel_mcp.config import ProviderSettings
from anymodel_mcp.dialects.fields import API_AUTH
from anymodel_mcp.errors import ArgumentError, ConfigError, ProviderError
from anymodel_mcp.types import CallStats
from anymodel_mcp.upstream.bodies import ACCEPT_ENCODING, finish, pump_body, read_some
from anymodel_mcp.upstream.call_state import CallState, LearnedRepairs, OnDeltas, ResponseDeadline, ignore_deltas
from anymodel_mcp.upstream.network_errors import Path, explain, explain_refusal, path_to, words
from anymodel_mcp.upstream.requests import auth_headers, form_parts, json_bytes
from anymodel_mcp.wire.exchange import Reader, ResponseHead, WireRequest
from anymodel_mcp.wire.failures.provider_error import read_failure
from anymodel_mcp.wire.failures.repair import apply, find_repair
from anymodel_mcp.wire.failures.retry import retry_delay
from anymodel_mcp.wire.urls import join, may_have_key, same_origin

T = TypeVar("T")
ReadKey = Callable[[], Awaitable[str | None]]
RenewKey = Callable[[str | None], Awaitable[bool]]

_ERROR_BODY_BYTES = 1_000_000
_MAX_REDIRECTS = 3
_PORTS = {"http": 80, "https": 443}
_NONE: Mapping[str, str] = {}
_UPGRADED = 101


class ProviderClient:
    """Sends exchanges to one provider.

    Args:
        settings: address, timeouts and attempts.
        http: the provider's HTTP client; redirects off, no cookies.
        learned: learned repairs, shared by all providers.
        read_key: returns the key, or `None` if there is none.
        renew_key: takes a refused key; true if `read_key` returns another one from now on.
        sleep: waits between attempts.
        jitter: a number from 0 to 1 for each wait.
        find_path: the way that a request to a URL takes: what a network error is explained by.
    """

    def __init__(
        self,
        settings: ProviderSettings,
        http: httpx2.AsyncClient,
        learned: LearnedRepairs,
        read_key: ReadKey,
        *,
        renew_key: RenewKey | None = None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        jitter: Callable[[], float] = random.random,
        find_path: Callable[[str], Path] = path_to,
    ) -> None:
        self.settings = settings
        self._http = http
        self._learned = learned
        self._read_key = read_key
        self._renew_key = renew_key
        self._sleep = sleep
        self._jitter = jitter
        self._find_path = find_path
        self._slots = anyio.Semaphore(settings.max_parallel) if settings.max_parallel else None
        self._place = f"{settings.name} {settings.base_url}"  # repairs are learned per address

    async def send(
        self,
        wire: WireRequest,
        read: Callable[[ResponseHead, WireRequest], Reader[T]],
        *,
        model: str,
        on_deltas: OnDeltas = ignore_deltas,
        ends: float = math.inf,
    ) -> tuple[T, CallStats]:
        """Sends one exchange; returns the result and its statistics.

        Args:
            wire: the request.
            read: makes the reader of one successful response.
            model: the provider's id of the model, for repairs and messages.
            on_deltas: is called with received deltas.
            ends: when the call must be complete, by the event loop's clock; total_timeout_s also applies.

        Raises:
            ProviderError: after the last attempt, with `attempts` and the partial text.
            ConfigError: the provider cannot be called as it is configured.
        """
        now = anyio.current_time()
        state = CallState(
            model=model, on_deltas=on_deltas, started=now, ends=min(ends, now + self.settings.total_timeout_s)
        )
        async with self._slot(wire, state):
            return await self._exchange(wire, read, state)

    @asynccontextmanager
    async def _slot(self, wire: WireRequest, state: CallState) -> AsyncGenerator[None]:
        """Waits for one of the provider's slots, in order of arrival; model lists and polls need none."""
        if self._slots is None or wire.method == "GET":
            yield
            return
        try:
            with anyio.fail_after(max(0.0, state.ends - anyio.current_time())):
                await self._slots.acquire()
        except TimeoutError as error:
            raise ProviderError(
                f"no free slot within {self.settings.total_timeout_s:g} s (total_timeout_s): this provider takes "
                f"{self.settings.max_parallel} calls at once (max_parallel)",
                kind="busy",
                retryable=True,
                fix="Try again later, or raise max_parallel of this provider in the configuration.",
            ) from error
        try:
            yield
        finally:
            self._slots.release()

    async def _exchange(
        self, wire: WireRequest, read: Callable[[ResponseHead, WireRequest], Reader[T]], state: CallState
    ) -> tuple[T, CallStats]:
        """Sends until there is a result or no further attempt is allowed."""
        model = state.model
        while True:
            fixed = apply(wire, (*self._learned.known(self._place, model), *state.repairs))
            try:
                result = await self._attempt(fixed, read, state)
            except ProviderError as error:
                if not await self._has_new_key(error, state):
                    await self._next_try(fixed, error, state)
            else:
                for repair in (r for r in state.repairs if not r.once):
                    self._learned.learn(self._place, model, repair)
                return result, state.stats(fixed.warnings)

    async def _has_new_key(self, error: ProviderError, state: CallState) -> bool:
        """Whether the key was refused and another one is available; at most once per call."""
        if error.failure.status != 401 or state.key_renewed or self._renew_key is None:
            return False
        state.key_renewed = True
        with suppress(ConfigError):  # the refusal is more useful than the failure of the key command
            return await self._renew_key(state.key)
        return False

    async def _next_try(self, wire: WireRequest, error: ProviderError, state: CallState) -> None:
        """Returns when the request should be sent again; raises `error` otherwise."""
        error.with_fields(attempts=state.requests, model=error.failure.model or state.model)
        if state.first_delta_s is None:
            repair = find_repair(wire, error, frozenset(state.repairs))
            if repair is not None:
                state.repairs.append(repair)
                return
        ambiguous = state.head is None and error.failure.code != "not_sent"
        if wire.endpoint == "jobs" and not wire.repeatable and state.head is not None:
            ambiguous = state.head.status >= 500  # the job may be running nevertheless
        delay = retry_delay(
            error,
            attempt=state.requests - len(state.repairs) - state.key_renewed,
            max_attempts=self.settings.max_attempts,
            max_wait_s=self.settings.max_retry_wait_s,
            headers=state.head.headers if state.head else {},
            got_delta=state.first_delta_s is not None,
            repeatable=wire.repeatable,
            ambiguous=ambiguous,
            jitter=self._jitter(),
        )
        if delay is None or anyio.current_time() + delay >= state.ends:
            spent = state.first_delta_s is not None or (ambiguous and not wire.repeatable)
            raise error.with_fields(retryable=False) if spent else error
        await self._sleep(delay)

    async def _attempt(
        self, wire: WireRequest, read: Callable[[ResponseHead, WireRequest], Reader[T]], state: CallState
    ) -> T:
        state.requests += 1
        state.head = None
        state.body_bytes = 0
        reader: Reader[T] | None = None
        state.key = await self._read_key()
        pump, socket = pump_body, None
        if wire.socket:
            from anymodel_mcp.upstream.sockets import Socket, converse  # loads the HTTP engine, which a start does not

            socket = Socket(self.settings.first_byte_timeout_s)
            pump = partial(converse, socket)
        request = self._request(wire, state.key, {} if socket is None else socket.headers)
        clock = ResponseDeadline(self.settings, state)
        broken: str | None = None
        try:
            with clock:
                response = await self._open(request, state)
                try:
                    head = state.head = _head(response)
                    if head.status >= 300:
                        if refusal := explain_refusal(head.status, self._find_path(str(response.request.url))):
                            raise refusal
                        body = await read_some(response, _ERROR_BODY_BYTES)
                        raise read_failure(
                            head,
                            body,
                            endpoint=wire.endpoint,
                            model=state.model,
                            base_url=self.settings.base_url,
                            sent=wire,
                        )
                    reader = read(head, wire)
                    broken = await pump(response, reader, clock, state)
                finally:
                    with anyio.CancelScope(shield=True, deadline=anyio.current_time() + 1):
                        await response.aclose()
        except httpx2.TransportError as error:
            if reader is None:
                raise explain(
                    error, self._find_path(_url_of(error, request)), self.settings.connect_timeout_s
                ) from error
            broken = f"the connection broke{self._find_path(_url_of(error, request)).via} ({words(error)})"
        if clock.fired:
            return await self._late(clock.reason, reader, state)
        if reader is None:  # pragma: no cover - the scope swallows only its own cancellation, seen above
            raise ProviderError("the request ended without an answer", kind="protocol")
        return await finish(reader, state.body_bytes, broken=broken)

    async def _late(self, reason: str, reader: Reader[T] | None, state: CallState) -> T:
        """The complete answer if only the connection stayed open, otherwise the timeout error with the partial text."""
        partial = ""
        if reader is not None:
            try:
                return await finish(reader, state.body_bytes, broken=reason)
            except ProviderError as error:
                partial = error.failure.partial_text or reader.partial_text
        raise ProviderError(
            reason,
            kind="timeout",
            fix="Ask for less, or raise the timeout of this provider in the configuration.",
            retryable=state.first_delta_s is None,
            partial_text=partial or None,
        )

    def _request(self, wire: WireRequest, key: str | None, handshake: Mapping[str, str] = _NONE) -> httpx2.Request:
        headers = {"accept": "text/event-stream, application/json" if wire.stream else "application/json"}
        headers["accept-encoding"] = ACCEPT_ENCODING
        url = self._url(wire)
        if not wire.url or may_have_key(url, self.settings.base_url, wire.hosts):
            headers.update(auth_headers(self._auth_of(wire), key))
            headers.update(wire.default_headers)
            headers.update({k.lower(): v for k, v in self.settings.headers.items()})
        headers.update({k.lower(): v for k, v in wire.headers.items()})
        headers.update(handshake)
        timeout = httpx2.Timeout(None, connect=self.settings.connect_timeout_s)
        method = "GET" if wire.socket else wire.method
        as_json = method in ("POST", "PUT") and wire.body is not None and not wire.multipart
        body = json_bytes(wire.body or {}) if as_json else None
        if body is not None:
            headers.setdefault("content-type", "application/json")
        try:
            if wire.multipart:
                parts = form_parts(wire)
                return self._http.build_request(method, url, files=parts, headers=headers, timeout=timeout)
            return self._http.build_request(method, url, content=body, headers=headers, timeout=timeout)
        except (httpx2.InvalidURL, UnicodeEncodeError, ValueError) as error:
            raise ConfigError(
                f"provider {self.settings.name!r} cannot be called: its address, key or headers hold characters that "
                f"HTTP cannot carry",
                provider=self.settings.name,
                fix=f"Look at [providers.{self.settings.name}] in the configuration.",
            ) from error

    @asynccontextmanager
    async def open_file(self, url: str, headers: Mapping[str, str]) -> AsyncGenerator[httpx2.Response]:
        """Opens the response to a GET of a file at the provider's own address; follows no redirect.

        Raises:
            ArgumentError: the address is another one, which must not get the key.
        """
        if not same_origin(url, self.settings.base_url):
            raise ArgumentError("the key is sent only to the host of base_url")
        wire = WireRequest(method="GET", path="", url=url, endpoint="jobs", headers=headers)
        request = self._request(wire, await self._read_key())
        request.extensions["timeout"] = httpx2.Timeout(
            self.settings.idle_timeout_s, connect=self.settings.connect_timeout_s
        ).as_dict()
        response = await self._http.send(request, stream=True)
        try:
            yield response
        finally:
            with anyio.CancelScope(shield=True, deadline=anyio.current_time() + 1):
                await response.aclose()

    def _url(self, wire: WireRequest) -> str:
        if wire.url:
            return join(urljoin(self.settings.base_url, wire.url), "", wire.query)
        if wire.endpoint == "models" and self.settings.models_url:
            return join(self.settings.models_url, "", wire.query)
        base_url = self.settings.api_urls.get(wire.api or "chat", self.settings.base_url)
        return join(base_url, wire.path, wire.query)

    def _auth_of(self, wire: WireRequest) -> str:
        """The form of the key: as configured, else as the API of the request requires."""
        settings = self.settings
        shared = "chat" if settings.api in settings.api_urls else settings.api
        return settings.auth or wire.auth or API_AUTH[wire.api or shared]

    async def _open(self, request: httpx2.Request, state: CallState) -> httpx2.Response:
        """Sends; follows a redirect only to the same host, with method, body and key unchanged."""
        for _ in range(_MAX_REDIRECTS):
            response = await self._http.send(request, stream=True)
            target = _same_host_redirect(response)
            if target is None:
                return response
            await response.aclose()
            state.warnings.append(f"the endpoint has moved to {target}: put that into base_url")
            request = self._http.build_request(
                request.method,
                target,
                content=await request.aread(),
                headers={k: v for k, v in request.headers.items() if k not in ("host", "content-length")},
                extensions=request.extensions,
            )
        return await self._http.send(request, stream=True)


def _head(response: httpx2.Response) -> ResponseHead:
    """The head that a reader gets; what comes over an upgraded connection counts as the body of a plain success."""
    status = response.status_code if response.status_code != _UPGRADED else 200
    return ResponseHead(status=status, headers={k.lower(): v for k, v in response.headers.items()})


def _same_host_redirect(response: httpx2.Response) -> str | None:
    location = response.headers.get("location")
    if response.status_code not in (301, 302, 303, 307, 308) or not location:
        return None
    here = urlsplit(str(response.request.url))
    target = urljoin(str(response.request.url), location)
    there = urlsplit(target)
    same = here.hostname == there.hostname and there.scheme in _PORTS and "@" not in there.netloc
    ports = (here.port or _PORTS[here.scheme], there.port or _PORTS.get(there.scheme, 0))
    upgrade = here.scheme == "http" and there.scheme == "https"
    if same and (here.scheme == there.scheme or upgrade) and (ports[0] == ports[1] or (upgrade and ports == (80, 443))):
        return target
    return None


def _url_of(error: httpx2.TransportError, request: httpx2.Request) -> str:
    """The URL of a failed request, which after a redirect is not the original one."""
    try:
        return str(error.request.url)
    except RuntimeError:  # the transport named no request
        return str(request.url)
