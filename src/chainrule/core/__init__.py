"""Floor 1: the mechanism. Names no operation and no mode."""
