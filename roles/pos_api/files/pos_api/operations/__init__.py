from . import auth, discovery, health, orders, products
