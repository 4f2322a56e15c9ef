"""Contract between a kernel and its callers: what a kernel declares, and what a call hands to it.

registry     the table of kernels, and the choice of one for a problem
geometry     every size formula; window_geometry: the window beneath; norm_geometry: normalisations
memory       allocation, canonical operands; pool: the free-list allocator beneath it
costs        estimated times, from work and fitted rates
machine      vector registers, cache lines and caches of the processor
threads      the number of threads; arrays, devices, placement: where operands are stored
"""
