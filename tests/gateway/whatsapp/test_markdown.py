import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.whatsapp.compose import formatted, prepare
from gateway.whatsapp.markdown import to_plain, to_whatsapp
from gateway.whatsapp.messages import Text


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("**negrito** e __também__", "*negrito* e *também*"),
        ("*itálico* e _também_", "_itálico_ e _também_"),
        ("***os dois***", "*_os dois_*"),
        ("**Pedido *12345* saiu**", "*Pedido _12345_ saiu*"),
        ("~~R$ 200~~ R$ 150", "~R$ 200~ R$ 150"),
        ("use `pip install` ou ``a`b``", "use `pip install` ou a`b"),
        ("```python\n**x** = [1](2)\n```", "```\n**x** = [1](2)\n```"),
        ("~~~\ncódigo\n~~~", "```\ncódigo\n```"),
        ("```\nsem fim **x**", "```\nsem fim **x**\n```"),
        ("# Título\ntexto", "*Título*\ntexto"),
        ("### **Já em negrito** ###", "*Já em negrito*"),
        ("Título\n=====\ntexto", "*Título*\ntexto"),
        ("* um\n+ dois\n- três\n  * dentro", "- um\n- dois\n- três\n  - dentro"),
        ("1. um\n2. dois", "1. um\n2. dois"),
        ("- [ ] fazer\n- [x] feito", "- ☐ fazer\n- ☑ feito"),
        ("> citação **forte**", "> citação *forte*"),
        ("[site](https://svlentes.com.br)", "site (https://svlentes.com.br)"),
        ("[https://x.y](https://x.y)", "https://x.y"),
        ("![foto](https://x.y/a_b_c.jpg)", "foto (https://x.y/a_b_c.jpg)"),
        ('[a](https://x.y "título")', "a (https://x.y)"),
        ("[wiki](https://x.y/a_(b))", "wiki (https://x.y/a_(b))"),
        ("[fale](mailto:a@b.com) [a@b.com](mailto:a@b.com)", "fale (a@b.com) a@b.com"),
        ("<https://x.y/_a_>", "https://x.y/_a_"),
        ("veja https://x.y/_a_b_ e **https://z.w**.", "veja https://x.y/_a_b_ e *https://z.w*."),
        ("| Pedido | Situação |\n|---|:-:|\n| 123 | **Enviado** |", "- Pedido: 123; Situação: *Enviado*"),
        ("A | B\n--- | ---\n1 | 2\n3 |", "- A: 1; B: 2\n- A: 3"),
        ("| A \\| B |\n|---|\n| 1 |\nfim", "- A | B: 1\nfim"),
        ("| A | B |\n|---|---|\n", "A, B"),
        ("um\n\n---\n\ndois", "um\n\ndois"),
        ("um\n***\ndois", "um\n\ndois"),
        (r"2 \* 3 \_ok\_", "2 * 3 _ok_"),
        ("um<br>dois", "um\ndois"),
        ("fim da linha  \noutra", "fim da linha\noutra"),
    ],
)
def test_markdown_becomes_whatsapp(markdown, expected):
    assert to_whatsapp(markdown) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Olá, Maria! Tudo bem?",
        "2 * 3 * 4 = 24",
        "2*3*4",
        "arquivo_de_teste_1.pdf",
        "R$ 10,00 | R$ 20,00",
        "a - b - c",
        "#12345",
        "5 > 3",
        "https://x.y/?a=1&b=_c_",
        "👩‍👩‍👧 שלום",
        "linha 1\n\nlinha 2",
    ],
)
def test_what_is_no_markdown_stays(text):
    assert to_whatsapp(text) == text


@given(st.text())
def test_any_text_is_turned_without_failing(text):
    assert "\0" not in to_whatsapp(text)
    assert "\1" not in to_plain(text)


@given(st.text(alphabet="*_~`[]()<>#-+.!\\\n ahttps:/", max_size=60))
def test_nothing_is_said_twice_in_any_heap_of_marks(text):
    for letter in "ahtps":
        assert to_whatsapp(text).count(letter) <= text.count(letter)


@given(st.text(alphabet=st.characters(codec="utf-8", categories=["L", "N", "Zs"]), max_size=80).map(str.strip))
def test_letters_digits_and_spaces_stay(text):
    assert to_whatsapp(text) == text == to_plain(text)


@given(st.text(alphabet="*_~ab |#-\n", max_size=60))
def test_code_is_not_touched(code):
    lines = [line.replace("~~~", "") for line in code.split("\n")]
    block = "\n".join(["```", *lines, "```"])
    assert to_whatsapp(block) == block


def test_replies_are_formatted_in_their_bodies_and_plain_elsewhere():
    row = {"id": "**1**", "title": "**Um**", "description": "_d_"}
    reply = {
        "type": "list",
        "body": "**Escolha**",
        "button": "**Ver**",
        "header": "# não\n",
        "footer": "*f*",
        "sections": [{"title": "**S**", "rows": [row]}],
    }
    made = formatted(reply)
    assert (made.body, made.button, made.footer) == ("*Escolha*", "Ver", "f")
    [section] = made.sections
    assert (section.title, section.rows[0].id, section.rows[0].title) == ("S", "**1**", "Um")
    assert section.rows[0].description == "d"
    buttons = formatted({"type": "buttons", "body": "**b**", "buttons": [{"id": "1", "title": "**Sim**"}]})
    assert (buttons.body, buttons.buttons[0].title) == ("*b*", "Sim")
    media = {"type": "media", "kind": "image", "media_id": "1"}
    assert formatted({**media, "caption": "**c**"}).caption == "*c*"
    assert formatted(media).caption is None
    assert formatted({"type": "cta_url", "body": "**b**", "text": "**t**", "url": "https://x.y"}).text == "t"
    assert formatted({"type": "flow", "body": "**b**", "flow_id": "1", "cta": "**t**"}).cta == "t"
    assert formatted({"type": "reaction", "emoji": "👀", "message_id": "A"}).emoji == "👀"


def test_a_reply_is_formatted_before_it_is_split():
    long = "**" + "a" * 3000 + ".**\n\n" + "b" * 3000
    assert prepare({"type": "text", "text": long}) == [Text(text="*" + "a" * 3000 + ".*"), Text(text="b" * 3000)]
