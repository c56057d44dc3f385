"""People from elsewhere: what an export holds, and lists of other programs.

In come lines of a file, out go subscribers as far as they may be mailed. A second time changes
nothing, who left or must not be mailed stays so, and whatever is not taken is told.
"""
