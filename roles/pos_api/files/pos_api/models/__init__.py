from . import (
    audit,
    cleaning,
    idempotency_key,
    login_attempt,
    password_reset,
    pos_category,
    res_users,
    token_family,
)
