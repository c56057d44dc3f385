"""Which papers all profiles want, at once. In: papers and rules. Out: the papers of each rule.

Pure. Exactly what asking each profile alone would give: tests/reference.py says what that is.
"""
