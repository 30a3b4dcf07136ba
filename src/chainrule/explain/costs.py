"""Stub."""
def cost(b): return None
