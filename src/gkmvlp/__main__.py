"""``python -m gkmvlp``: the same program as the scripts ``gkmvlp`` and ``lightning``."""

import sys

from gkmvlp.app.cli import main

if __name__ == "__main__":
    sys.exit(main())
