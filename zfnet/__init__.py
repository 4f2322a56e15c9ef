"""ZFNet and its deconvnet: the network, its data, its training, and what it learned."""
