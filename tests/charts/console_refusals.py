"""Values of the console that cannot work, over those of the demo, and a part of the sentence that refuses them."""

from typing import Any

ROUTE = {"console.route": {"enabled": True, "parentRefs": [{"name": "private"}]}}
INGRESS = {"console.ingress": {"enabled": True, "tls": {"secretName": "tls"}}}
URL = {"console.url": "https://console.example.com"}
# Without the simulator, so that the webhook may have a way in.
REAL = {"simulator.enabled": False, "channel": {"phoneNumberId": "1", "existingSecret": "whatsapp"}}
REAL |= {"model.existingSecret": "model"}
OIDC = {"issuer": "https://accounts.example.com", "clientId": "console", "existingSecret": "console-oidc"}

REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "a console of no address": (REAL, "console.enabled needs console.url: the address at which people open"),
    "a console's route to no address": (ROUTE, "console.enabled needs console.url"),
    "a console's address with a path": (
        {"console.url": "https://example.com/console"},
        'console.url is "https://example.com/console": write it as https:// and a host name in lower case',
    ),
    "a console's address without its scheme": ({"console.url": "console.example.com"}, "write it as https://"),
    "passwords in clear": (
        {**ROUTE, "console.url": "http://console.example.com"},
        'console.url is "http://console.example.com", so that passwords and sessions would cross the network in clear',
    ),
    "a way in to no console": (
        {**INGRESS, **URL, "console.enabled": False},
        "console.enabled is false, so that it would lead nowhere",
    ),
    "a console's route and ingress": (
        {**ROUTE, **INGRESS, **URL},
        "console.route.enabled and console.ingress.enabled are both true",
    ),
    "a console's route of no Gateway": (
        {**URL, "console.route.enabled": True},
        "console.route.enabled needs console.route.parentRefs",
    ),
    "a console's ingress without a certificate": (
        {**URL, "console.ingress.enabled": True},
        "console.ingress.tls has no certificate: name its Secret in console.ingress.tls.secretName",
    ),
    "two issuers of the console's certificate": (
        {**URL, "console.ingress": {"enabled": True, "certManager": {"clusterIssuer": "a", "issuer": "b"}}},
        "console.ingress.certManager.clusterIssuer and console.ingress.certManager.issuer are both set",
    ),
    "a stream of a wrong length": ({"console.route.eventsTimeout": "long"}, 'console.route.eventsTimeout is "long"'),
    "a console on the webhook's host": (
        {
            **REAL,
            **URL,
            **INGRESS,
            "ingress": {"enabled": True, "host": "console.example.com", "tls": {"secretName": "tls"}},
        },
        "console.url is at console.example.com, which is the webhook's host console.example.com too",
    ),
    "a console on another port of the webhook's host, without a way in of its own": (
        {
            **REAL,
            "console.url": "https://a.example.com:8443",
            "route": {"enabled": True, "parentRefs": [{"name": "public"}], "hostnames": ["a.example.com"]},
        },
        "console.url is at a.example.com, which is the webhook's host",
    ),
    "a console below the webhook's wildcard": (
        {
            **REAL,
            **URL,
            **ROUTE,
            "route": {"enabled": True, "parentRefs": [{"name": "public"}], "hostnames": ["*.example.com"]},
        },
        "which is the webhook's host *.example.com too: give the console a host name of its own",
    ),
    "a webhook on every host": (
        {**REAL, **URL, **ROUTE, "route": {"enabled": True, "parentRefs": [{"name": "public"}]}},
        "route.hostnames is empty, so that the webhook would be served under the console's host name too",
    ),
    **{
        f"company accounts without {name}": (
            {**URL, "console.oidc": {**OIDC, name: ""}},
            f"console.oidc is set in part, and {name} is missing",
        )
        for name in OIDC
    },
    "a role for people of no issuer": ({"console.oidc.newRole": "viewer"}, "console.oidc is set in part"),
    "a role that there is not": ({"console.oidc.newRole": "root"}, "/console/oidc/newRole"),
    "company accounts without an address to come back to": (
        {"console.oidc": OIDC},
        "console.oidc needs console.url: the issuer sends people back to that address",
    ),
    "two client secrets": (
        {**URL, "console.oidc": {**OIDC, "clientSecret": "a"}},
        "console.oidc.existingSecret and console.oidc.clientSecret are both set",
    ),
    "too little grace for the console": (
        {"console.terminationGracePeriodSeconds": 39},
        "console.terminationGracePeriodSeconds is 39, but preStopSeconds + drainSeconds + 15 is 40",
    ),
    "another drain than the console's grace period knows": (
        {"console.pod.env": {"DRAIN_SECONDS": 600}},
        "console.pod.env.DRAIN_SECONDS would contradict what the pods' grace period is made from",
    ),
}
