"""Who may use the JSON API. In: a key as it was sent. Out: what its holder may do, or a refusal.

Keys are kept as hashes and shown once. The same request with one Idempotency-Key is carried out
once.
"""
