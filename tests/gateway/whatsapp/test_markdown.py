import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import simulator
from gateway.whatsapp.messages.compose import formatted, prepare
from gateway.whatsapp.messages.markdown import to_plain, to_whatsapp
from gateway.whatsapp.messages.messages import Text
from gateway.whatsapp.text import split_formatted


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("**negrito** e __também__", "*negrito* e *também*"),
        ("*itálico* e **negrito**", "_itálico_ e *negrito*"),
        ("*negrito do WhatsApp* e _itálico_", "*negrito do WhatsApp* e _itálico_"),  # no Markdown but single stars
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


CASES = [
    # A fence on one line is code within a line (CommonMark); one that holds words holds them still.
    ("```BR123456789``` é o seu código.", "`BR123456789` é o seu código."),
    ("```Código: BR123\nPrazo: 3 dias```\nAté logo!", "```\nCódigo: BR123\nPrazo: 3 dias\n```\nAté logo!"),
    ("```\nBR123\n``` Depois, ligue.", "```\nBR123\n```\nDepois, ligue."),
    ("```\num\n```python\ndois\n```\nfim", "```\num\n```\n```\ndois\n```\nfim"),
    ("````\n```\na\n```\n````", "```\n'''\na\n'''\n```"),  # WhatsApp has no longer fence
    ("1. veja\n   ```sh\n   ls\n   ```\n2. fim", "1. veja\n```\nls\n```\n2. fim"),
    ("> ```BR123 é o código\n> e fim", "```\nBR123 é o código\ne fim\n```"),  # in a quote or an item too
    ("- ```BR123 é o código", "```\nBR123 é o código\n```\n-"),
    ("```https://x.y/a```é o link", "`https://x.y/a`é o link"),
    # No phone reads a mark next to a letter: no stray stars.
    ("até **10x**sem juros", "até 10xsem juros"),
    ("**Preço:**R$ 10,00", "Preço:R$ 10,00"),
    ("**Preço: **R$ 10,00", "*Preço:* R$ 10,00"),
    ("*10x*sem", "10xsem"),
    ("2**3 e 4**5", "2**3 e 4**5"),
    ("___x___", "*_x_*"),
    ("**um\ndois**", "*um*\n*dois*"),
    ("**`x*y`** e **a\\*b**", "`x*y` e a*b"),
    ("**a *b* c**", "*a _b_ c*"),
    # Simple HTML and entities.
    ("<b>Oi</b> &amp; <i>tchau</i><br/>&lt;fim&gt;", "*Oi* & _tchau_\n<fim>"),
    ("<p>Um</p><ul><li>a</li><li>b</li></ul>", "Um\n- a\n- b"),
    ('<a href="https://x.y/_a_">site</a>', "site (https://x.y/_a_)"),
    ("escreva <seu nome> aqui", "escreva <seu nome> aqui"),
    # Text in WhatsApp's own marks, as tools may write it.
    ("*Pedido 12345*: _enviado_ ~hoje~ `BR1`", "*Pedido 12345*: _enviado_ ~hoje~ `BR1`"),
    ("*Assunto*\n- um\n- dois", "*Assunto*\n- um\n- dois"),
    # Cells without a column, columns without a cell.
    ("| A | B |\n|---|---|\n| 1 | | 3 |\n| 2 |", "- A: 1; B:; 3\n- A: 2"),
    ("Veja:\n| A |\n|---|\n| 1 |", "Veja:\n- A: 1"),
    ("[x]: https://a.b", "[x]: https://a.b"),
]


@pytest.mark.parametrize(("markdown", "expected"), CASES)
def test_what_strangers_sent(markdown, expected):
    assert to_whatsapp(markdown) == expected


def letters_and_digits(text):
    return Counter(char for char in text if char.isalnum())


# Tables are left out, which say a header in each row; so are links and HTML, whose words are not all shown.
MARKS = st.text(alphabet="*_~`#+-.>!\\\n\t ab12ç:)(", max_size=80)


@given(MARKS)
def test_no_letter_or_digit_is_lost_or_said_twice(text):
    assert letters_and_digits(to_whatsapp(text)) == letters_and_digits(text)


@given(MARKS, st.integers(16, 40))
def test_none_is_lost_at_a_split_either(text, limit):
    parts = split_formatted(to_whatsapp(text), limit)
    assert letters_and_digits("".join(parts)) == letters_and_digits(text)


PIECES = st.sampled_from(
    [
        *[
            "é",
            "ñ9",
            "ç",
            " ",
            "\n",
            "\n\n",
            "\t",
            "*",
            "**",
            "_",
            "__",
            "~~",
            "`",
            "``",
            "```",
            "```\n",
            "\\",
            "!",
            "(",
            ")",
        ],
        *["- ", "1. ", "> ", "# ", "    ", "---\n", "===\n", "[ñ](https://y.z)", "[é]: x", "![ç](https://a.b)"],
        *["https://q.w/e_r_", "<https://q.w>", "<b>", "</b>", "<p>", "<br>", "&amp;", "<a href='https://h.i'>ñ</a>"],
    ]
)
HEAPS = st.lists(PIECES, max_size=40).map("".join)


def words_in(text):
    return Counter(char for char in text if char in "éñç9")


@given(HEAPS, st.integers(16, 60))
def test_no_word_of_any_heap_of_blocks_is_lost_or_said_twice(text, limit):
    written = to_whatsapp(text)
    assert words_in(written) == words_in(text)
    assert words_in("".join(split_formatted(written, limit))) == words_in(text)


def page_rule():
    """The rule by which the phone page reads marks, from its own code."""
    script = (Path(simulator.__file__).parent / "phone/static/js/format.js").read_text(encoding="utf-8")
    rule = re.search(r"const INLINE =\s*/(.+)/gu;", script)[1]
    for there, here in (
        (r"\p{L}\p{N}", r"^\W_"),
        ("(?<", "(?P<"),
        ("(?P<!", "(?<!"),
        (r"\k<mark>", "(?P=mark)"),
        (r"\/", "/"),
    ):
        rule = rule.replace(there, here)
    return re.compile(rule.replace("[^\\W_]", r"[^\W_]"))


def read_on_the_phone(text):
    """The text as the page shows it: without the marks that it reads, and the marks that it read."""
    shown, marks, end = "", [], 0
    for match in page_rule().finditer(text):
        if not match["mark"]:
            continue
        inside, inner = read_on_the_phone(match["marked"])
        marks += [match["mark"], *inner]
        shown += text[end : match.start()] + inside
        end = match.end()
    return shown + text[end:], marks


PHRASE = st.text(alphabet="ab1 ", min_size=1, max_size=6).filter(lambda text: text == text.strip())
SPAN = st.builds(lambda mark, words: mark + words + mark, st.sampled_from(["**", "__", "~~", "***"]), PHRASE)


@given(st.lists(SPAN | PHRASE, min_size=1, max_size=6), st.sampled_from(["", " ", ", "]))
def test_every_mark_that_is_written_is_read_on_the_phone(pieces, between):
    shown, _ = read_on_the_phone(to_whatsapp(between.join(pieces)))
    assert not set(shown) & set("*~") or "*" in to_plain(between.join(pieces)) or "~" in to_plain(between.join(pieces))


def test_marks_are_read_as_they_were_meant():
    assert read_on_the_phone(to_whatsapp("**a** *b* ~~c~~ ***d***")) == ("a b c d", ["*", "_", "~", "*", "_"])


@given(st.text())
def test_any_text_is_turned_without_failing(text):
    assert "\0" not in to_whatsapp(text) + to_plain(text)


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
