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
    products,
)
