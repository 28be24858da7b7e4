"""What the tests of orders and payments share: a till with an open session, products, callers."""

from ..frame import document
from ..frame.validation import check_body
from .common import CASHIER, ApiCase, new_idempotency_key, new_product, new_till, new_user, open_session


class SellingCase(ApiCase):
    def setUp(self):
        super().setUp()
        self.env.company.point_of_sale_update_stock_quantities = "real"
        self.till = new_till(self.env, "APIT")
        self.cash = self.till.payment_method_ids.filtered("is_cash_count")
        self.card = self.till.payment_method_ids - self.cash
        item = {"applied_on": "3_global", "compute_price": "percentage", "percent_price": 50}
        self.half = self.env["product.pricelist"].create(
            {"name": "api half", "item_ids": [(0, 0, item)], "currency_id": self.till.currency_id.id}
        )
        self.till.write({"use_pricelist": True, "available_pricelist_ids": [(4, self.half.id)]})
        self.session = open_session(self.till, self.cashier)
        self.tea = new_product(self.env, "api tea", 2.0, type="product")
        self.cake = new_product(self.env, "api cake", 3.33)
        self.token = self.access(self.cashier)

    def other_cashier(self):
        """Return the token of a cashier without a session."""
        return self.access(new_user(self.env, "api-other", CASHIER))

    def order(self, token=None, headers=None, **body):
        return self.post("/orders", body, token=token, headers=headers)

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

    def sold(self, **body):
        """Sell and return (representation, record)."""
        shown = self.valid(self.order(**body), 201, "Order")
        return shown, self.env["pos.order"].browse(shown["id"])

    def paid(self, *lines, tendered=None, **body):
        """Sell for cash and return (representation, record)."""
        return self.sold(lines=list(lines), payments=[self.payment(tendered or 1000)], **body)

    def line(self, product=None, quantity=1, **more):
        return {"product_id": (product or self.tea).id, "quantity": quantity, **more}

    def payment(self, amount, method=None):
        return {"payment_method_id": (method or self.cash).id, "amount": amount}

    def pointers(self, answer, status, slug=None):
        """Check an answer to be a problem, and return the places that it names."""
        problem = self.assert_problem(answer, status, slug)
        return [error.get("pointer") or error.get("query") for error in problem.get("errors", ())]

    def abroad(self, tax):
        """Return a customer in whose fiscal position a tax falls away, at the till."""
        free = self.env["account.tax"].create({"name": "api 0 %", "amount": 0})
        position = self.env["account.fiscal.position"].create(
            {"name": "api abroad", "tax_ids": [(0, 0, {"tax_src_id": tax.id, "tax_dest_id": free.id})]}
        )
        self.till.write({"tax_regime_selection": True, "fiscal_position_ids": [(4, position.id)]})
        return self.env["res.partner"].create(
            {"name": "api abroad", "property_account_position_id": position.id}
        )
