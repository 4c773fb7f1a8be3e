"""The patterns by which the demo model recognises requests in Portuguese; most match text simplified by `plain`."""

import re

ORDER_NUMBER = re.compile(r"(?<![\w.,:/-])#?(\d{4,12})(?![\w-])")
POSTCODE = re.compile(r"(?<![\w-])\d{5}-?\d{3}(?![\w-])")
TICKET_NUMBER = re.compile(r"(?:chamado|ticket|protocolo)\D{0,15}?#?(\d+)")
ORDER = re.compile(r"\b(pedidos?|encomendas?|compras?|entregas?|rastre\w*|chega\w*|order)\b")
PROBLEM = re.compile(
    r"\b(problemas?|defeitos?|quebr\w+|reclam\w+|troca\w*|devol\w+|reembols\w+|errad[oa]s?|arranhad\w+)\b"
    r"|\babr\w+ (?:um )?(?:chamado|ticket)\b"
)
PERSON = re.compile(r"\b(atendentes?|humano|pessoa de verdade|falar com (?:alguem|uma pessoa))\b")
MEMORY = re.compile(r"\b(lembra\w*|antes|anterior\w*|perguntei|falei|disse|ultima mensagem|historico|conversamos)\b")
GREETING = re.compile(r"\b(oi+|ola+|opa|bom dia|boa tarde|boa noite|hello|hi)\b")
CANCEL = re.compile(r"\b(cancel\w+|desist\w+)\b")
ADDRESS = re.compile(r"\b(?:mud\w+|troc\w+|alter\w+|novo)\b[^.?!]*\bendereco\b.*?(?::|\bpara\b)\s*(.*)", re.DOTALL)
PRODUCT = re.compile(r"\b(compr(?:ar|o)|produtos?|precos?|quanto custa\w*|vend\w+|promoc\w+|coloridas?|armac\w+)\b")
GOODS = re.compile(
    r"\b(?:(?:quais|qual|tem|vend\w+|procuro|quero|queria|gostaria|preciso)\b[^.?!]*\b|que )"
    r"(?:lentes?|oculos|armac\w+|soluc\w+|estojos?)\b"
)
# Questions about the rules of the company, which its texts answer.
RULES = re.compile(
    r"\b(pix|boleto|parcel\w+|pagamento|pagar|aceita\w*|nota fiscal|nf|frete|prazos?|garantia|devolv\w+|posso|receita"
    r"|assinatura|como (?:limp|lav|guard|cuid)\w+)\b"
)
PASSAGE = re.compile(r"\[início: trecho (\d+): [^\]\n]*\]\n(.*?)\n\[fim:", re.DOTALL)
STORE = re.compile(r"\b(lojas?|onde fica\w*|horario\w*|abre\w* (?:hoje|amanha)|que horas)\b")
PREFERENCE = re.compile(r"\b(prefiro|anota\w*|anote\w*|guard[ae]\w* (?:isso|que)|lembr\w+ que)\b")
KNOWN = re.compile(r"\bo que (?:voce|vc|voces) (?:sabe\w*|guard\w+|tem)\b[^?]*\b(?:sobre mim|de mim|meu|minha)\b")
NOTES = re.compile(r"\b(sobre mim|anot\w+|perfil|preferencias?)\b")
ERASE = re.compile(r"\b(apag\w+|esquec\w+|exclu\w+|remov\w+)\b[^.?!]*\b(tudo|dados|sobre mim|informac\w+)\b")
REFUSED = re.compile(r"(nao|n|negativo|deixa pra la|desisto)[.!]*")
SUMMARY = re.compile(r"resuma a conversa")
THANKS = re.compile(r"\b(obrigad[oa]s?|valeu|agradec\w+|thanks)\b")
NAME_ASKED = re.compile(
    r"\b(meu nome|me chamo|quem (?:eu )?sou)\b[^.!]*\?|\b(?:qual|sabe|lembra)\b.*\b(?:meu nome|me chamo)\b"
)
NAME_TOLD = re.compile(
    r"\b(?i:meu nome é|me chamo|pode me chamar de|aqui é [oa]|(?<!quem )sou [oa])\s+"
    r"([^\W\d_][\w'’-]*(?:\s+(?:d[aeo]s?\s+)?[A-ZÀ-Ý][\w'’-]*)*)"
    r"|\b(?i:meu nome e)\s+([A-ZÀ-Ý][\w'’-]*)"  # without the accent only before a capital: it may be an "and"
)
UNOPENED = re.compile(r"\[.*\b(?:nao foi possivel (?:ler|abrir|ouvir)|grande demais para ser aberto|nao foi aberto)\b")
UNSURE = re.compile(r"nao afirme|antes de afirmar")  # a fact for the model, not for the customer
VERIFIED = re.compile(r"esta confirmado que o pedido (\S+)")
