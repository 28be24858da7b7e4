"""What a client needs before it logs in: the public keys, the description of the API and its page."""

from pathlib import Path

from .. import keys, settings
from ..frame import document, principal
from ..frame.call import Reply, operation
from ..frame.problems import Problem

PUBLIC = {"Cache-Control": "public, max-age=300"}
PAGE = Path(__file__).resolve().parent.parent / "docs"
# nothing but the page's own files; Swagger UI sets styles in elements and has its icons in data: addresses
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# name: (whether it is the addon's own, media type)
FILES = {
    "index.html": (True, "text/html; charset=utf-8"),
    "init.js": (True, "text/javascript; charset=utf-8"),
    "swagger-ui.css": (False, "text/css; charset=utf-8"),
    "swagger-ui-bundle.js": (False, "text/javascript; charset=utf-8"),
}


@operation("getKeys", transaction=False)
def get_keys(call):
    return Reply(200, keys.jwks(principal.keyring()), PUBLIC)


@operation("getDescription", transaction=False)
def get_description(call):
    return Reply(200, document.source(), PUBLIC)


def _file(name):
    """Return the reply with a file of the documentation page.

    Raises:
        Problem: 404 where the page is switched off or its files are not there.
    """
    folder = settings.current().docs_directory
    if not folder:
        raise Problem(404, "This server has no documentation page.")
    own, media_type = FILES[name]
    try:
        content = ((PAGE if own else Path(folder)) / name).read_bytes()
    except OSError as error:
        raise Problem(404, "The files of the documentation page are not on this server.") from error
    return Reply(200, content, {**PUBLIC, "Content-Type": media_type, "Content-Security-Policy": POLICY})


@operation("getDocumentation", transaction=False)
def get_documentation(call):
    return _file("index.html")


@operation("getDocumentationFile", transaction=False)
def get_documentation_file(call):
    return _file(call.path["name"])
