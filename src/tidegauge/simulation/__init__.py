"""A container engine inside the program, for machines without one: the same bytes, made up.

Nothing here is remembered. What containers there are, what happens to them and what they have used
are functions of a seed and the time, so it does not matter when, or how often, anybody asks.
"""
