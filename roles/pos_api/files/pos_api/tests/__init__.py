from . import (
    test_auth,
    test_concurrency,
    test_document,
    test_frame,
    test_keys,
    test_orders,
    test_products,
    test_settings,
    test_throttle,
    test_tokens,
    test_validation,
)
