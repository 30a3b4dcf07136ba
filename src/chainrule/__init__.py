from . import ops
from .api import grad
