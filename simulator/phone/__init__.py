"""The phone: WhatsApp's side of a conversation in a web page, served under `/phone`.

This package has the page's files (plain HTML, CSS and ES modules, no build step) and the routes that serve them. The
page drives the simulator through the control API, as the tests do.
"""
