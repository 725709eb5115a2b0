"""The settings that browser and mobile clients fetch before they send: `/v1/projects/<write key>/settings`.

Only `Segment.io` stands under `integrations`: a second key would make analytics-next ask for the classic-destination
chunk. `httpConfig` makes Swift and Kotlin clients drop what can never succeed instead of repeating it for ever.
"""

from typing import Any


def client_settings(write_key: str, *, host: str, prefix: str, scheme: str) -> dict[str, Any]:
    """Return the settings document for `write_key`; events go to `scheme://host/prefix/v1`."""
    api_host = f"{host}{prefix}/v1"
    segment: dict[str, Any] = {
        "apiKey": write_key,
        "apiHost": api_host,
        "protocol": scheme,
        "retryQueue": True,
        "addBundledMetadata": True,
        "unbundledIntegrations": [],
        "bundledConfigIds": [],
        "unbundledConfigIds": [],
        "maybeBundledConfigIds": {},
        "versionSettings": {"version": "4.4.7", "componentTypes": ["browser", "ios", "android", "server"]},
        "httpConfig": {
            "rateLimitConfig": {"enabled": True, "maxRetryCount": 100, "maxRetryInterval": 300},
            "backoffConfig": {"enabled": True, "maxRetryCount": 100, "baseBackoffInterval": 0.5},
        },
    }
    return {
        "integrations": {"Segment.io": segment},
        "plan": {
            "track": {"__default": {"enabled": True, "integrations": {}}},
            "identify": {"__default": {"enabled": True}},
            "group": {"__default": {"enabled": True}},
        },
        "middlewareSettings": {"routingRules": []},
        "enabledMiddleware": {},
        "metrics": {"sampleRate": 0, "host": api_host, "protocol": scheme, "flushTimer": 30000, "maxQueueSize": 20},
        "legacyVideoPluginsEnabled": False,
        "remotePlugins": [],
        "consentSettings": {"allCategories": [], "hasUnmappedDestinations": False},
        "edgeFunction": {},
        "autoInstrumentationSettings": {"sampleRate": 0},
    }
