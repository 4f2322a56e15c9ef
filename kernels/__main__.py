"""`python -m kernels list | verify | show`."""

from kernels.cli.app import main

if __name__ == "__main__":
    main()
