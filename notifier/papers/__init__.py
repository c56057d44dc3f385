"""WHAT a paper is. In: what a source read. Out: one Paper, whatever source and version it came by.

Pure: no clock, no network, no storage. Texts are plain Unicode on one line, TeX already read.
"""
