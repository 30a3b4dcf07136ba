
"""Options and profiles that all tests share."""

import gc
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# The matrices of the tests are small: threads of OpenBLAS only wait for each other there.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

_COMMON: dict[str, Any] = {
    "deadline": None,  # two cores shared with other work: a time limit would only flicker
    "derandomize": True,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}
settings.register_profile("short", max_examples=25, database=None, **_COMMON)
settings.register_profile(
    "fuzz", max_examples=3000, **{**_COMMON, "derandomize": False, "print_blob": True}
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fuzz", action="store_true", help="run the random programs for long")
    parser.addoption("--seeds", metavar="FIRST:END", help="run the random programs of these seeds")


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("fuzz" if config.getoption("--fuzz") else "short")
    config.addinivalue_line(
        "markers",
        "seeds(few, many): the seed, or block of seeds, of random programs: one of range(few), "
        "with --fuzz one of range(many), with --seeds FIRST:END one of these",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for mark in metafunc.definition.iter_markers("seeds"):
        few, many = mark.args
        chosen = metafunc.config.getoption("--seeds")
        if chosen:
            seeds = range(*map(int, chosen.split(":")))
        else:
            seeds = range(many if metafunc.config.getoption("--fuzz") else few)
        metafunc.parametrize("block" if "block" in metafunc.fixturenames else "seed", seeds)


def pytest_collection_finish() -> None:
    """Let the collector leave alone what was imported and collected: two million objects."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)  # of what a test makes little stays


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Let a worker that has nothing left take over tests of the other: some take a minute."""
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log) if config.getvalue("dist") == "load" else None


_others: dict[str, Any] = {"module": None, "left": 0}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let each file of tests be a program of its own, with its helpers.

    A trace exchanges names in every module of the program. The suite would be one program of three
    hundred modules, whose exchange takes a third of its time; `benchmarks/modules.py` measures it.
    """
    from chainrule.tracing import names

    module = getattr(item, "module", None)
    if module is _others["module"] and len(names._program) == _others["left"]:
        return
    own = {getattr(v, "__module__", "") for v in list(vars(module).values())} if module else set()
    if module is not _others["module"]:
        gc.collect()  # what the file before it left; the rest is looked at no more
        gc.freeze()
        names._program.clear()
        names._namespaces([])
    for key, (space, found) in list(names._program.items()):
        name = found.__name__
        if name.rpartition(".")[2].startswith("test_") and found is not module and name not in own:
            del names._program[key]
            names._scans.pop(id(space), None)
    names._program_scans.clear()
    names._comparing.clear()
    _others.update(module=module, left=len(names._program))
