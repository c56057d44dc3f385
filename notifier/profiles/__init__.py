"""WHAT a reader wants. In: rules as text, and papers. Out: which papers match, by which words.

Pure. A rule in error disables itself, never its profile, and nothing typed is ever lost.
"""
