from . import audit, cleaning, idempotency_key, login_attempt, res_users, token_family
