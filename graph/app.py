"""The apps for LangGraph Server, which loads one of them (`http.app` of its configuration) and adds its own routes."""

from __future__ import annotations

import os

from graph.customer_data import ROUTE
from graph.customer_records import ROUTES
from graph.knowledge.console.routes import ROUTES as CONSOLE
from graph.knowledge.routes import ROUTES as KNOWLEDGE
from graph.knowledge.upkeep import knowledge_of_this_server
from graph.knowledge_answer import ROUTES as ANSWER
from graph.server.log_lines import leave_out_the_words_of_exceptions
from graph.server.server import RUNTIME_FOLDER, forget_runs, make_app
from graph.server.tracing import configure_tracing
from graph.settings import settings

os.umask(0o077)  # files of the server and of libraries, with words of customers, are for this user alone

# `disable_persistence` in langgraph.json does not reach the server (langgraph-cli 0.4.40 drops it, and with it an
# orderly stop would write all the same), so this has to happen before the server reads: now, while it loads the app.
forget_runs(RUNTIME_FOLDER)

leave_out_the_words_of_exceptions()
configure_tracing(settings().otel_exporter_otlp_endpoint)

OURS = [ROUTE, *ROUTES, *KNOWLEDGE, *CONSOLE, *ANSWER]
development = make_app(OURS, settings(), development=True, lifespan=knowledge_of_this_server)
production = make_app(OURS, settings(), development=False, lifespan=knowledge_of_this_server)
