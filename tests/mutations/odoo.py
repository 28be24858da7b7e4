"""Faults of Odoo's settings, and of the API's code."""

from __future__ import annotations

from tests.mutations.case import Mutation, on_odoo

SETTINGS = "configuration/test_odoo.py"
AUTHORIZATION = "security/test_api_authorization.py"
AUTHENTICATION = "security/test_api_authentication.py"
LIMITS = "security/test_api_limits.py"
ANSWERS = "security/test_api_answers.py"


def _option(name: str, check: str, text: str, pattern: str, section: str = "configuration") -> Mutation:
    return on_odoo(name, {check: text}, "$ODOO", pattern, section=section)


OPTIONS = (
    _option(
        "mutation-databases-listed",
        f"{SETTINGS}::test_databases_are_not_listed",
        "list_db",
        "s/^list_db = .*/list_db = True/",
    ),
    _option(
        "mutation-dbfilter-set",
        f"{SETTINGS}::test_one_database_without_filter",
        "dbfilter",
        r"s/^(db_name = .*)/\1\ndbfilter = ^pos$/",
    ),
    _option(
        "mutation-proxy-not-trusted",
        f"{SETTINGS}::test_behind_the_proxy",
        "proxy_mode",
        "s/^proxy_mode = .*/proxy_mode = False/",
    ),
    _option(
        "mutation-around-the-pooler",
        f"{SETTINGS}::test_through_the_pooler",
        "odoo_pooler_port",
        "s/^db_host = .*/db_host = 127.0.0.1/; s/^db_port = .*/db_port = 5432/",
    ),
    _option(
        "mutation-long-tokens",
        f"{SETTINGS}::test_api_settings",
        "pos_api_access_token_lifetime",
        r"s/^(pos_api_access_token_lifetime) = .*/\1 = 3600/",
    ),
    on_odoo(
        "mutation-missing-worker",
        {f"{SETTINGS}::test_sizes": "odoo_workers", "services/test_odoo.py::test_processes": "odoo_workers"},
        "$ODOO",
        "s/^workers = .*/workers = 2/",
        section="configuration",
        why="the setting is not the inventory's, and fewer processes run",
    ),
    Mutation(
        "mutation-odoo-not-restarted",
        "odoo.conf",
        "configuration",
        {
            f"{SETTINGS}::test_started_with_the_present_files": "/etc/odoo/odoo.conf",
            "configuration/test_api_server.py::test_started_with_the_present_files": "/etc/odoo/odoo.conf",
        },
        "keep $ODOO; echo '; changed' >>$ODOO",
        "put_back $ODOO",
        alone=True,
        why="other faults of odoo.conf restart Odoo; both servers read it",
    ),
    _option(
        "mutation-other-site-let-in",
        f"{ANSWERS}::test_foreign_origins",
        "pos_api_cors_origins",
        "s#^pos_api_cors_origins =.*#pos_api_cors_origins = https://foreign.invalid#",
        "security",
    ),
    _option(
        "mutation-bodies-without-limit",
        f"{LIMITS}::test_large_bodies_with_a_token",
        "pos_api_max_body",
        "s/^pos_api_max_body = .*/pos_api_max_body = 67108864/",
        "security",
    ),
    _option(
        "mutation-passwords-tried-without-end",
        f"{LIMITS}::test_repeated_failures_are_throttled",
        "pos_api_login_failures_per_account",
        r"s/^(pos_api_login_failures_per_account) = .*/\1 = 1000/",
        "security",
    ),
    Mutation(
        "mutation-known-master-password",
        "passwords",
        "security",
        {"security/test_passwords.py::test_master_password": "odoo_master_password"},
        """
hash=$(venv -c 'from passlib.hash import pbkdf2_sha512; print(pbkdf2_sha512.hash("admin"))')
change $ODOO "s#^admin_passwd = .*#admin_passwd = $hash#"
""",
        "put_back $ODOO",
        clash="master password",
    ),
    Mutation(
        "mutation-readable-master-password",
        "passwords",
        "security",
        {"security/test_odoo.py::test_master_password_is_hashed": "pbkdf2-sha512"},
        "change $ODOO 's/^admin_passwd = .*/admin_passwd = mutation-not-known-anywhere/'",
        "put_back $ODOO",
        clash="master password",
    ),
    Mutation(
        "mutation-known-user-password",
        "passwords",
        "security",
        {"security/test_passwords.py::test_users": "demo"},
        """
hash=$(venv -c 'from passlib.hash import pbkdf2_sha512; print(pbkdf2_sha512.hash("demo"))')
sql "WITH partner AS (INSERT INTO res_partner (name, display_name, active)
                      VALUES ('demo', 'demo', true) RETURNING id)
     INSERT INTO res_users (login, password, active, company_id, partner_id, notification_type, odoobot_state)
     SELECT 'demo', '$hash', true, 1, id, 'email', 'not_initialized' FROM partner"
""",
        """
sql "WITH gone AS (DELETE FROM res_users WHERE login = 'demo' RETURNING partner_id)
     DELETE FROM res_partner WHERE id IN (SELECT partner_id FROM gone)"
""",
    ),
    Mutation(
        "mutation-module-not-installed",
        "modules",
        "services",
        {"services/test_odoo.py::test_modules_are_installed": "l10n_generic_coa"},
        "sql \"UPDATE ir_module_module SET state = 'uninstalled' WHERE name = 'l10n_generic_coa'\"",
        "sql \"UPDATE ir_module_module SET state = 'installed' WHERE name = 'l10n_generic_coa'\"",
        alone=True,
        why="a restart of Odoo, which other faults need, would load it without the module",
    ),
)
CODE = (
    on_odoo(
        "mutation-orders-of-others-listed",
        {f"{AUTHORIZATION}::test_lists_show_no_other_cashier": "orders of another cashier are listed"},
        "$ADDON/resources/order.py",
        '0,/scope=lambda call: own_session\\(call, "session_id."\\)/s//scope=lambda call: []/',
    ),
    on_odoo(
        "mutation-payments-of-others-read",
        {f"{AUTHORIZATION}::test_records_of_another_cashier": "GET /payments/"},
        "$ADDON/resources/payment.py",
        r"s/scope=lambda call: own_session\(.*\),/scope=lambda call: [],/",
    ),
    on_odoo(
        "mutation-cashiers-are-managers",
        {
            f"{AUTHORIZATION}::test_operations_of_managers": "let into",
            f"{AUTHORIZATION}::test_refunds_are_managers_decisions": "a cashier's refund",
        },
        "$ADDON/frame/principal.py",
        "s/operation.role != MANAGER or role == MANAGER/True/",
        why="a refund is one of the managers' operations, and one that matters by itself",
    ),
    on_odoo(
        "mutation-cash-out-by-cashiers",
        {f"{AUTHORIZATION}::test_cash_is_taken_out_by_managers": "a cashier's cash out"},
        "$ADDON/operations/sessions.py",
        r's/if body\["direction"\] == "out" and /if False and /',
    ),
    on_odoo(
        "mutation-cost-shown",
        {f"{AUTHORIZATION}::test_hidden_members": "cost"},
        "$ADDON/resources/product.py",
        r's/^( *)Field\("tracking",.*/&\n\1Field("cost", "standard_price", NUMBER),/',
    ),
    on_odoo(
        "mutation-prices-of-clients-taken",
        {f"{AUTHORIZATION}::test_prices_and_totals_are_the_servers": "unit_price: 201"},
        "$ADDON/selling.py",
        "s/and config.restrict_price_control and/and False and/",
    ),
    on_odoo(
        "mutation-logout-ignored",
        {f"{AUTHENTICATION}::test_refresh_and_logout": "200"},
        "$ADDON/operations/auth.py",
        r's/^( *)call.env.*_revoke\("logout"\)$/\1pass/',
    ),
    on_odoo(
        "mutation-stolen-refresh-token-taken",
        {f"{AUTHENTICATION}::test_stolen_refresh_token": "the stolen login lives on"},
        "$ADDON/operations/auth.py",
        r's/^( *)family._revoke\("reuse"\)$/\1pass/',
    ),
    on_odoo(
        "mutation-audience-ignored",
        {f"{AUTHENTICATION}::test_misused_tokens": "for another audience"},
        "$ADDON/tokens.py",
        r's/options=\{"require": list\(CLAIMS\)\}/options={"require": list(CLAIMS), "verify_aud": False}/',
    ),
    on_odoo(
        "mutation-signature-ignored",
        {
            f"{AUTHENTICATION}::test_forged_tokens": "a stranger's key",
            f"{AUTHENTICATION}::test_misused_tokens": "for another audience",
        },
        "$ADDON/tokens.py",
        r's/options=\{"require": list\(CLAIMS\)\}/options={"verify_signature": False}/',
        why="PyJWT then looks at no claim either",
    ),
    on_odoo(
        "mutation-answers-stored",
        {f"{ANSWERS}::test_headers": "no-store"},
        "$ADDON/frame/dispatch.py",
        r"s/^(DEFAULT_HEADERS = ).*/\1{}/",
    ),
    on_odoo(
        "mutation-path-in-refusal",
        {f"{ANSWERS}::test_refusals_give_nothing_away": "unknown path: says"},
        "$ADDON/frame/routing.py",
        "s#There is no such resource.#/opt/odoo/addons has no such resource.#",
    ),
    on_odoo(
        "mutation-pages-without-limit",
        {f"{LIMITS}::test_pages_are_bounded": "a page of 101"},
        "$ADDON/openapi/base.json",
        "44s/100/1000/",
    ),
    on_odoo(
        "mutation-sold-twice",
        {
            f"{AUTHORIZATION}::test_a_repeated_sale_is_one_sale": "orders of one key",
            "services/test_api.py::test_sale": "",
        },
        "$ADDON/frame/idempotency.py",
        "s/^    if kept:/    if False:/",
        why="the sale of the services is sent twice as well",
    ),
    on_odoo(
        "mutation-wrong-total",
        {"services/test_api.py::test_sale": ""},
        "$ADDON/resources/order.py",
        's/Field\\("total", "amount_total", NUMBER\\)/Field("total", "amount_tax", NUMBER)/',
        section="services",
    ),
    on_odoo(
        "mutation-wrong-status",
        {"services/test_api.py::test_sale": "HTTP status 200"},
        "$ADDON/operations/orders.py",
        r"s/Reply\(201, shown_order/Reply(200, shown_order/",
        section="services",
    ),
)
CASES = (*OPTIONS, *CODE)
