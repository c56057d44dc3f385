"""WHAT is done, in order: ingest, compose, deliver. In: a time. Out: a report of what was done.

Effects only, no rules of their own. Each may run twice or be killed half-way: the database
keeps the promises. One source, profile, template or mailbox failing stops nobody else.
"""
