"""What the engine itself asks for by name: taking one output of several."""

from ..core.op import Op
from ..core.registry import add
from ..core.slots import Linear

component = Op(
    "component",
    lambda parts, index: parts[index],
    (Linear(transpose=lambda ct, _parts, index: (index, ct)),),
)
add(component)
