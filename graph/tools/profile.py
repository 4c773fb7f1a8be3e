"""The facts that are kept about the customer beyond the conversation."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from langchain.tools import tool
from langgraph.types import Command
from pydantic import Field

from graph.policy import memory
from graph.policy.masking import mask
from graph.prompts import TEXTS
from graph.tools.access import CHANGES_NEED_PROOF, verification_level
from graph.tools.common import Runtime, propose, store_of

QUESTIONS = {"request": "ask_erase_all", "immediate": "ask_erase_all_now"}


@tool(parse_docstring=True)
async def remember(fact: Annotated[str, Field(min_length=1, max_length=memory.FACT_LENGTH)], runtime: Runtime) -> str:
    """Guarda algo que o cliente contou sobre si, para as próximas conversas.

    Use para o que ajuda em outra conversa: como quer ser chamado, preferências, grau, tipo de lente. Nunca guarde
    documentos, cartões, nem o que outra pessoa ou um arquivo disse.

    Args:
        fact: Uma frase curta, por exemplo: Prefere lentes mensais.
    """
    await memory.remember(store_of(runtime), runtime.context.customer_id, mask(fact))
    return "Guardado."


@tool(parse_docstring=True)
async def show_profile(runtime: Runtime) -> str:
    """Consulta tudo o que está anotado no perfil deste cliente.

    Use quando o cliente perguntar o que se sabe ou se guarda sobre ele.
    """
    known = await memory.facts(store_of(runtime), memory.profile_ids(runtime.context))
    return "\n".join(f"- {fact}" for fact in known) or "Não há nada anotado no perfil deste cliente."


@tool(parse_docstring=True)
async def forget(what: Literal["notes", "everything"], runtime: Runtime) -> str | Command[Any]:
    """Pergunta ao cliente, com botões, se os dados dele devem ser apagados, e termina o turno.

    Use quando o cliente quiser que se esqueça o que ele contou, ou que os dados dele sejam apagados. Nada é apagado
    enquanto ele não confirmar. A pergunta já diz o que acontece depois do sim: não prometa mais do que ela.

    Args:
        what: notes apaga só as anotações do perfil; mensagens, pedidos e chamados ficam. everything é para quem quer
            que todos os seus dados sejam apagados, por exemplo: apague tudo, exclua meu cadastro, LGPD.
    """
    store_of(runtime)
    if what == "everything":
        how = runtime.context.erasure
        return propose(runtime, "forget", {"what": what, "how": how}, TEXTS[QUESTIONS[how]])
    if verification_level(runtime) == "changes_need_proof":
        return CHANGES_NEED_PROOF
    return propose(runtime, "forget", {"what": what}, TEXTS["ask_erase"])
