"""Runs in Odoo's shell on a test host, behind a line that sets PLAN: makes the shop and prints it as JSON."""

# ruff: noqa: F821  PLAN comes with it, env is Odoo's shell's
import json
import uuid

CASHIER = ("base.group_user", "point_of_sale.group_pos_user")
MANAGER = (
    "base.group_user",
    "point_of_sale.group_pos_manager",
    "hr_attendance.group_hr_attendance_user",
    "base.group_partner_manager",
)
PLAIN = ("base.group_user",)


def make_user(env, company, login, groups):
    """Return a user whose password the plan has."""
    return (
        env["res.users"]
        .with_context(no_reset_password=True)
        .create(
            {
                "name": login.title(),
                "login": login,
                "email": f"{login}@shop.test",
                "password": PLAN["passwords"][login],
                "company_id": company.id,
                "company_ids": [(6, 0, company.ids)],
                "groups_id": [(6, 0, [env.ref(group).id for group in groups])],
            }
        )
    )


def make_till(env, company, name, **values):
    """Return a point of sale with a method for cash, one for cards and one on the customer's account."""
    journals = env["account.journal"]

    def journal(kind):
        code = uuid.uuid4().hex[:5]
        return journals.create(
            {"name": f"{name} {kind}", "code": code, "type": kind, "company_id": company.id}
        )

    methods = env["pos.payment.method"]
    cash = methods.create(
        {"name": f"{name} cash", "journal_id": journal("cash").id, "company_id": company.id}
    )
    card = methods.create(
        {"name": f"{name} card", "journal_id": journal("bank").id, "company_id": company.id}
    )
    account = methods.create(
        {"name": f"{name} account", "split_transactions": True, "company_id": company.id}
    )
    till = env["pos.config"].create(
        {
            "name": name,
            "company_id": company.id,
            "payment_method_ids": [(6, 0, (cash | card | account).ids)],
            "restrict_price_control": True,
            **values,
        }
    )
    return {"id": till.id, "cash": cash.id, "card": card.id, "account": account.id}


def make_taxes(env, company):
    """Return taxes by name: on top of the price, in it, a second one on top, and what others map to."""
    accounts = env["account.account"].search([("company_id", "=", company.id)])
    payable = accounts.filtered(lambda account: account.internal_group == "liability")[:1]

    def tax(name, amount, included=False):
        split = [
            (0, 0, {"factor_percent": 100, "repartition_type": "base"}),
            (0, 0, {"factor_percent": 100, "repartition_type": "tax", "account_id": payable.id}),
        ]
        return env["account.tax"].create(
            {
                "name": name,
                "amount": amount,
                "price_include": included,
                "company_id": company.id,
                "invoice_repartition_line_ids": [(5, 0, 0), *split],
                "refund_repartition_line_ids": [(5, 0, 0), *split],
            }
        )

    return {
        "on top": tax("Shop 15 %", 15),
        "included": tax("Shop 10 % included", 10, included=True),
        "second": tax("Shop 2.5 %", 2.5),
        "export": tax("Shop 0 %", 0),
        "reduced": tax("Shop 7 % included", 7, included=True),
    }


def make_products(env, company, taxes, categories):
    """Return products by name; what is stored gets stock."""

    def product(name, price, names=(), **values):
        return env["product.product"].create(
            {
                "name": name,
                "list_price": price,
                "available_in_pos": True,
                "type": "consu",
                "company_id": values.pop("company_id", False),
                "taxes_id": [(6, 0, [taxes[tax].id for tax in names])],
                "pos_categ_id": categories[0],
                **values,
            }
        )

    stored = {"type": "product", "standard_price": 2.5}
    products = {
        "coffee": product("Shop coffee", 4.25, ("on top",), **stored, barcode="5901234123457"),
        "cake": product("Shop cake", 7.99, ("included",), **stored),
        "beans": product("Shop beans", 23.4, ("on top", "second"), **stored, pos_categ_id=categories[1]),
        "service": product("Shop service", 60.0, ("on top",), type="service"),
        "voucher": product("Shop voucher", 10.0),
        "weighed": product(
            "Shop weighed",
            12.3,
            ("included",),
            to_weight=True,
            uom_id=env.ref("uom.product_uom_kgm").id,
            uom_po_id=env.ref("uom.product_uom_kgm").id,
        ),
        "hidden": product("Shop hidden", 5.0, available_in_pos=False),
        "serial": product("Shop serial", 99.0, ("on top",), type="product", tracking="serial"),
    }
    stock = env["stock.warehouse"].search([("company_id", "=", company.id)], limit=1).lot_stock_id
    for name in ("coffee", "cake", "beans"):
        env["stock.quant"].with_context(inventory_mode=True).create(
            {"product_id": products[name].id, "location_id": stock.id, "inventory_quantity": 5000}
        ).action_apply_inventory()
    return products


