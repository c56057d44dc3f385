"""WHAT may be wrong with an installation. In: its settings, and ways to ask. Out: findings.

Each check is a function that asks and returns what it found, with a remedy; it changes nothing, and
one that fails or crashes stops no other. What leaves this machine is left out where that is wanted.
"""
