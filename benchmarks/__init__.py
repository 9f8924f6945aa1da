"""sfauth next to the cheapest thing that could do the same: ``python -m benchmarks``, from the repository's root.

Everything is a ratio within one run, or a count: a time alone says more about the machine than about the code. Each
module measures one thing; `benchmarks.registry` names them all.
"""
