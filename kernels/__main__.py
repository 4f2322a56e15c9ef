"""Command line of the kernels: `python -m kernels COMMAND`."""

import sys

from kernels.cli import restart
from kernels.cli.app import main

if __name__ == "__main__":
    restart.with_threads(sys.argv[1:])
    main()
