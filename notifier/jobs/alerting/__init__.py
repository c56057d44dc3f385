"""What needs somebody. In: how an instance does. Out: a mail when that begins, lasts, and is over.

`troubles` says what is wrong and `telling` when to say so, both pure; `wording` has the words,
`watch` reads, claims and writes. Told once, whichever process looks, and however often.
"""
