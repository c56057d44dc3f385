"""HOW a mail gets there. In: bytes and an address. Out: taken, or refused with stage and code.

Whoever claims a delivery decides nothing here; `backoff` decides, the mailers only act.
"""
