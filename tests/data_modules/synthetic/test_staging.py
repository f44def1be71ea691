"""How phantoms are written by several processes."""

import signal

from gkmvlp.app.command_line.process import ending_at_sigterm
from gkmvlp.data_modules.synthetic.staging import in_parallel


def handlers(_: int) -> tuple[bool, bool]:
    """Whether SIGTERM ends the process that this runs in at once, and whether it leaves Ctrl-C alone."""
    return signal.getsignal(signal.SIGTERM) == signal.SIG_DFL, signal.getsignal(signal.SIGINT) == signal.SIG_IGN


def test_processes_of_a_pool_do_not_keep_the_handlers_of_the_command():
    """A handler in Python is not run by a process that waits for a lock: the pool that ends it would wait for ever."""
    with ending_at_sigterm():
        assert set(in_parallel(handlers, range(8), workers=2, label="")) == {(True, True)}
        assert signal.getsignal(signal.SIGTERM) not in (signal.SIG_DFL, signal.SIG_IGN)
