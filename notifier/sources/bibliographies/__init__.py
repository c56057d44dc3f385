"""Files in which people keep the papers that they know: BibTeX, RIS, CSL JSON, lists of ids.

In come a file's bytes, out go works with the lines that could not be read and why. Nothing good is
lost because something beside it was bad, and no file raises but one that is none of these.
"""
