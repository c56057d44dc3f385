"""WHAT comes first. In: matches, word statistics, signals. Out: relevance, trend and an order.

Pure: `now` is an argument. Every number can be taken apart again.
"""
