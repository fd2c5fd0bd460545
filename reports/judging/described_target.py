"""The target as conformance.json and the terminal describe it."""

from typing import Any

from fixtures.wire.redaction import SECRETS


def describe_target(target: Any) -> dict[str, Any]:
    """Return a target as conformance.json describes it."""
    names = ("name", "kind", "base_url", "site", "version", "declared_version")
    data = {name: getattr(target, name, None) for name in names}
    data["url"] = SECRETS.clean(str(data.pop("base_url")))
    data["features"] = sorted(getattr(target, "features", ()))
    data["not_declared"] = dict(getattr(target, "missing_features", {}))
    return data
