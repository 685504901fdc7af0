"""The steps of `setup`: questions and checks, the diff, one confirmation, then all writes at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio

from anymodel_mcp.cli.changes import Change
from anymodel_mcp.cli.dialog import Dialog
from anymodel_mcp.cli.doctor.probes import Probe
from anymodel_mcp.cli.install import Machine
from anymodel_mcp.cli.install.add import Start
from anymodel_mcp.cli.key import Keyring
from anymodel_mcp.cli.screen import EXIT_CONFIG, EXIT_FAILED, Terminal
from anymodel_mcp.cli.setup.check import PASSING, fetch_list, try_model
from anymodel_mcp.cli.setup.discovery import ENGINES, Engine, Found, find_engines, find_key_variables
from anymodel_mcp.cli.setup.flags import Flags
from anymodel_mcp.cli.setup.hosts import add_to_host, choose_hosts, host_machine, preview
from anymodel_mcp.cli.setup.key import TRIES, ask_key, find_key
from anymodel_mcp.cli.setup.model import find_model, suggest_model, usable_models
from anymodel_mcp.cli.setup.plan import Plan, render_config, render_stored
from anymodel_mcp.cli.setup.present import Present, read_present, replaced_variables, settings_with
from anymodel_mcp.cli.setup.provider import Address, find_address
from anymodel_mcp.cli.setup.rollback import keep_files
from anymodel_mcp.cli.setup.work import Work, draw_work, written
from anymodel_mcp.config import Secret
from anymodel_mcp.config.key_store import keyring_user, origin_of
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.record import record


@record
class Surroundings:
    """The environment of one `setup` run.

    Attributes:
        terminal: streams, environment, transport; its redactor learns the key.
        dialog: the user.
        machine: where hosts are.
        config: the configuration file; the key store lies beside it.
        keyring: runs an action of the system keyring.
        engines: the local engines to look for.
        start: starts a host's entry; `None` = starts it for real and asks the default model one question.
    """

    terminal: Terminal
    dialog: Dialog
    machine: Machine
    config: Path
    keyring: Keyring
    engines: Sequence[Engine] = ENGINES
    start: Start | None = None


def setup(around: Surroundings, flags: Flags) -> int:
    """Asks, checks, shows the change and writes; returns the exit status.

    Raises:
        AnyModelError: nothing was written, and why.
        KeyboardInterrupt: nothing was changed.
    """
    clean, write = around.terminal.redactor.clean, around.dialog.write

    def write_clean(line: str) -> None:
        write(clean(line))

    around = replace(
        around,
        dialog=replace(around.dialog, write=write_clean),
        machine=replace(around.machine, write=write_clean),
    )
    return _Setup(around, flags).run()


class _Setup:
    """One run."""

    def __init__(self, around: Surroundings, flags: Flags) -> None:
        self._around = around
        self._flags = flags
        self._dialog = around.dialog
        self._environ = around.terminal.environ

    def run(self) -> int:
        present = read_present(self._around.config, self._environ)
        found = self._discover()
        address = find_address(self._dialog, self._flags, self._environ, found, present.settings)
        present = present.without(replaced_variables(address, present.text))
        key, probe = self._checked_key(present, address)
        model = self._checked_model(present, address, key, probe)
        default = f"{address.name}/{model}" if model else None
        plan = Plan(provider=address.name, base_url=address.base_url, key=key, default_model=default)
        return self._write(present, plan)

    def _discover(self) -> Found:
        if not self._dialog.attended or self._flags.provider or self._flags.base_url:
            return Found()
        engines = anyio.run(partial(find_engines, self._around.engines))
        return Found(engines=engines, variables=find_key_variables(self._environ))

    def _checked_key(self, present: Present, address: Address) -> tuple[Secret | None, Probe]:
        """A key that the provider accepts for its model list, and that list."""
        key = find_key(self._dialog, self._flags, self._environ, address, present.settings)
        for _ in range(TRIES):
            if key is not None:
                self._around.terminal.redactor.add(key.reveal())
            self._dialog.write(f"Asking {address.name} for its models ...")
            settings = settings_with(present, address, key)
            probe = anyio.run(partial(fetch_list, self._around.terminal, settings, address.name))
            if probe.unreachable:
                raise probe.unreachable
            if probe.refused is None:
                return key, probe
            if not self._dialog.attended or self._flags.key_stdin:
                raise probe.refused
            self._dialog.write(f"{address.name} refuses it: {probe.refused.failure.message}")
            key = ask_key(self._dialog, address)
        raise ConfigError(f"{address.name} refused {TRIES} keys", fix="Check the key at the provider.")

    def _checked_model(self, present: Present, address: Address, key: Secret | None, probe: Probe) -> str | None:
        """The default model to write, after one real answer; `None` = keep the present one, or there is none."""
        settings, again = settings_with(present, address, key), False
        while True:
            model = find_model(self._dialog, self._flags, address.name, settings, probe.models, again=again)
            asked = model or suggest_model(address.name, settings, usable_models(probe.models))
            if asked is None:
                if probe.list_error is not None:
                    raise probe.list_error
                return None
            self._dialog.write(f"Asking {asked} for one word ...")
            tried = anyio.run(partial(try_model, self._around.terminal, settings, address.name, asked, probe))
            error = tried.chat_error
            if error is None or error.kind in PASSING:
                self._dialog.write(f"{asked} answers." if error is None else f"The key is accepted, but: {error}")
                return model
            if error.kind == "auth" or not self._dialog.attended:
                raise error
            self._dialog.write(f"{asked} does not answer ({error.kind}): {error}")
            again = True

    def _write(self, present: Present, plan: Plan) -> int:
        text = render_config(present.text, plan)
        stored = render_stored(present.store.keys, plan, in_keyring=self._flags.keyring)
        machine = host_machine(self._around.machine, present.dropped)
        hosts = choose_hosts(self._dialog, self._flags, machine)
        work = Work(
            config=Change(path=present.config, before=present.before, after=present.encoded(text)),
            keys=stored if stored != dict(present.store.keys) else None,
            keyring=(keyring_user(plan.provider, origin_of(plan.base_url)), plan.key)
            if plan.key and self._flags.keyring
            else None,
        )
        for line in draw_work(work, plan):
            self._dialog.write(line)
        previews = [preview(host, machine, text) for host in hosts]
        changes = not work.is_empty or any(p.possible and not p.empty for p in previews)
        if changes and (refused := self._refusal()):
            return refused
        possible = [p for p in previews if p.possible]
        with keep_files([machine.locate(p.host) for p in possible]), written(work, self._around.keyring):
            statuses = [add_to_host(p, machine, text, self._around.start) for p in possible]
        return self._end(plan, max([0, *statuses, *(EXIT_FAILED for p in previews if not p.possible)]))

    def _refusal(self) -> int:
        """Asks for confirmation; returns 0, or the exit status if nothing may be written."""
        if self._flags.yes:
            return 0
        self._dialog.write("")
        if not self._dialog.attended:
            self._dialog.write("Nothing was written: there is no terminal to ask on. Add --yes to agree in advance.")
            return EXIT_CONFIG
        if self._dialog.confirm("Write this?"):
            return 0
        self._dialog.write("Nothing was written.")
        return EXIT_FAILED

    def _end(self, plan: Plan, status: int) -> int:
        self._dialog.write("")
        if status:
            self._dialog.write(f"{plan.provider} is configured, but not every host: see above.")
        else:
            program = self._around.terminal.program
            self._dialog.write(f'{plan.provider} is configured. Try it: {program} ask "Why is the sky blue?"')
        return status
