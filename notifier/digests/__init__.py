"""WHAT is sent, and when. In: ranked matches and a schedule. Out: one mail's bytes.

`cadence` and `choose` decide and are pure; `render` and `message` make the same bytes from the
same values, whenever they run.
"""
