"""A model under an alias in a query: how its columns, and those of records it points to, are spelled."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

from odoo import models

from . import expressions
from .readable import NotCompilable, narrow


@dataclass(frozen=True)
class Scope:
    """Records of a model, joined into a query under an alias.

    Attributes:
        model: empty recordset, with the environment that values are read in.
        alias: of the model's table in the query.
        query: ``odoo.osv.query.Query``, which gets the joins that columns need.
        hard: conditions in SQL under which Python has to show the record after all; added to.
    """

    model: Any
    alias: str
    query: Any
    hard: list

    def column(self, name):
        """Return the SQL of a field's value, as Odoo's ``read`` fetches or computes it.

        Raises:
            NotCompilable: Python computes it, and no expression is known for that.
        """
        field = self.model._fields[name]
        special = expressions.value_of(self, name)
        if special is not None:
            return special
        stored = field.base_field if field.inherited else field
        if stored.related and not stored.store and not field.inherited:
            *path, last = stored.related.split(".") if isinstance(stored.related, str) else stored.related
            scope = self
            for step in path:
                scope = scope.follow(step)
            return scope.column(last)
        if stored.company_dependent and not field.inherited:
            special = expressions.property_of(self, name)
            if special is None:
                raise NotCompilable(f"{self.model._name}.{name} is a property of another kind")
            # that of another record is asked for several times, to join it and to show it
            return self.once(special, f"{name} property") if field.type == "many2one" else special
        if not stored.store or not stored.column_type or callable(stored.translate):
            raise NotCompilable(f"{self.model._name}.{name} is no column")
        return self.model._inherits_join_calc(self.alias, name, self.query)

    def follow(self, name):
        """Return the scope of the record that a many2one points to, with the elevated rights of ``read``."""
        comodel = self.model.env[self.model._fields[name].comodel_name].sudo()
        return self.joined(comodel, self.column(name), name)

    def joined(self, records, number, name):
        """Return the scope of the record of an id that is given in SQL.

        Args:
            records: its model.
            number: SQL of the id.
            name: tells this join from others of this scope.
        """
        alias = self._alias(name)
        self._join(name, ("LEFT JOIN", records._table, f'{number} = "{alias}"."id"', []))
        return Scope(records, alias, self.query, self.hard)

    def once(self, expression, name):
        """Return the SQL of an expression that is worked out once for a row, however often it is used.

        It is so for each row before they are sorted: only for what few rows are read of.

        Args:
            expression: in SQL.
            name: tells it from other joins of this scope.
        """
        # OFFSET keeps the planner from putting the expression back in the place of each use.
        self._join(name, ("LEFT JOIN LATERAL", f"SELECT {expression} AS value OFFSET 0", "TRUE", []))
        return f'"{self._alias(name)}"."value"'

    def _alias(self, name):
        return f"n{zlib.crc32(f'{self.alias}.{name}'.encode()):08x}"

    def _join(self, name, join):
        if self.query._joins.setdefault(self._alias(name), join) != join:
            raise NotCompilable(f"{self.model._name}.{name}: its alias is taken")

    def lines(self, name):
        """Return the scope of the records of a one2many, in a query of its own, as ``read`` finds them.

        Raises:
            NotCompilable: it is more than the records that point here.
        """
        field = self.model._fields[name]
        context = {"active_test": False, **field.context}
        comodel = self.model.env[field.comodel_name].with_context(**context)
        if field.get_domain_list(self.model) or field.limit or comodel._table == self.alias:
            raise NotCompilable(f"{self.model._name}.{name} is more than its inverse")
        comodel.check_access_rights("read")
        query = comodel._where_calc([])
        narrow(comodel, query)
        query.add_where(f'"{comodel._table}"."{field.inverse_name}" = "{self.alias}"."id"')
        query.order = comodel._generate_order_by(None, query).replace("ORDER BY ", "")
        return Scope(comodel, comodel._table, query, [])

    def aggregate(self, expression):
        """Return the SQL of an aggregate over the rows of this scope's own query (see :meth:`lines`).

        Args:
            expression: a format with ``{order}`` where the rows' order belongs.
        """
        order = f"ORDER BY {self.query.order}"
        self.query.order = None
        text, parameters = self.query.select(expression.format(order=order))
        # the text becomes a part of another one, whose parameters come in an order of their own
        return f"({self.query._cr.mogrify(text, parameters).decode().replace('%', '%%')})"

    def name(self):
        """Return the SQL of the display name.

        Raises:
            NotCompilable: ``name_get`` is overridden in a way that no expression is known for.
        """
        special = expressions.name_of(self)
        if special is not None:
            return special
        shown = self.model._fields["display_name"]
        if shown.store:
            return self.column("display_name")
        plain = type(self.model).name_get is models.BaseModel.name_get
        if not plain or type(self.model)._compute_display_name is not models.BaseModel._compute_display_name:
            raise NotCompilable(f"{self.model._name} has a name_get of its own")
        if self.model._fields[self.model._rec_name].type not in ("char", "text"):
            raise NotCompilable(f"{self.model._name} is not named by a text")
        return f"coalesce({self.column(self.model._rec_name)}, '')"
