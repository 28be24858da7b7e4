from . import auth, categories, customers, discovery, health, orders, passwords, products
