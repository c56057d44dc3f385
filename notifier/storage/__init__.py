"""WHAT is kept. In and out go values; rows, SQL and migrations stay in here.

One SQLite file, or PostgreSQL by another URL. The unique keys of `tables` keep the promises of
once-only; the functions of `store_*` only ask.
"""
