"""Readings of failures: what the failure of each property usually means.

`python -m kernels verify --catalogue` puts these beside the properties' sentences.
"""

from __future__ import annotations

READINGS = {
    # every
    "definition": "Look at the index of the worst element: the border means padding, the last "
    "channels the remainder of a block, all of an image the stride or the batch. NaN in the "
    "result means that an element was never written or that memory outside of an operand was "
    "read.",
    "integers": "An error of whole numbers is no rounding: products are missing, taken twice or "
    "taken from a neighbour. The number that is off, divided by the inputs, says how many.",
    "into": "The result is right without `out`: the offset of the images inside the larger array "
    "is wrong, or the kernel returns an array of its own.",
    "any memory": "The named guise is how the arrays lay: the kernel assumes strides, alignment "
    "or byte order that it was not given.",
    "inputs kept": "The kernel computes in place, or returns a view of the named input.",
    "changed in place": "Something is remembered by the array's identity or address: a cache of "
    "packed weights that is not checked against the values.",
    "all written": "Where the index points, nothing was written: a loop ends early, or a branch "
    "for the remainder is missing. What stands there came from memory that was used before.",
    "same bits": "Either two threads add to one place in the order in which they come, or a "
    "result lies in a buffer that the next call uses again.",
    "two threads": "A buffer, a counter or a setting is shared between calls.",
    # contrast
    "offset": "The mean that is subtracted does not have weights that sum to 1 at that pixel: "
    "look at the corrected border.",
    "far from zero": "Digits are lost: the variance is found as a difference of large numbers.",
    "contrast scale": "Something is added that does not grow with x, such as an epsilon.",
    "below the floor": "The divisor below the floor is not the floor itself.",
    "contrast's limit": "The divisor is smaller than the pixel's own part of it: a weight is "
    "missing in the sum, or channels are left out.",
    "saved": "What is saved for the derivative is not what the result was divided by.",
    "flat sigma": "The rounding of the blur is taken for contrast.",
    "flat regions": "A division by 0, or the root of a rounding below 0.",
    "flat gradient": "The derivative divides by sigma where the floor is larger.",
    "offset's gradient": "The part of the derivative that goes through the mean is wrong: the "
    "blur is not transposed, or its border is not.",
    "scale's gradient": "The part of the derivative that goes through sigma is wrong.",
    "NaN fills": "A comparison hides NaN (`max` with a floor does), or an image reaches another.",
    # convolution
    "adjoint": "The two sides differ by a whole product: this operation and its transpose do not "
    "agree about a tap, a stride or padding. The other side may be the wrong one: see which of "
    "the three fails `definition`.",
    "linear": "The kernel adds something that is not in the operands, or keeps what it prepared.",
    "scale": "A constant is compared with or added to the numbers; or a type is changed on the "
    "way.",
    "batch": "An image's offset is wrong from the second on, or pieces of work cross images.",
    "permuted": "Channels do not all take the same path: a block of them is shifted or repeated.",
    "split": "The sum over channels (filters, images) is cut wrongly: a first block overwrites "
    "instead of adding, or the other way round.",
    "groups": "The group's first channel or filter is wrong, or sums of one group stay for the "
    "next.",
    "bias": "The bias is added to another filter, twice, or not in one of the branches.",
    "rectified": "The rectifier stands before the last sum or the bias, is missing in a branch "
    "for the remainder, or swallows NaN.",
    "pooled": "The fused pooling sees other values than are returned without it, or ties go to "
    "another tap.",
    "prepared": "What is prepared depends on the batch, or is shared between calls.",
    "chunks": "The border between two chunks: a tile or a row is lost or taken twice there.",
    # shifts
    "shift": "The result depends on where a pixel lies in the plane: tiles at the border, or an "
    "origin that is off by one.",
    "delta": "The index shows which tap went where: rows for columns, a filter that is turned, "
    "channels that are exchanged.",
    "1x1": "A special path for single taps is wrong, or a stride is left out there.",
    "NaN and infinity": "It reached a result that it is no part of (more is read than the "
    "definition reads), or it was lost (a product with 0 is left out). Declare `spreads` if the "
    "algorithm has to.",
    "flipped": "The filter is not turned by 180 degrees, or the zeros between pixels are missing.",
    "slope": "The gradient is that of another function: compare with `adjoint`, which says where.",
    "finite differences": "The formula of the derivative is wrong, not its rounding: a term is "
    "missing or has the wrong sign.",
    # elementwise and products
    "unlike memory": "Two operands are walked with the strides of one of them.",
    "special values": "NaN is lost in a comparison, or infinity is multiplied by 0.",
    "rectified twice": "A value is changed that is above 0 already.",
    "two halves": "Zero, or the sign, is treated differently in the two halves.",
    "gate": "What decides is gy instead of x, or 0 passes.",
    "passes all": "The gradient is multiplied by 0 instead of being replaced: NaN survives that.",
    "large product": "A block's border: the remainder of rows, columns or terms.",
    "identity": "An element is taken from its neighbour or from the transposed place.",
    "product's transpose": "One of the operands is read as transposed when it is not.",
    "rows alone": "A row's result depends on which block of rows it falls into.",
    "column's bias": "The bias goes along rows, or the last block's columns miss it.",
    # peers
    "PyTorch": "The definition agrees but PyTorch does not, or the drawn sizes are others than "
    "`definition` draws: a convention, such as rounding up, differs.",
    "ONNX": "As for PyTorch: a convention of the standard differs.",
    # planes
    "large sizes": "The kernel's blocks are crossed here and not in small sizes: the remainder of "
    "channels or rows.",
    "images alone": "Pieces of work cross the border between images.",
    "channel order": "A block of channels is shifted, or channels that are no neighbours meet.",
    "rows for columns": "H and W, or the two strides or pads, are exchanged somewhere.",
    "additive": "Something is added that does not come from the operand, or a maximum is taken "
    "where a sum belongs.",
    "reach": "More is read than the definition reads, or NaN is lost.",
    # pooling
    "switch places": "The switch counts in the padded plane, in the window, or through all planes.",
    "switch values": "Value and switch are not updated together.",
    "ties": "`>=` stands where `>` belongs, or taps are visited in another order.",
    "first NaN": "A comparison with NaN is false, so the first one has to be taken by itself.",
    "lone NaN": "NaN is skipped by the comparison when it is not the first tap.",
    "padding": "The padding takes part as 0 or as the smallest number.",
    "losers": "A switch names a pixel that is not the maximum.",
    "order": "Values are changed before they are compared.",
    "maximum's slope": "Unpooling puts values elsewhere than pooling took them from.",
    "whole strides": "A window's origin is off, or the border is treated as inside.",
    "constant plane": "The divisor counts taps that are not there.",
    "shares": "The gradient is divided by another number than the value was.",
    # random bits
    "words": "The number of words or their type is wrong: the last block is cut or too long.",
    "prefix": "A word depends on how many are asked for: counters are dealt out by the total.",
    "every bit": "A bit of the seed, step or stream is cut off on its way into the key or counter.",
    "no repetition": "A counter starts anew for a block or a thread.",
    # response
    "response's limit": "t falls below k: a sign, or a power of the wrong sign.",
    "response scale": "alpha is divided by another number than the window's size.",
    "common factor": "k is not part of the sum that is raised to beta.",
    "loud channel": "Sums slide along the channels and carry a large number's rounding with them.",
    "Euler's identity": "The derivative's second term is wrong, or its window is not transposed.",
    # schedules
    "any schedule": "Threads meet in an order that no barrier fixes, or a grid that is too small "
    "leaves work undone: a loop in strides of the grid is missing.",
    # sums
    "statistical line": "Within the bound but far above the usual rounding: terms are added in "
    "lower precision, or the same error is made in every term.",
    "large integers": "As `integers`, in sizes that cross every tile: the remainder of a block.",
    # unpooling
    "transpose": "Unpooling and its transpose disagree about a switch, a collision or the plane.",
    "collision law": "Where windows overlap, values are overwritten that are to be added (or the "
    "other way round), or the order of windows is another.",
    "no collision": "Values come to a neighbouring pixel or plane.",
    "NaN collides": "The largest is found by a comparison that is false for NaN.",
    "nothing lost": "Values at the border of a block, or of several windows in one pixel, are "
    "lost.",
}
