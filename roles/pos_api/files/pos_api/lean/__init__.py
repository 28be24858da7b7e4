"""The short way of a read: one checked statement on a held connection, instead of Odoo's dispatch and ORM.

What cannot go this way goes the ordinary one, and gets the same bytes.
"""
