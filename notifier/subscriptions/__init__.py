"""WHO is asked. In: what somebody wants changed. Out: a subscriber in its new state.

Nobody is mailed who did not confirm; leaving needs no reason and works at once.
"""
