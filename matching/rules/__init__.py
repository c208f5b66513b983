"""The pure rules of matching: which visitor made a call, and how likely it is.

Facts in, probabilities and evidence out. Nothing here reads a clock, a database or a network; the only file
read is the shipped model. Weights are log2, rates are calls per second, times are aware UTC datetimes.
"""
