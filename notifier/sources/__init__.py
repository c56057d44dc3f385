"""WHERE papers come from. In: bytes of a feed or an API. Out: good entries, and problems.

A broken entry costs itself, never its neighbours. Nothing here knows of profiles or storage.
"""
