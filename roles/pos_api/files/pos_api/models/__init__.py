from . import (
    audit,
    cleaning,
    idempotency_key,
    login_attempt,
    password_reset,
    pos_category,
    property,
    refund_line,
    res_users,
    token_family,
    tombstone,
)
