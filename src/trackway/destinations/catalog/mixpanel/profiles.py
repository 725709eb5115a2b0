"""Profiles of users and groups, and identities, in Mixpanel's terms."""

from typing import Any, Protocol

from trackway.destinations import kit


class Project(Protocol):
    """The settings that profiles need."""

    @property
    def project_token(self) -> kit.Secret:
        """The project's."""
        ...

    @property
    def source_name(self) -> str | None:
        """What identities say they come from."""
        ...


_CREATED = ("created", "createdAt", "created_at")
_USER_TRAITS = {
    "created": "$created",
    "email": "$email",
    "firstName": "$first_name",
    "lastName": "$last_name",
    "name": "$name",
    "username": "$username",
    "phone": "$phone",
}
_GROUP_TRAITS = {"name": "$name", "created": "$created"}


def _profile(traits: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """Return traits with those that Mixpanel knows under its own names, after the others; a null unsets one."""
    made = {trait: value for trait, value in traits.items() if trait not in names and trait not in _CREATED}
    for trait, name in names.items():
        if trait == "created":
            found = next((traits[one] for one in _CREATED if traits.get(one) is not None), None)
            made |= {} if found is None else {name: found}
        elif trait in traits:
            made[name] = traits[trait]
    return made


def _whole_name(traits: dict[str, Any]) -> dict[str, Any]:
    """Return traits with a name, made of first and last name if there is none."""
    first, last = traits.get("firstName"), traits.get("lastName")
    if traits.get("name") is not None:
        return traits
    bare = {trait: value for trait, value in traits.items() if trait != "name"}
    return bare | {"name": f"{first} {last}"} if first and last else bare


def identify(settings: Project, made: dict[str, Any], event: kit.Event) -> kit.Rows:
    """Return the join of the two ids, if the device's is known, and the profile, if there is anything to say of it."""
    rows: list[kit.Row] = []
    token = settings.project_token.reveal()
    user_id, anonymous_id, traits = made.get("user_id"), made.get("anonymous_id"), made.get("traits")
    if anonymous_id:
        ids = ({"$identified_id": user_id} if "user_id" in made else {}) | {"$anon_id": anonymous_id}
        rows.append(_identity(settings, event, "$identify", ids))
    if traits:
        address = {"$ip": made["ip"]} if "ip" in made else {}
        profile = {"$token": token, "$distinct_id": user_id if user_id is not None else anonymous_id, **address}
        profile["$set"] = _profile(_whole_name(traits), _USER_TRAITS)
        rows.append(kit.Row.of(event, profile, route="engage"))
    return rows or kit.Skipped("nothing_to_set")


def group(settings: Project, made: dict[str, Any], event: kit.Event) -> kit.Rows:
    """Return the group's profile."""
    key = made.get("group_key") or "$group_id"
    traits = made["traits"]
    # A trait named like the key was the only way to give a group's id in Segment's first Mixpanel destination.
    group = {"$group_key": key, "$group_id": traits.get(key) or made["group_id"]}
    profile = {"$token": settings.project_token.reveal(), **group, "$set": _profile(traits, _GROUP_TRAITS)}
    return kit.Row.of(event, profile, route="groups")


def alias(settings: Project, made: dict[str, Any], event: kit.Event) -> kit.Rows:
    """Return the new id for the old one."""
    return _identity(settings, event, "$create_alias", made)


def _identity(settings: Project, event: kit.Event, name: str, ids: dict[str, Any]) -> kit.Row:
    properties = {**ids, "token": settings.project_token.reveal()}
    if settings.source_name is not None:
        properties["segment_source_name"] = settings.source_name
    return kit.Row.of(event, {"event": name, "properties": properties}, route="track")
