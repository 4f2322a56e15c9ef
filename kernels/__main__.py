"""`python -m kernels list | verify | fingerprint | show`."""

from kernels.cli.app import main

if __name__ == "__main__":
    main()
