"""Floor 3: the chain rule in each direction. Names no operation beyond + and ×."""
