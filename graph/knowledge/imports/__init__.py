"""Files and web pages that people import: each is a row, which any agent server reads into drafts, or cancels.

`rows`: the rows, with a lease for the server that reads one.
`problems`: what may be wrong with a file or a page, in a sentence (`problems.toml`).
`formats`: the kinds of files, and their texts.
`pages`: fetch a web page, from public addresses alone.
`worker`: reads what waits.
`routes`: all of it over HTTP.
"""
