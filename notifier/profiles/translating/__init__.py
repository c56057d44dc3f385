"""Ways in and out of profiles. In: queries and lists of other services. Out: rules, and losses.

Pure. What cannot be said in rules is named, with its place and why; everything else is kept.
"""
