"""sparse_dot_topn from PyPI: what one would join clauses and papers with instead of our kernel.

The same rows and columns: profiles x clauses times clauses x papers, the best of each profile. It
does less: no boosts, no order among equals, no marks of the rules that hit.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass

import numpy as np
from measuring import took
from numpy.typing import NDArray

from notifier.profiles.matching.compiled import Arrays, Compiled
from notifier.profiles.matching.concordance import spread, starts_of
from notifier.profiles.matching.lines import NEVER
from notifier.profiles.matching.postings import Runs
from notifier.ranking.best import Selection, best

_EXCLUDED = -1e30
_ROUNDING = 1e-5


@dataclass(frozen=True, slots=True)
class Joined:
    """Seconds of both for one join, without making the matrices, and whether the totals agree."""

    sparse: float
    ours: float
    equal: bool


def joined(compiled: Compiled, runs: Runs, papers: int, keep: int, times: int) -> Joined:
    """Join both ways, the fastest of some times.

    Raises:
        ImportError: sparse_dot_topn or SciPy is not installed.
    """
    product = importlib.import_module("sparse_dot_topn").sp_matmul_topn
    matrix = importlib.import_module("scipy.sparse").csr_matrix
    arrays = compiled.arrays()
    starts, nodes = runs.starts, np.arange(len(runs.counts))
    which, at = runs.of(nodes)
    found = matrix(
        (runs.units[at].astype(np.float32), runs.papers[at].astype(np.int32),
         starts_of(runs.counts).astype(np.int32)),
        shape=(len(starts), papers),
    )  # fmt: skip
    asked = matrix(_profiles(arrays), shape=(len(arrays.counts), len(starts)))
    del which
    selection = Selection(keep, np.ones(papers), np.arange(papers, dtype=np.int32))
    theirs = [
        took(lambda: product(asked, found, keep, threshold=0, sort=True)) for _ in range(times)
    ]
    own = [took(lambda: list(best(compiled, runs, selection))) for _ in range(times)]
    order = np.argsort(np.concatenate([block.profiles for block in own[0][1]]), kind="stable")
    totals = np.concatenate([block.totals for block in own[0][1]])[order]
    return Joined(
        min(seconds for seconds, _ in theirs),
        min(seconds for seconds, _ in own),
        len(totals) == theirs[0][1].nnz
        and bool(np.allclose(theirs[0][1].data, totals, rtol=_ROUNDING)),
    )


def _profiles(
    arrays: Arrays,
) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.int32]]:
    """Weights by profile and clause."""
    entries = spread(arrays.firsts, arrays.counts)
    weights = arrays.weights[entries].astype(np.float32)
    weights[weights == NEVER] = _EXCLUDED
    return weights, arrays.clauses[entries], starts_of(arrays.counts).astype(np.int32)
