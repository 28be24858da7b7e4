"""Sessions of a point of sale."""

from ..records import Field, Resource, moment, plain, reference

SESSION = Resource(
    model="pos.session",
    fields=(
        Field("id", "id"),
        Field("name", "name", plain),
        Field("state", "state"),
        Field("config", "config_id", reference),
        Field("opened_at", "start_at", moment),
    ),
)


def open_sessions(env, user_id):
    """Return the sessions that a user has opened and not closed, newest first."""
    return env["pos.session"].search([("user_id", "=", user_id), ("state", "!=", "closed")], order="id desc")