def make_pricing(env, company, taxes):
    """Return the customers' pricelist and the fiscal positions."""
    reduced = env["product.pricelist"].create(
        {
            "name": "Shop VIP",
            "company_id": company.id,
            "item_ids": [
                (0, 0, {"applied_on": "3_global", "compute_price": "percentage", "percent_price": 10})
            ],
        }
    )

    def position(name, **mapped):
        lines = [
            (0, 0, {"tax_src_id": taxes[source].id, "tax_dest_id": taxes[target].id})
            for source, target in mapped.items()
        ]
        return env["account.fiscal.position"].create(
            {"name": name, "company_id": company.id, "tax_ids": lines}
        )

    export = env["account.fiscal.position"].create(
        {
            "name": "Shop export",
            "company_id": company.id,
            "tax_ids": [(0, 0, {"tax_src_id": taxes["on top"].id, "tax_dest_id": taxes["export"].id})],
        }
    )
    return reduced, export, position("Shop take-away", included="reduced")


def make_customers(env, company, pricelist, export, takeaway):
    """Return customers by name."""
    mail = {"company_id": company.id}
    partner = env["res.partner"]
    return {
        "plain": partner.create({"name": "Shop customer", "email": "customer@shop.test", **mail}),
        "vip": partner.create({"name": "Shop VIP", "property_product_pricelist": pricelist.id, **mail}),
        "abroad": partner.create({"name": "Shop abroad", "property_account_position_id": export.id, **mail}),
        "takeaway": partner.create(
            {"name": "Shop takeaway", "property_account_position_id": takeaway.id, **mail}
        ),
    }


def make_employee(env, company, name, user=None, **values):
    """Return an employee with a PIN."""
    return env["hr.employee"].create(
        {
            "name": name,
            "pin": PLAN["pin"],
            "barcode": uuid.uuid4().hex[:12],
            "company_id": company.id,
            "user_id": user and user.id,
            **values,
        }
    )


def make_other_company(env):
    """Return a second company with a chart of accounts and one record of each kind."""
    company = env["res.company"].create({"name": "Other company"})
    env.user.company_ids |= company
    env.ref("l10n_generic_coa.configurable_chart_template").try_loading(company=company, install_demo=False)
    env = env(context={**env.context, "allowed_company_ids": company.ids})
    user = make_user(env, company, "stranger", MANAGER)
    product = env["product.product"].create(
        {
            "name": "Other product",
            "list_price": 3,
            "available_in_pos": True,
            "company_id": company.id,
            "taxes_id": [(5, 0, 0)],
        }
    )
    pricelist = env["product.pricelist"].create({"name": "Other", "company_id": company.id})
    values = {"pricelist_id": pricelist.id, "available_pricelist_ids": [(6, 0, pricelist.ids)]}
    return {
        "company": company.id,
        "till": make_till(env, company, "Other till", **values),
        "product": product.id,
        "customer": env["res.partner"].create({"name": "Other customer", "company_id": company.id}).id,
        "employee": make_employee(env, company, "Other employee").id,
        "user": user.id,
    }


def main(env):
    """Make everything, commit it and print it."""
    company = env.ref("base.main_company")
    company.point_of_sale_update_stock_quantities = PLAN["stock"]
    users = {login: make_user(env, company, login, CASHIER) for login in PLAN["cashiers"]}
    users.update({login: make_user(env, company, login, MANAGER) for login in PLAN["managers"]})
    users.update({login: make_user(env, company, login, PLAIN) for login in PLAN["without role"]})
    taxes = make_taxes(env, company)
    parent = env["pos.category"].create({"name": "Shop"})
    categories = [parent.id, env["pos.category"].create({"name": "Shop goods", "parent_id": parent.id}).id]
    products = make_products(env, company, taxes, categories)
    pricelist, export, takeaway = make_pricing(env, company, taxes)
    customers = make_customers(env, company, pricelist, export, takeaway)
    standard = env["product.pricelist"].search([("company_id", "in", (False, company.id))], limit=1)
    priced = {
        "use_pricelist": True,
        "pricelist_id": standard.id,
        "available_pricelist_ids": [(6, 0, (standard | pricelist).ids)],
        "tax_regime_selection": True,
        "fiscal_position_ids": [(6, 0, (export | takeaway).ids)],
    }
    tills = {name: make_till(env, company, name, **priced) for name in PLAN["tills"]}
    free = {**priced, "restrict_price_control": False}
    tills.update({name: make_till(env, company, name, **free) for name in PLAN["free tills"]})
    employees = {login: make_employee(env, company, login.title(), user) for login, user in users.items()}
    employees["unlinked"] = make_employee(env, company, "Shop helper")
    found = {
        "company": company.id,
        "users": users,
        "employees": employees,
        "products": products,
        "customers": customers,
        "categories": categories,
        "taxes": taxes,
        "pricelists": {"standard": standard, "vip": pricelist},
        "positions": {"export": export, "takeaway": takeaway},
    }
    shop = {
        name: {key: record.id for key, record in value.items()} if isinstance(value, dict) else value
        for name, value in found.items()
    }
    shop.update(tills=tills, other=make_other_company(env))
    env.cr.commit()
    print("SHOP", json.dumps(shop))


main(env)
