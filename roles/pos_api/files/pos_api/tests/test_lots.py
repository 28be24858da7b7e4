from odoo.tests import tagged

from .common import new_product
from .screen import Screen
from .selling import SellingCase


@tagged("post_install", "-at_install")
class TestLots(SellingCase):
    def setUp(self):
        super().setUp()
        self.cashier.groups_id += self.env.ref("stock.group_stock_user")
        self.wine = new_product(self.env, "api wine", 5.0, type="product", tracking="lot")
        self.phone = new_product(self.env, "api phone", 100.0, type="product", tracking="serial")

    def names(self, order):
        """Return [(product, quantity, lot)] of what left the stock, or came back."""
        moved = order.picking_ids.move_line_ids
        return sorted((one.product_id.id, one.qty_done, one.lot_id.name) for one in moved)

    def test_as_the_screen_sells_them(self):
        shown, order = self.paid(
            self.line(self.wine, 2, lots=["L1"]), self.line(self.phone, 2, lots=["S1", "S2"])
        )
        self.assertEqual([line["lots"] for line in shown["lines"]], [["L1"], ["S1", "S2"]])
        lines = [
            {"product": self.wine, "quantity": 2, "lots": ["L1"]},
            {"product": self.phone, "quantity": 2, "lots": ["S1", "S2"]},
        ]
        # the same serial numbers leave a second time only from a stock that has them again
        manager = self.access(self.manager)
        body = {"payments": [self.payment(shown["total"])]}
        taken = self.valid(self.post(f"/orders/{order.id}/refunds", body, token=manager), 201, "Order")
        self.assertEqual([line["lots"] for line in taken["lines"]], [["L1"], ["S1", "S2"]])
        by_screen = Screen(self.session, self.cashier).sell(lines, None)
        self.assertEqual(self.names(order), self.names(by_screen))
        self.assertEqual(self.names(self.env["pos.order"].browse(taken["id"])), self.names(order))
        for one in (order, by_screen):
            self.assertEqual(one.picking_ids.mapped("state"), ["done"])
            self.assertEqual(one.lines.pack_lot_ids.mapped("lot_name"), ["L1", "S1", "S2"])

    def test_names_that_do_not_fit(self):
        for product, quantity, lots in (
            (self.wine, 1, []),
            (self.wine, 2, ["L1", "L2"]),
            (self.phone, 2, ["S1"]),
            (self.phone, 1.5, ["S1"]),
            (self.tea, 1, ["L1"]),
        ):
            with self.subTest(product=product.name, lots=lots):
                line = self.line(product, quantity, **({"lots": lots} if lots else {}))
                self.assertEqual(self.pointers(self.order(lines=[line]), 422), ["/lines/0/lots"])
        self.till.picking_type_id.write({"use_create_lots": False, "use_existing_lots": True})
        self.assertEqual(
            self.pointers(self.order(lines=[self.line(self.wine, lots=["new"])]), 422), ["/lines/0/lots"]
        )
        self.till.picking_type_id.write({"use_existing_lots": False})
        self.sold(lines=[self.line(self.wine)])

    def test_user_without_rights_on_lots(self):
        self.cashier.groups_id -= self.env.ref("stock.group_stock_user")
        self.assert_problem(self.order(lines=[self.line(self.wine, lots=["L1"])]), 403, "forbidden")

    def test_lots_go_with_their_lines(self):
        _shown, order = self.sold(lines=[self.line(self.wine, lots=["L1"])])
        lots, path = order.lines.pack_lot_ids, f"/orders/{order.id}"

        def tag():
            return {"If-Match": self.get(path).headers["ETag"]}

        body = {"lines": [self.line(self.wine, lots=["L2"])]}
        self.assertEqual(
            self.send("PATCH", path, token=self.token, json=body, headers=tag()).status_code, 200
        )
        self.assertFalse(lots.exists())
        lots = order.lines.pack_lot_ids
        self.assertEqual(self.send("DELETE", path, token=self.token, headers=tag()).status_code, 204)
        self.assertFalse(lots.exists())

    def test_serial_numbers_come_back_one_by_one(self):
        shown, order = self.paid(self.line(self.phone, 3, lots=["S1", "S2", "S3"]))
        manager, number = self.access(self.manager), shown["lines"][0]["id"]

        def refund(quantity, amount, **more):
            line = {"line_id": number, "quantity": quantity, **more}
            body = {"lines": [line], "payments": [self.payment(amount)]}
            return self.post(f"/orders/{order.id}/refunds", body, token=manager)

        for more in ({}, {"lots": ["S4"]}, {"lots": ["S1", "S2"]}):
            self.assertEqual(self.pointers(refund(1, 115, **more), 422), ["/lines/0/lots"])
        taken = self.valid(refund(1, 115, lots=["S2"]), 201, "Order")
        self.assertEqual(taken["lines"][0]["lots"], ["S2"])
        self.assertEqual(self.pointers(refund(1, 115, lots=["S2"]), 422), ["/lines/0/lots"])
        taken = self.valid(refund(2, 230), 201, "Order")
        self.assertEqual(taken["lines"][0]["lots"], ["S1", "S3"])
