"""Fuzzing of the decoders: what must hold for any bytes, where to begin, how to change them."""
