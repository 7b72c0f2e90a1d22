"""Writes the low-level part of the bindings from include/spantls.h."""
