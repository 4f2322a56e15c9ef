"""ZFNet and its deconvnet: network, data sets, training, and the experiments of the paper."""
