"""The environment variables that each part of the local stack is given."""

import re
from collections.abc import Mapping

# The agent server and the simulator's model never see WhatsApp credentials or conversations, nor the secret that signs
# what a run may read.
GATEWAY_ONLY = re.compile(
    r"WHATSAPP_\w+|CHANNELS_FILE|(DATABASE|REDIS|MEDIA)_URL(_FILE)?|GATEWAY_(HOST|PORT)|(OPS|WORK)_PORT"
    r"|(CONSOLE|OIDC|TOMBSTONE)_\w+|(INTERNAL|TEMPLATES)_TOKEN(_FILE)?|AGENT_AWAY_SECONDS"
)
# The gateway never sees model keys or business data.
AGENT_ONLY = re.compile(
    r"OPENAI_\w+|\w+_API_KEY(_FILE)?|AGENT_(?!AWAY_SECONDS)\w+|(BUSINESS|MODEL|LANGSMITH|LANGCHAIN|EMBEDDINGS)_\w+"
    r"|KNOWLEDGE(_\w+)?|STUDIO"
)
# Every program on the machine may see these.
COMMON = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|TERM|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|PYTHON\w+|VIRTUAL_ENV|\w+_proxy", re.IGNORECASE
)
# The console sees neither tokens of Meta's nor the agent server's, but two that are good for the data of a
# customer and for the knowledge.
CONSOLE = re.compile(
    r"(CONSOLE|OIDC|LOG|OTEL|HTTP|QUIET_PERIOD)_\w+|DATABASE_(URL(_FILE)?|POOL_SIZE)|MEDIA_URL|GATEWAY_HOST|KNOWN_HOSTS"
    r"|DRAIN_SECONDS|LANGGRAPH_URL|TRACE_URL|(BUSINESS|KNOWLEDGE)_TOKEN(_FILE)?"
)
# `serve` calls neither Meta nor the agent server, and `work` receives no webhooks and no templates to send.
WORK_ONLY = re.compile(r"(WHATSAPP_ACCESS_TOKEN|LANGGRAPH_TOKEN|REDIS_URL|TOMBSTONE_KEY)(_FILE)?")
SERVE_ONLY = re.compile(r"(WHATSAPP_(APP_SECRET|WEBHOOK_VERIFY_TOKEN)|TEMPLATES_TOKEN)(_FILE)?")
# No other process of the gateway needs the console's secret at the issuer.
CONSOLE_ONLY = re.compile(r"OIDC_\w+")
STACK_ONLY = re.compile(r"SIMULATOR_\w+|POSTGRES_PORT|REDIS_PORT|LANGGRAPH_PORT|AGENT_(REPLICAS|JOBS)|DEV_DIR")


def for_gateway(variables: Mapping[str, str]) -> dict[str, str]:
    """Return all variables but those of the agent, of the console's issuer and of the stack itself."""
    others = (AGENT_ONLY, CONSOLE_ONLY, STACK_ONLY)
    return {name: value for name, value in variables.items() if not any(other.fullmatch(name) for other in others)}


def for_serve(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of the gateway but the secrets that only `gateway work` uses."""
    return {name: value for name, value in for_gateway(variables).items() if not WORK_ONLY.fullmatch(name)}


def for_work(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of the gateway but the secrets that only `gateway serve` uses."""
    return {name: value for name, value in for_gateway(variables).items() if not SERVE_ONLY.fullmatch(name)}


def for_console(variables: Mapping[str, str]) -> dict[str, str]:
    """Return only the variables that the console's settings name."""
    return {name: value for name, value in variables.items() if CONSOLE.fullmatch(name) or COMMON.fullmatch(name)}


def for_agent(variables: Mapping[str, str]) -> dict[str, str]:
    """Return all variables but those of the gateway and of the stack itself."""
    return {
        name: value
        for name, value in variables.items()
        if not (GATEWAY_ONLY.fullmatch(name) or STACK_ONLY.fullmatch(name))
    }


def for_simulator(variables: Mapping[str, str]) -> dict[str, str]:
    """Return only addresses and ports: the simulator has its own ids and secrets of WhatsApp, never the user's."""
    own = re.compile(r"SIMULATOR_\w+|GATEWAY_PORT|LOG_\w+")
    return {name: value for name, value in variables.items() if own.fullmatch(name) or COMMON.fullmatch(name)}
