"""Checks of derivatives: `check_grads` of a function, `check_op` of an operation's record."""

from .check import check_op
from .gradcheck import check_grads

__all__ = ["check_grads", "check_op"]
