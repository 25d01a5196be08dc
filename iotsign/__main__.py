"""The command ``iotsign``, and ``python -m iotsign``: what is to be settled before the command line loads."""

import gc
from typing import Final

_GARBAGE_THRESHOLD: Final = 50_000  # objects
_INTERRUPTED: Final = 130  # as the command line itself says it


def main() -> None:
    """Run the command line of this process and exit; Ctrl-C ends it quietly even while it loads."""
    # looking for garbage while modules load takes a twentieth of a short command's time, and finds none
    gc.set_threshold(_GARBAGE_THRESHOLD)
    try:
        from iotsign.cli import main as run_command_line

        run_command_line()
    except KeyboardInterrupt:
        raise SystemExit(_INTERRUPTED) from None


if __name__ == "__main__":
    main()
