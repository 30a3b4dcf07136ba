"""Checks of derivatives: `check_grads` of a function, `check_op` of an operation's record."""
