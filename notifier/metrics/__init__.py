"""Numbers for Prometheus. In: what this process does, and what the database holds. Out: its text.

Every metric stands in one table (`described`); there is one registry for each instance, none of the
whole process.
"""
