"""Explanations of failures: the usual causes when a property fails, for the reports.

`python -m kernels verify --catalogue` puts these beside the properties' sentences.
"""

from __future__ import annotations

READINGS = {
    # every
    "definition": "Look at the index of the worst element: at the border, suspect padding; in the "
    "last channels, the remainder of a block; in all of an image, the stride or the batch. NaN in "
    "the result means that an element was never written or that memory outside of an operand was "
    "read.",
    "integers": "An error of an integer is no rounding: products are missing, added twice or "
    "taken from a neighbour. The error divided by the inputs tells how many.",
    "into": "The result is right without `out`: the offset of the images inside the larger array "
    "is wrong, or the kernel returns an array of its own.",
    "bound again": "`bind` keeps something of the arrays' values, or a run adds to what the last "
    "one left.",
    "any memory": "The message names the memory layout: the kernel assumes other strides, another "
    "alignment or byte order than it was given.",
    "inputs kept": "The kernel computes in place, or returns a view of the named input.",
    "changed in place": "Something is cached by the array's identity or address, for example "
    "packed weights, and not compared with the values.",
    "all written": "The element at the index was not written: a loop ends early, or a branch for "
    "the remainder is missing. Its value is that of memory that was used before.",
    "same bits": "Either two threads add to one address in no fixed order, or a result is in a "
    "buffer that the next call uses again.",
    "any threads": "The shares of the threads are cut by their number: a remainder is lost, or "
    "sums are added in another order.",
    "two threads": "A buffer, a counter or a setting is shared between calls.",
    # activations and softmax
    "odd": "The sign, or the ends where the function is constant, are wrong.",
    "parts of the identity": "The gate of x and that of -x do not add up to 1.",
    "gates": "A rounding, or a missing bound, carries a value past 0, 1 or x itself.",
    "values without a number": "A comparison or a bound replaces NaN, or infinity overflows.",
    "large arguments": "A polynomial is used beyond its range, or e^x overflows on the way.",
    "tails": "e^-x overflows where the result is still a number, or is flushed to 0 too early.",
    "slope of the function": "The derivative is that of another function, or lacks a term of the "
    "product rule.",
    "passes nothing else": "Something is added to gy times the derivative.",
    "shares of a row": "A row's sum leaves out an element, or is another row's.",
    "shifted rows": "The maximum that is subtracted is not the row's own.",
    "masked": "Minus infinity minus itself, or a NaN that a comparison drops.",
    "rows that add up to 0": "The weighted sum of gy over the row is wrong or not subtracted.",
    # group normalisation
    "offset": "The mean that is subtracted does not have weights that sum to 1 at that pixel: "
    "look at the corrected border.",
    "far from zero": "Digits cancel: the variance is computed as a difference of large numbers.",
    "contrast scale": "Something is added that does not grow with x, such as an epsilon.",
    "below the floor": "The divisor below the floor is not the floor itself.",
    "contrast's limit": "The divisor is smaller than the pixel's own part of it: a weight is "
    "missing in the sum, or channels are left out.",
    "saved": "The value saved for the derivative is not the one that the result was divided by.",
    "flat sigma": "The rounding error of the blur is taken for contrast.",
    "flat channels": "What counts as the rounding error of a flat region does not grow with the "
    "number of channels, over which the mean is summed.",
    "flat regions": "A division by 0, or the root of a rounding error below 0.",
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
    "batch": "The offsets of images after the first are wrong, or blocks of work span two images.",
    "permuted": "Channels do not all take the same path: a block of them is shifted or repeated.",
    "split": "The sum over channels (filters, images) is split wrongly: a later block overwrites "
    "instead of adding, or the first one adds instead of overwriting.",
    "groups": "The group's first channel or filter is wrong, or the sums of one group are not "
    "reset for the next.",
    "bias": "The bias is added to another filter, twice, or not in one of the branches.",
    "rectified": "The rectifier is applied before the last sum or the bias, is missing in a branch "
    "for the remainder, or replaces NaN.",
    "bound": "The epilogue meets a block before it is finished, twice, or not at all: a tile that "
    "overlaps, the last piece of channels, or a pass that a second run leaves as the first did.",
    "pooled": "The fused pooling reads other values than are returned without it, or ties select "
    "another tap.",
    "prepared": "The prepared weights depend on the batch, or are shared between calls.",
    "chunks": "The border between two chunks: a tile or a row is lost or computed twice there.",
    # shifts
    "shift": "The result depends on the position of a pixel in the plane: tiles at the border, or "
    "an origin that is off by one.",
    "delta": "The index shows which tap was applied where: rows and columns exchanged, a filter "
    "flipped, channels exchanged.",
    "1x1": "A special path for single taps is wrong, or a stride is missing in it.",
    "NaN and infinity": "It reached a result that does not depend on it (more is read than the "
    "definition reads), or it was lost (a product with 0 is left out). Declare `spreads` if the "
    "algorithm cannot avoid it.",
    "large values": "An intermediate value overflows: transformed operands, or sums that the "
    "definition does not have. Declare a larger `growth`.",
    "flipped": "The kernel is not flipped, or the zeros between pixels are missing.",
    "slope": "The gradient is that of another function. Compare with `adjoint`, which shows where.",
    "finite differences": "The formula of the derivative is wrong, not its rounding: a term is "
    "missing or has the wrong sign.",
    # elementwise and products
    "unlike memory": "Both operands are read with the strides of one of them.",
    "special values": "NaN is lost in a comparison, or infinity is multiplied by 0.",
    "rectified twice": "A value above 0 is changed.",
    "two halves": "Zero, or the sign, is treated differently in the two halves.",
    "gate": "The sign of gy decides instead of that of x, or the gradient passes at x = 0.",
    "passes all": "The gradient is multiplied by 0 instead of being replaced: NaN remains NaN.",
    "large product": "A block's border: the remainder of rows, columns or terms.",
    "identity": "An element is taken from its neighbour or from the transposed place.",
    "product's transpose": "One of the operands is read as transposed when it is not.",
    "rows alone": "The result of a row depends on the block of rows that contains it.",
    "products alone": "A product has another pair's factor, or is written beyond its end.",
    "transposed products": "An operand of another memory order is read as if it were row-major.",
    "column's bias": "The bias is added along rows, or is missing in the last block of columns.",
    # group normalisation
    "standardised": "The mean or the variance is over other elements than those of the group.",
    "saved moments": "The arrays for the gradient are of another type or shape, or are the "
    "variance.",
    "groups alone": "A sum crosses the border of a group or of a sample.",
    "large means": "The variance is computed as the mean of squares minus the squared mean.",
    "orthogonal": "The mean of gy over the group is wrong or not subtracted.",
    "slope of groups": "The formula of the gradient is wrong: a factor of the scale, or a term.",
    "weighted channels": "The weight or bias of another channel, or one is needed for the other.",
    "one element": "A result, or prepared weights, are kept by shape, by address or by some of the "
    "values, and returned again although a value has changed.",
    "same sum": "Something is kept by a sum or another checksum of the values.",
    "same address": "Something is kept by the address of an array, which another one has now.",
    "in turn": "A buffer is kept between calls: its key lacks a setting, or it is returned itself.",
    "other pads": "A padded copy is kept by its size; another call has written into its border.",
    "own memory": "A short cut returns the input, or a view of it.",
    "many calls": "A counter, a buffer of fixed size or a cache that is full changes the result.",
    "racing": "Callers share a buffer: one of them writes while another one reads.",
    "interrupted": "A buffer of the module is written by one call and read by another.",
    # moving
    "any value": "Values are computed with, or compared, instead of copied.",
    "whole plane": "The patch's origin is off by one, or its last row or column is not copied.",
    "own part": "The overlay is shifted, or its border is filled or left to the plane.",
    "patches of patches": "The two origins are not added: rows and columns are exchanged, or an "
    "origin is clipped to the plane.",
    "filled twice": "What is filled depends on the values that were there before.",
    "inside kept": "The border of the plane is off by one: pixels inside are filled.",
    "own transpose": "Values move to other pixels, or something is added to them.",
    "given back": "An array's first channel in the result is wrong.",
    "one after another": "The channels of the last or of the first array are treated differently.",
    "maximum": "Ties select another pixel, or value and place are not updated together.",
    "without order": "NaN or the sign of zero takes part in the comparison in another way.",
    # numbers
    "denormals": "The processor or the kernel flushes denormals to zero.",
    "any magnitude": "Values pass through float16 or another type of a smaller range.",
    "largest numbers": "The number is doubled, squared or rounded up on the way.",
    "dead filters": "Products with 0 are left out. Declare `skips_zeros` if a BLAS does that.",
    "moved bits": "Values are computed with instead of copied, or the sign of a zero is lost.",
    "ends rectified": "A product with 0 or 1 replaces the choice, or -0 is returned.",
    "large responses": "Something beside the sum of squares and its power overflows, for "
    "example the square of t, or passes through a type of a smaller range.",
    "averages' range": "The values are scaled, or pass through a type of a smaller range.",
    "gradual underflow": "Results or operands below the smallest normal number are 0: the code was "
    "compiled to flush them (-ffast-math does), or compares with the smallest normal number.",
    # outputs
    "output size": "The formula of the output's size rounds the wrong way, or a check of arguments "
    "refuses what is valid.",
    # peers
    "PyTorch": "The kernel agrees with the definition but not with PyTorch: a convention, such as "
    "rounding up, differs. Or the failure needs sizes that `definition` does not draw.",
    "ONNX": "As for PyTorch: a convention of the standard differs.",
    # planes
    "large sizes": "Small sizes fit into one of the kernel's blocks: look at the remainder of "
    "channels or rows.",
    "images alone": "Blocks of work span two images.",
    "channel order": "A block of channels is shifted, or a window combines channels that are not "
    "neighbours.",
    "rows for columns": "H and W, or the two strides or pads, are exchanged somewhere.",
    "additive": "Something is added that does not come from the operand, or a maximum is taken "
    "instead of a sum.",
    "reach": "More is read than the definition reads, or NaN is lost.",
    # pooling
    "switch places": "The switch is an index into the padded plane, the window, or all planes.",
    "switch values": "Value and switch are not updated together.",
    "ties": "`>=` is used instead of `>`, or taps are visited in another order.",
    "first NaN": "A comparison with NaN is false, so NaN needs a test of its own.",
    "lone NaN": "The comparison skips a NaN that is not the first tap.",
    "padding": "The padding is compared as 0 or as the smallest number.",
    "losers": "A switch is the index of a pixel that is not the maximum.",
    "order": "Values are changed before they are compared.",
    "maximum's slope": "Unpooling scatters values to other pixels than pooling took them from.",
    "whole strides": "A window's origin is off, or the border is treated as inside.",
    "constant plane": "The divisor counts taps outside the plane.",
    "shares": "The gradient is divided by another number than the value was.",
    # random bits
    "words": "The number of words or their type is wrong: the last block is cut or too long.",
    "prefix": "A word depends on the number of words: counters are assigned by the total.",
    "every bit": "A bit of the seed, step or stream does not enter the key or the counter.",
    "no repetition": "A counter starts anew for a block or a thread.",
    # response
    "response's limit": "t is below k: a wrong sign of a term or of the power.",
    "response scale": "alpha is divided by another number than the window's size.",
    "common factor": "k is not part of the sum that is raised to beta.",
    "loud channel": "Running sums along the channels keep the rounding error of a large number.",
    "Euler's identity": "The derivative's second term is wrong, or its window is not transposed.",
    # schedules
    "any schedule": "A race: no barrier fixes the order of two accesses. Or a grid smaller than "
    "the work leaves some of it undone: a grid-stride loop is missing.",
    # sums
    "statistical line": "Within the bound but far above the usual rounding: terms are added in "
    "lower precision, or the same error is made in every term.",
    "large integers": "As `integers`, in sizes larger than every tile: the remainder of a block.",
    # sizes
    "networks": "The failing layer names it: a window, stride, dilation or number of groups that "
    "the kernel has a path of its own for, or a block's remainder that small sizes do not have.",
    "thresholds": "Look for the one large size of the geometry: a block, a vector, a grid or an "
    "index type ends there.",
    "nothing": "A division by a number of channels, a grid of 0 blocks, or a maximum of nothing. "
    "A sum of no products is 0.",
    # stages
    "one after another's bits": "The fused kernel rounds in another order than the steps, or pools "
    "before it rectifies.",
    "prepared stage": "The stage expects another form of prepared weights than the convolution's.",
    # surroundings
    "process state": "The kernel sets what belongs to its caller: it seeds or draws from a global "
    "generator, sets a number of threads and does not set it back, or changes an option. Take a "
    "generator of its own, or restore what it sets (`try` and `finally`).",
    # unpooling
    "transpose": "Unpooling and its transpose disagree about a switch, a collision or the plane.",
    "collision law": "Where windows overlap, values are overwritten that should be added (or the "
    "reverse), or windows are visited in another order.",
    "no collision": "Values are scattered to a neighbouring pixel or plane.",
    "NaN collides": "The largest is found by a comparison that is false for NaN.",
    "nothing lost": "Values are lost at the border of a block, or where several windows collide.",
    # updates
    "in place": "An input is read after its element was overwritten.",
    "no rate": "The weights change by something other than the velocity, or the velocity by "
    "something other than the gradient.",
    "no decay": "The weights are multiplied by a decay of 0 instead of being left out.",
    "unlike orders": "Arrays of different orders are read in the order of one of them.",
    "largest rms": "The sum of squares misses weights, is divided by another number than their "
    "count, or the factor is inverted.",
    "filters alone": "The sums of one filter are not reset for the next, or a filter begins where "
    "another one does.",
    "NaN filter": "The comparison is turned round: no comparison with NaN may lead to scaling.",
}
