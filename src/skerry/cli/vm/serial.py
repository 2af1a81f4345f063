"""The serial console in a terminal: every key goes to the guest, except the one that leaves."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from types import FrameType

from skerry.cli import output
from skerry.cli.program import Run, is_terminal
from skerry.cli.vm.channel import carry, open_console

_PLAIN = b"\x1b[0m\r\n"  # the guest may have left colours behind


def attach(run: Run, name: str, escape: bytes) -> None:
    """Connect this terminal, or stdin and stdout, to a machine's serial console until one side ends it.

    Raises:
        CannotReach: the connection broke off.
        ReaderGone: nobody reads stdout any more.
    """
    keyboard, screen = sys.stdin.fileno(), sys.stdout.fileno()
    with open_console(run, name, "serial") as channel:
        key = escape if is_terminal(keyboard) else None
        keys = f"; Ctrl-{chr(escape[0] | 0x40)} leaves, Enter shows where it is" if key else ""
        output.say(f"connected to {name}{keys}")
        with _raw(keyboard, screen):
            left = carry(
                channel, keyboard, put=lambda data: _show(screen, data), take=lambda data: _typed(data, key)
            )
    output.say(f"left the console of {name}" if left else f"the console of {name} was closed")


def _typed(data: bytes, escape: bytes | None) -> tuple[bytes, bool]:
    """What goes to the guest, and whether the person leaves. The end of a file that is fed in ends nothing."""
    if escape is None:
        return data, False
    before, pressed, _ = data.partition(escape)
    return before, bool(pressed)


def _show(screen: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(screen, rest) :]
        except BrokenPipeError as exc:
            raise output.ReaderGone from exc


@contextlib.contextmanager
def _raw(keyboard: int, screen: int) -> Iterator[None]:
    """Keys as they are, and the terminal as it was at the end, also when we are told to end."""
    if not is_terminal(keyboard):
        yield
        return
    before = termios.tcgetattr(keyboard)
    handlers = {number: signal.signal(number, _stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        tty.setraw(keyboard, termios.TCSADRAIN)
        yield
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if is_terminal(screen):
            with contextlib.suppress(OSError):
                os.write(screen, _PLAIN)


def _stop(number: int, frame: FrameType | None) -> None:
    del frame
    sys.exit(128 + number)
