"""`python -m kernels.ladder STEP`: a run of one step."""

from kernels.ladder.alone import main

main()
