"""The settings that browser and mobile clients fetch before they send: `/v1/projects/<write key>/settings`.

Only `Segment.io` stands under `integrations`: a second key would make analytics-next ask for the classic-destination
chunk. Blocked events are switched off in `plan`: they go to no destination's script on the page, only to us, who count
them. `httpConfig` makes Swift and Kotlin clients drop what can never succeed instead of repeating it for ever.
"""

import math
from typing import Any

from trackway.collector.sources import OpenSource
from trackway.workspace.model import ClientRetries


def client_settings(write_key: str, source: OpenSource, *, host: str, prefix: str, scheme: str) -> dict[str, Any]:
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
        "httpConfig": _http_config(source.client_retries),
    }
    blocked: dict[str, Any] = {name: {"enabled": False, "integrations": {}} for name in source.blocked}
    return {
        "integrations": {"Segment.io": segment},
        "plan": {
            "track": {"__default": {"enabled": True, "integrations": {}}, **blocked},
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


def _http_config(retries: ClientRetries) -> dict[str, Any]:
    # Swift reads all intervals but the first one as whole numbers.
    longest = max(1, math.ceil(retries.longest_pause))
    return {
        "rateLimitConfig": {"enabled": True, "maxRetryCount": retries.most, "maxRetryInterval": longest},
        "backoffConfig": {
            "enabled": True,
            "maxRetryCount": retries.most,
            "baseBackoffInterval": float(retries.first_pause),
            "maxBackoffInterval": longest,
        },
    }
