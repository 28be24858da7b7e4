"""What the tests of sessions and cash share: a till that counts its cash, and calls on it."""

from odoo.release import version_info

from ..frame import document
from ..frame.validation import check_body
from .common import CASHIER, ApiCase, new_idempotency_key, new_product, new_till, new_user


def counting_till(env, name, limit=None):
    """Return a point of sale that counts its cash.

    Args:
        env: Odoo environment.
        name: of the point of sale.
        limit: difference that a cashier may close with; None for any.
    """
    till = new_till(env, name)
    if version_info[0] < 15:  # where it is an option, and a limit always applies
        till.write({"cash_control": True, "amount_authorized_diff": 1000000 if limit is None else limit})
    elif limit is not None:
        till.write({"set_maximum_difference": True, "amount_authorized_diff": limit})
    return till


class TillCase(ApiCase):
    """A till, a product of 2.30 with tax, two cashiers and a manager with tokens."""

    limit = None

    def setUp(self):
        super().setUp()
        self.till = counting_till(self.env, "APIT", self.limit)
        self.cash = self.till.payment_method_ids.filtered("is_cash_count")
        self.card = self.till.payment_method_ids - self.cash
        self.tea = new_product(self.env, "api tea", 2.0, type="product")
        self.other = new_user(self.env, "api-other", CASHIER)
        for user in self.cashier | self.other | self.manager:
            user.email = f"{user.login}@shop.test"  # Odoo logs cash at the session, which needs a sender
        self.token, self.others = self.access(self.cashier), self.access(self.other)
        self.managers = self.access(self.manager)

    def post(self, path, body, token=None, headers=None):
        return self.send(
            "POST", path, token=token or self.token, json=body, headers=headers or new_idempotency_key()
        )

    def get(self, path, token=None, **options):
        return self.send("GET", path, token=token or self.token, **options)

    def valid(self, answer, status, schema):
        """Check an answer's status and schema, and return its body."""
        self.assertEqual(answer.status_code, status, answer.text)
        check_body(document.load()["components"]["schemas"][schema], answer.json())
        return answer.json()

    def opened(self, till=None, opening_cash=100, **more):
        """Open a till by the API and return (body, session)."""
        body = {"config_id": (till or self.till).id, "opening_cash": opening_cash, **more}
        shown = self.valid(self.post("/sessions", body), 201, "SessionDetail")
        return shown, self.env["pos.session"].browse(shown["id"])

    def sell(self, session, *payments, quantity=1, token=None):
        """Sell tea and return the order; payments are (method, amount)."""
        body = {
            "session_id": session.id,
            "lines": [{"product_id": self.tea.id, "quantity": quantity}],
            **(
                {
                    "payments": [
                        {"payment_method_id": method.id, "amount": amount} for method, amount in payments
                    ]
                }
                if payments
                else {}
            ),
        }
        answer = self.post("/orders", body, token=token)
        self.assertEqual(answer.status_code, 201, answer.text)
        return self.env["pos.order"].browse(answer.json()["id"])

    def move(self, session, direction, amount, reason="change", token=None):
        body = {"direction": direction, "amount": amount, "reason": reason}
        return self.post(f"/sessions/{session.id}/cash-movements", body, token=token)

    def close(self, session, counted_cash=None, token=None, **more):
        body = more if counted_cash is None else {"counted_cash": counted_cash, **more}
        return self.send("PUT", f"/sessions/{session.id}/closing", token=token or self.token, json=body)
