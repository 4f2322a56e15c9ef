"""`python -m kernels.ladder STEP`: one step run alone."""

from kernels.ladder.alone import main

main()
