"""The transpose of unpooling: gather at the switches."""
