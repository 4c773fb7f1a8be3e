"""Events about groups, templates, accounts and numbers."""

from gateway.whatsapp.webhooks.accounts import (
    AccountAlerted,
    AccountReviewed,
    AccountUpdated,
    CapabilitiesChanged,
    FlowChanged,
    NumberNameReviewed,
    NumberQualityChanged,
    Restriction,
    SecurityChanged,
    TemplateCategoryChanged,
    TemplateComponentsChanged,
    TemplateQualityChanged,
    TemplateStatusChanged,
)
from tests.gateway.whatsapp.zoo.words import LATER, TEMPLATE, T, Untyped, group, value


def expected():
    """Return the events of each case by file and case name."""
    return {
        "groups": {
            "created": [group("group_lifecycle_update", "group_create", "created")],
            "joined": [group("group_participants_update", "group_participants_add", "joined")],
            "renamed": [group("group_settings_update", "group_settings_update", "renamed")],
            "suspended": [group("group_status_update", "group_suspend", "suspended")],
        },
        "message_template_status_update": {
            "approved": [
                TemplateStatusChanged(TEMPLATE, "APPROVED", reason="NONE", category="UTILITY", time=T),
            ],
            "rejected": [TemplateStatusChanged(TEMPLATE, "REJECTED", reason="INVALID_FORMAT", time=T)],
            "paused": [TemplateStatusChanged(TEMPLATE, "PAUSED", note="Paused for 3 hours for low quality", time=T)],
            "to_be_disabled": [TemplateStatusChanged(TEMPLATE, "FLAGGED", disable_date="1790600000", time=T)],
            "quality_under_this_field": [TemplateQualityChanged(TEMPLATE, "GREEN", "YELLOW", T)],
            "of_no_template": [Untyped("message_template_status_update")],
        },
        "message_template_quality_update": {"worse": [TemplateQualityChanged(TEMPLATE, "GREEN", "RED", T)]},
        "message_template_components_update": {
            "edited": [TemplateComponentsChanged(TEMPLATE, value("message_template_components_update", "edited"), T)]
        },
        "template_category_update": {
            "done": [TemplateCategoryChanged(TEMPLATE, "UTILITY", "MARKETING", time=T)],
            "announced": [TemplateCategoryChanged(TEMPLATE, None, "UTILITY", "MARKETING", T)],
        },
        "account_update": {
            "restricted": [
                AccountUpdated(
                    "ACCOUNT_RESTRICTION",
                    restrictions=(
                        Restriction("RESTRICTED_BIZ_INITIATED_MESSAGING", LATER),
                        Restriction("RESTRICTED_ADD_PHONE_NUMBER_ACTION"),
                    ),
                    value=value("account_update", "restricted"),
                    time=T,
                )
            ],
            "violation": [
                AccountUpdated(
                    "ACCOUNT_VIOLATION", violation="ADULT", value=value("account_update", "violation"), time=T
                )
            ],
            "to_be_disabled": [
                AccountUpdated(
                    "DISABLED_UPDATE",
                    ban_state="SCHEDULE_FOR_DISABLE",
                    ban_date="January 31, 2027",
                    value=value("account_update", "to_be_disabled"),
                    time=T,
                )
            ],
            "verified": [
                AccountUpdated(
                    "VERIFIED_ACCOUNT",
                    phone_number="551130000000",
                    value=value("account_update", "verified"),
                    time=T,
                )
            ],
            "without_an_event": [Untyped("account_update")],
        },
        "account_review_update": {"approved": [AccountReviewed("APPROVED", T)]},
        "account_alerts": {
            "limit_denied": [
                AccountAlerted(
                    "INCREASED_CAPABILITIES_ELIGIBILITY_DEFERRED",
                    "WARNING",
                    "ACTIVE",
                    "Additional verification is required",
                    "PHONE_NUMBER",
                    "100000000000001",
                    T,
                )
            ]
        },
        "phone_number_quality_update": {
            "flagged": [NumberQualityChanged("551130000000", "FLAGGED", "TIER_10K", "TIER_100K", "TIER_10K", T)]
        },
        "phone_number_name_update": {
            "declined": [NumberNameReviewed("551130000000", "DECLINED", "SVLentes", "NAME_NOT_RELATED", T)]
        },
        "security": {"pin_changed": [SecurityChanged("551130000000", "PIN_CHANGED", "61555822107539", T)]},
        "business_capability_update": {
            "limits": [CapabilitiesChanged("2000", 10, 10, T)],
            "tier": [CapabilitiesChanged("TIER_UNLIMITED", None, 25, T)],
            "older_names": [CapabilitiesChanged("-1", 25, None, T)],
        },
        "flows": {
            "status": [
                FlowChanged(
                    "FLOW_STATUS_CHANGE",
                    "6627390910605886",
                    "Flow changed status",
                    value("flows", "status"),
                    T,
                )
            ],
            "endpoint_errors": [
                FlowChanged(
                    "ENDPOINT_ERROR_RATE",
                    "6627390910605886",
                    "The error rate has reached 10%",
                    value("flows", "endpoint_errors"),
                    T,
                )
            ],
        },
    }
