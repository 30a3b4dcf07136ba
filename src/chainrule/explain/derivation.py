"""`explain`."""

import json
from typing import Any

import numpy as np

from .document import Builder
from .record import Run
from . import text


class Derivation:
    def __init__(self, doc, gradient, builder):
        self.document, self.gradient, self._b = doc, gradient, builder

    def text(self) -> str:
        return text.render(self.document)

    def json(self):
        return json.dumps(self.document, ensure_ascii=False, indent=1)


def explain(f, *args, argnums=0, mode="reverse", detail="normal", output=None):
    run = Run(f, args, argnums)
    b = Builder(run, args, mode, detail, output)
    doc = b.build()
    g = run.call.rebuild([run.symbols["bar:" + run.symbol_of[n].id].value for n in run.inputs])
    return Derivation(doc, g, b)
