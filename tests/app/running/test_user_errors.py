"""Errors of other packages and of the disk become one line for the user."""

import errno

from gkmvlp.app.running.user_errors import user_error


def test_errors_of_other_packages_and_of_the_disk_are_for_the_user():
    refused = type("UsageError", (Exception,), {"__module__": "wandb.errors.errors"})("No API key configured.\nLog in.")
    assert user_error(RuntimeError("x")) is None
    told = str(user_error(refused))
    assert told == "the logger of wandb does not start: No API key configured. Log in. (--trainer.logger=false: none)"
    full = OSError(errno.ENOSPC, "No space left on device", "out/checkpoints/last.ckpt")
    assert str(user_error(full)).startswith("out/checkpoints/last.ckpt: No space left on device; ")
    assert user_error(BrokenPipeError(errno.EPIPE, "Broken pipe")) is None
