"""Pages. In: a request. Out: HTML, by the templates. GET shows, POST changes."""
