"""A simulator of businesses whose calls have a known cause: who called, and how sure one could possibly be of it.

A *kind* (``KINDS``) is a distribution over businesses: ``sample(kind, seed)`` draws all facts of one. ``simulate``
plays that business for some weeks and gives a trace with its truth. Every call comes from an explicit intensity (calls
per second), so ``best_answer`` can say what the best possible model would have said of each call.

Adding a kind: write a function in ``kinds_trades`` or ``kinds_callers`` that takes a generator and returns a
``Business``, draw every fact in it widely, start from ``drawing.business``, and enter it at the end of the table of
``kinds``. The tests run over every kind by themselves.
Adding a way to call: give it an intensity, draw it by thinning in ``callers`` or ``others``, and add the same intensity
to ``best``; the calibration test fails where the two differ.

Pure: no clock, no files, NumPy only.
"""

from app.demo.simulator.best import Answer, best_answer
from app.demo.simulator.business import Business
from app.demo.simulator.kinds import KINDS, sample
from app.demo.simulator.simulate import Simulated, simulate

__all__ = ["KINDS", "Answer", "Business", "Simulated", "best_answer", "sample", "simulate"]
