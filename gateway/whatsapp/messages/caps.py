"""Limits of the Cloud API, each with the page of Meta's documentation it comes from.

Pages are below developers.facebook.com/docs/whatsapp/cloud-api/. Lengths are in characters (Unicode code points).
"""

TEXT_BODY = 4096  # messages/text-messages
CAPTION = 1024  # messages/image-messages, video-messages, document-messages
WITHOUT_CAPTION = frozenset({"audio", "sticker"})  # messages/audio-messages, sticker-messages
CALLBACK_DATA = 512  # reference/messages: biz_opaque_callback_data

# messages/interactive-reply-buttons-messages
BUTTONS = 3
BUTTON_TITLE = 20
BUTTON_ID = 256
BUTTONS_BODY = 1024
HEADER = 60
FOOTER = 60

# messages/interactive-list-messages
LIST_SECTIONS = 10
LIST_ROWS = 10  # over all sections
LIST_BODY = 4096
LIST_BUTTON = 20
SECTION_TITLE = 24
ROW_TITLE = 24
ROW_DESCRIPTION = 72
ROW_ID = 200

# messages/interactive-cta-url-messages, messages/interactive-flow-messages
CTA_BODY = 1024
CTA_TEXT = 20
FLOW_BODY = 1024
FLOW_CTA = 20

# documentation/business-messaging/whatsapp/business-scoped-user-ids; its length is that of other interactive bodies
CONTACT_REQUEST_BODY = 1024

CONTACTS = 5  # messages/contacts-messages allows 257 and recommends few
LATITUDE = 90.0
LONGITUDE = 180.0

# guides/send-message-templates
TEMPLATE_NAME = 512
TEMPLATE_BUTTONS = 10

# reference/media#supported-media-types; bytes
MEDIA_BYTES = {
    "image": 5 * 1024 * 1024,
    "audio": 16 * 1024 * 1024,
    "video": 16 * 1024 * 1024,
    "document": 100 * 1024 * 1024,
    "sticker": 500 * 1024,  # animated; a static one 100 kB
}
STATIC_STICKER_BYTES = 100 * 1024
MEDIA_TYPES = {
    "image": frozenset({"image/jpeg", "image/png"}),
    "audio": frozenset({"audio/aac", "audio/amr", "audio/mp4", "audio/mpeg", "audio/ogg"}),
    "video": frozenset({"video/mp4", "video/3gpp"}),
    "sticker": frozenset({"image/webp"}),
}
MEDIA_URL_SECONDS = 5 * 60  # how long an address from GET /{media_id} works
INBOUND_MEDIA_DAYS = 7
UPLOADED_MEDIA_DAYS = 30
TYPING_SECONDS = 25  # typing-indicators: dismissed by the reply or after this long
WINDOW_SECONDS = 24 * 60 * 60  # guides/send-messages#customer-service-windows
