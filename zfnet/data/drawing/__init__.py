"""How the embedded scenes are drawn: distance functions, textures, colours, light, figures."""
