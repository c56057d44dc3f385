"""One run of sending. In: a database, a way to the mail server, how fast. Out: what was done.

`claiming` takes a mail, `worker` sends it, `recording` writes down what became of it; `doubt`
settles what a crash left open. Between two of these steps the process may die at any point.
"""
