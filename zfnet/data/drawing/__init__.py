"""Drawing of the embedded scenes: distance functions, textures, colours, light, figures."""
