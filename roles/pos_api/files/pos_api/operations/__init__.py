from . import (
    attendances,
    auth,
    categories,
    customers,
    discovery,
    employees,
    health,
    orders,
    passwords,
    payments,
    products,
    sync_orders,
)
