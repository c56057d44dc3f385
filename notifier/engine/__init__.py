"""WHERE work runs. In: tasks, small enough for JSON. Out: each is done at least once, somewhere.

An engine only says "please work on this" and may forget it: what is to be done stands in the tables
of the product. Two adapters keep one contract: `inline` and `distributed`.
"""
