"""Sessions of a point of sale."""

from ..records import ID, NAME, OPTIONAL_MOMENT, REFERENCE, Field, Resource, choice

STATES = ("opening_control", "opened", "closing_control", "closed")
OPEN_SESSION = Resource(
    name="OpenSession",
    model="pos.session",
    fields=(
        Field("id", "id", ID),
        Field("name", "name", NAME),
        Field("state", "state", choice(*STATES)),
        Field("config", "config_id", REFERENCE),
        Field("opened_at", "start_at", OPTIONAL_MOMENT),
    ),
)


def open_sessions(env, user_id):
    """Return the sessions that a user has opened and not closed, newest first."""
    return env["pos.session"].search([("user_id", "=", user_id), ("state", "!=", "closed")], order="id desc")
