"""Properties of random bits, a function of a counter and a key."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from kernels.contract.registry import Kernel
from kernels.verify.calls import Call
from kernels.verify.property import agree, assume, holds, require

BITS = {"seed": 64, "step": 64, "stream": 32}


@holds("words", "random_bits", large=True)
def gives_words_of_32_bits(kernel: Kernel, call: Call) -> None:
    """The result has the requested number of words, of type uint32."""
    (words,) = call.run(kernel)
    require(words.dtype == np.uint32, f"the words are {words.dtype}, not uint32")
    require(words.shape == (call.g,), f"the words' shape is {words.shape}, not {(call.g,)}")


@holds("prefix", "random_bits", large=True, more=st.integers(1, 9))
def more_words_begin_alike(kernel: Kernel, call: Call, more: int) -> None:
    """A longer result begins with the same words."""
    (few,), (many,) = call.run(kernel), replace(call, g=call.g + more).run(kernel)
    agree(many[: call.g], few)


@holds("every bit", "random_bits", of=st.sampled_from([*BITS]), bit=st.integers(0, 63))
def every_bit_of_seed_step_and_stream_counts(kernel: Kernel, call: Call, of: str, bit: int) -> None:
    """With one bit of the seed, the step or the stream changed, all words change. One of 4 words
    agrees by chance once in 2^30 calls."""
    assume(call.g >= 4 and bit < BITS[of])
    other = replace(call, options=call.options | {of: call.options[of] ^ 1 << bit})
    (words,), (others,) = call.run(kernel), other.run(kernel)
    alike = float((words == others).mean())
    require(alike < 0.25, f"{alike:.0%} of the words do not depend on bit {bit} of {of}")


@holds("no repetition", "random_bits", large=True)
def no_four_words_come_twice(kernel: Kernel, call: Call) -> None:
    """No block of four words repeats: that two of 2^13 agree by chance has a chance of 2^-103."""
    (words,) = call.run(kernel)
    fours = words[: call.g // 4 * 4].reshape(-1, 4)  # (count,) -> (blocks,4)
    different = len(np.unique(fours, axis=0))
    require(different == len(fours), f"of {len(fours)} fours of words {different} are different")
