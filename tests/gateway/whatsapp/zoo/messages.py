"""Messages of people, by type."""

from dataclasses import replace

from gateway.whatsapp.errors import Cause
from gateway.whatsapp.webhooks.contents import (
    ButtonContent,
    ContactsContent,
    EditContent,
    InteractiveContent,
    LocationContent,
    MediaContent,
    OrderContent,
    OrderItem,
    ReactionContent,
    RevokeContent,
    SystemContent,
    TextContent,
    UnsupportedContent,
)
from gateway.whatsapp.webhooks.events import Context, Customer, ErrorReported, Product, Referral
from tests.gateway.whatsapp.zoo.words import (
    ANSWERS,
    CARD,
    GROUP,
    NUMBER,
    UNSUPPORTED,
    Untyped,
    media,
    received,
    system,
    text,
)


def expected():
    """Return the events of each case by file and case name."""
    return {
        "text": {
            "plain": [text("Olá, quero saber do meu pedido 12345")],
            "older_shape_without_business_scoped_ids": [
                text("oi", customer=Customer("5511987654321", name="Maria Souza"))
            ],
            "customer_without_a_number": [text("oi", customer=Customer(user_id="BR.1349120865530274", name="Maria"))],
            "without_contacts": [text("oi", customer=NUMBER)],
            "reply": [text("esse aqui", context=ANSWERS)],
            "forwarded": [text("olha isso", context=Context(forwarded=True))],
            "forwarded_often": [text("corrente", context=Context(forwarded=True, often=True))],
            "about_a_product": [
                text("tem em azul?", context=replace(ANSWERS, product=Product("194836987003835", "armacao-42")))
            ],
            "from_an_advertisement": [
                text(
                    "vi o anúncio",
                    referral=Referral(
                        source_type="ad",
                        source_id="120226305854810726",
                        source_url="https://fb.me/3cr4Wqqkv",
                        headline="Lentes com 20% off",
                        body="Só esta semana",
                        media_type="image",
                        media_url="https://scontent.example/lentes.jpg",
                        ctwa_clid="Aff-n8ZTODiE79d22KtAwQKj9e",
                    ),
                )
            ],
            "in_a_group": [text("oi grupo", group_id=GROUP)],
            "nul_and_lone_surrogate": [text("ab\ufffdc")],
            "emoji_and_right_to_left": [text("👩‍👩‍👧 שלום مرحبا 🇧🇷")],
            "timestamp_as_number": [text("oi")],
        },
        "image": {
            "with_caption": [media("image", text="minha receita")],
            "without_caption": [
                media(
                    "image",
                    url="https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1479537139650973",
                )
            ],
            "too_large_to_pass_on": [
                received(
                    UnsupportedContent("image"),
                    errors=(Cause(131052, None, "Media download error", "File size exceeds the limit"),),
                )
            ],
        },
        "audio": {
            "voice_note": [media("audio", "audio/ogg; codecs=opus", voice=True)],
            "file": [media("audio", "audio/mpeg")],
        },
        "video": {"with_caption": [media("video", "video/mp4", "assim que quebrou")]},
        "document": {
            "pdf": [media("document", "application/pdf", filename="receita.pdf")],
            "with_caption": [media("document", "application/pdf", "segue a receita", filename="receita.pdf")],
        },
        "sticker": {
            "still": [media("sticker", "image/webp")],
            "animated": [media("sticker", "image/webp", animated=True)],
        },
        "location": {
            "point": [received(LocationContent(-23.561414, -46.655881))],
            "place": [
                received(
                    LocationContent(
                        -23.561414, -46.655881, "MASP", "Av. Paulista, 1578", "https://foursquare.com/v/masp"
                    )
                )
            ],
            "degrees_as_text": [received(LocationContent(-23.5, -46.6))],
            "without_its_type": [received(LocationContent(-23.5, -46.6))],
            "unreadable": [Untyped("location")],
        },
        "contacts": {
            "one": [received(ContactsContent([CARD]))],
            "two": [received(ContactsContent([CARD, {"name": {"formatted_name": "Ana"}}]))],
            "none": [Untyped("contacts")],
        },
        "reaction": {
            "given": [received(ReactionContent("wamid.OUT1", "👍"))],
            "taken_back": [received(ReactionContent("wamid.OUT1", None))],
            "taken_back_with_empty_emoji": [received(ReactionContent("wamid.OUT1", None))],
        },
        "button": {"of_a_template": [received(ButtonContent("Confirmar", "confirm-12345"), context=ANSWERS)]},
        "interactive": {
            "button_reply": [received(InteractiveContent("button_reply", "yes", "Sim"), context=ANSWERS)],
            "list_reply": [received(InteractiveContent("list_reply", "orders", "Pedidos", "Onde está meu pedido"))],
            "flow_reply": [
                received(
                    InteractiveContent(
                        "nfm_reply",
                        "flow",
                        "Sent",
                        data={"flow_token": "t1", "grau": "-2,50", "olhos": ["direito"]},
                    )
                )
            ],
            "flow_reply_with_broken_json": [received(InteractiveContent("nfm_reply", "flow", "Sent"))],
            "call_permission_granted": [
                received(
                    InteractiveContent(
                        "call_permission_reply",
                        "accept",
                        data={
                            "response": "accept",
                            "expiration_timestamp": 1790600000,
                            "response_source": "user_action",
                        },
                    )
                )
            ],
            "without_content": [
                Untyped("interactive"),
                ErrorReported(
                    Cause(131000, None, "Something went wrong", "Unsupported webhook payload"), ("wamid.INA",)
                ),
            ],
        },
        "order": {
            "cart": [
                received(
                    OrderContent(
                        "194836987003835",
                        [OrderItem("armacao-42", 1, 299.9, "BRL"), OrderItem("lente-1", 2, 89.9, "BRL")],
                        "para presente",
                    )
                )
            ]
        },
        "system": {
            "number_changed": [
                system("user_changed_number", "User Maria changed from 5511987654321 to 5511900000000", "5511900000000")
            ],
            "number_changed_with_new_user_id": [
                system(
                    "user_changed_number",
                    "User Maria changed from 5511987654321 to 5511900000000",
                    "5511900000000",
                    "BR.2481730591287364",
                )
            ],
            "user_id_changed": [
                system(
                    "user_changed_user_id",
                    "User Maria changed from BR.1349120865530274 to BR.2481730591287364",
                    None,
                    "BR.2481730591287364",
                    customer=Customer(user_id="BR.1349120865530274"),
                )
            ],
            "user_id_changed_with_the_previous_ones": [
                received(
                    SystemContent(
                        "user_changed_user_id",
                        "User Maria changed from BR.1349120865530274 to BR.2481730591287364",
                        user_id="BR.2481730591287364",
                        parent_user_id="BR.ENT.2",
                        previous_user_id="BR.1349120865530274",
                        previous_parent_user_id="BR.ENT.1",
                    ),
                    customer=Customer(user_id="BR.2481730591287364"),
                )
            ],
            "number_changed_with_the_previous_user_id": [
                received(
                    SystemContent(
                        "user_changed_number",
                        "User Maria changed from 5511987654321 to 5511900000000",
                        "5511900000000",
                        "BR.2481730591287364",
                        previous_user_id="BR.1349120865530274",
                    ),
                    customer=NUMBER,
                )
            ],
            "identity_changed": [system("customer_identity_changed", "User identity changed")],
            "not_known_yet": [system("user_did_something_new", "Something new")],
        },
        "edit": {
            "text": [received(EditContent("wamid.IN0", TextContent("12346, desculpe")))],
            "caption": [
                received(
                    EditContent(
                        "wamid.IN0",
                        MediaContent("image", "1479537139650973", "image/jpeg", "4fmt9bnD0ZQ=", "nova legenda"),
                    )
                )
            ],
            "unreadable": [received(EditContent("wamid.IN0", None))],
        },
        "revoke": {"message": [received(RevokeContent("wamid.IN0"))]},
        "unsupported": {
            "poll": [received(UnsupportedContent("poll_creation"), errors=(UNSUPPORTED,))],
            "without_type": [received(UnsupportedContent(), errors=(UNSUPPORTED,))],
            "older_shape": [
                received(
                    UnsupportedContent("unknown"),
                    errors=(
                        Cause(131051, None, "Unsupported message type", "Message type is not currently supported"),
                    ),
                )
            ],
        },
        "unknown": {
            "type_of_tomorrow": [Untyped("hologram")],
            "ephemeral": [Untyped("ephemeral")],
            "field_of_tomorrow": [Untyped("some_new_field")],
            "message_without_id": [Untyped("unknown")],
            "nothing_in_it": [Untyped("unknown")],
        },
    }
