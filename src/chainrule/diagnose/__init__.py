"""Floor 4: what a program does to its derivatives, told before it is differentiated."""

from .checked import checked
from .survey import Finding, Findings, check

__all__ = ["Finding", "Findings", "check", "checked"]
