"""The one place where what a client sends is checked: JSON, body schema, parameters.

Schemas keep to what JSON Schema draft-07 and 2020-12 (OpenAPI 3.1) have in common, so that the same document
is valid OpenAPI and is checked alike by jsonschema 3.2 (Debian 11) and later.
"""

import json
import math
import re
from datetime import date

import jsonschema

from ..moments import read_moment
from .problems import Problem, invalid

MAX_DIGITS = 18  # longer whole numbers are outside every column's range
MAX_SAFE_FLOAT = 2**53

# keyword: sentence; the value sent is never repeated, it could be a password
SENTENCES = {
    "type": "must be of type {value}",
    "enum": "must be one of {value}",
    "minimum": "must be at least {value}",
    "exclusiveMinimum": "must be greater than {value}",
    "maximum": "must be at most {value}",
    "minLength": "must have at least {value} character(s)",
    "maxLength": "must have at most {value} characters",
    "pattern": "must match {value}",
    "minItems": "must have at least {value} item(s)",
    "maxItems": "must have at most {value} items",
    "uniqueItems": "must not hold the same item twice",
    "format": "must be a {value} of RFC 3339, a date-time with its offset from UTC: 2030-01-31T09:30:00Z",
}


def _whole(text):
    return int(text) if len(text.lstrip("-")) <= MAX_DIGITS else math.inf


def _decimal(text):
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < MAX_SAFE_FLOAT else number


def _object(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Problem(400, f"The JSON body has the member {twice[:64]!r} twice in one object.", "unreadable")
    return found


def _storable(text):
    """PostgreSQL stores neither NUL nor a lone surrogate."""
    return "\0" not in text and text.isascii() or not re.search("[\0\ud800-\udfff]", text)


def _pointer(path):
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _unusable(node, path=()):
    """Yield (pointer, sentence) of values that are JSON or Python's idea of it, but that no column can
    hold."""
    if isinstance(node, dict):
        for name, value in node.items():
            if not _storable(name):
                yield _pointer(path), "has a member name with a NUL or a lone surrogate"
                return
            yield from _unusable(value, (*path, name))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _unusable(value, (*path, index))
    elif isinstance(node, str) and not _storable(node):
        yield _pointer(path), "must not hold a NUL or a lone surrogate"
    elif isinstance(node, float) and not math.isfinite(node):
        yield _pointer(path), "must be a finite number of ordinary size"


def read_json(raw):
    """Return the value of a JSON text given as bytes.

    Raises:
        Problem: 400 where it is no JSON in UTF-8 (RFC 8259), 422 for NaN, Infinity, huge numbers and
            unstorable text.
    """
    try:
        value = json.loads(
            raw.decode("utf-8"), parse_int=_whole, parse_float=_decimal, object_pairs_hook=_object
        )
    except UnicodeDecodeError as error:
        raise Problem(400, f"The body is not UTF-8 at byte {error.start}.", "unreadable") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Problem(400, f"The body is not JSON: {error.msg} at {where}.", "unreadable") from error
    except RecursionError as error:
        raise Problem(400, "The body is nested too deeply.", "unreadable") from error
    unusable = list(_unusable(value))
    if unusable:
        raise invalid(*unusable)
    return value


def _located(error):
    """Yield (pointer, sentence) of one jsonschema error."""
    path = tuple(error.absolute_path)
    if error.validator == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        for name in missing:
            yield _pointer((*path, name)), "is required"
    elif error.validator == "additionalProperties":
        for name in error.instance:
            if name not in error.schema.get("properties", {}):
                yield _pointer((*path, name)), "is not a known field"
    else:
        value = error.validator_value
        if isinstance(value, list):
            value = ", ".join(map(str, value))
        sentence = SENTENCES.get(error.validator, "is not acceptable")
        yield _pointer(path) or "", sentence.format(value=value)


def _pattern(validator, pattern, value, _schema):
    """Python's ``$`` lets a line feed follow, that of ECMA-262, which JSON Schema goes by, does not."""
    if validator.is_type(value, "string") and not re.search(re.sub(r"\$$", r"\\Z", pattern), value):
        yield jsonschema.ValidationError("the pattern is another")


def _day(text):
    """Return the day of a full-date (RFC 3339 section 5.6); Python takes other spellings of ISO 8601 too."""
    return re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) and date.fromisoformat(text)


Formats = jsonschema.FormatChecker(formats=())
Formats.checks("date-time", raises=ValueError)(lambda value: not isinstance(value, str) or read_moment(value))
Formats.checks("date", raises=ValueError)(lambda value: not isinstance(value, str) or _day(value))
Validator = jsonschema.validators.extend(jsonschema.Draft7Validator, {"pattern": _pattern})


_validators = {}  # id of a schema of the document: (the schema, its validator), which are dear to make


def _validator(schema):
    known, validator = _validators.get(id(schema), (None, None))
    if known is not schema:
        validator = Validator(schema, format_checker=Formats)
        _validators[id(schema)] = schema, validator
    return validator


def _errors(schema, value):
    found = {}
    for error in _validator(schema).iter_errors(value):
        for pointer, sentence in _located(error):
            found.setdefault(pointer, sentence)
    return sorted(found.items())


def check_body(schema, value):
    """Check a body against its schema.

    Raises:
        Problem: 422 with one entry for each field at fault.
    """
    errors = _errors(schema, value)
    if errors:
        raise invalid(*errors)


def _cast(schema, text):
    """Return a parameter's text as the type its schema asks for, or the text where that cannot be done."""
    kind = schema.get("type")
    if kind == "integer" and re.fullmatch(r"-?[0-9]{1,18}", text):
        return int(text)
    if kind == "number" and re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,15})?", text):
        return float(text)
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    if kind == "array":
        return [_cast(schema["items"], item) for item in text.split(",")]
    return text


def read_parameters(operation, place, sent):
    """Return {name: value} of the operation's parameters of one place (``query``, ``path`` or ``header``).

    Args:
        operation: :class:`~.document.Operation`.
        place: where the parameters stand.
        sent: list of (name, text) as sent.

    Raises:
        Problem: 422 for an unknown, repeated, missing or ill-formed parameter.
    """
    declared = {
        name: parameter for (where, name), parameter in operation.parameters.items() if where == place
    }
    errors, values = [], {}
    for name, text in sent:
        where = f"{place}:{name}"
        if name not in declared:
            errors.append((f"{place}:{name[:64]}", "is not a known parameter"))
        elif name in values:
            errors.append((where, "is given more than once"))
        elif not _storable(text) or "\ufffd" in text:
            errors.append((where, "must be UTF-8 without NUL"))
        else:
            values[name] = _cast(declared[name]["schema"], text)
            for _, sentence in _errors(declared[name]["schema"], values[name])[:1]:
                errors.append((where, sentence))
    for name, parameter in declared.items():
        if name in values or name in dict(sent):
            continue
        if parameter.get("required") and place != "header":  # a missing header has a status of its own
            errors.append((f"{place}:{name}", "is required"))
        elif "default" in parameter["schema"]:
            values[name] = parameter["schema"]["default"]
    if errors:
        raise invalid(*errors)
    return values


def read_headers(operation, headers):
    """Return {name: value} of an operation's header parameters.

    Args:
        operation: :class:`~.document.Operation`.
        headers: werkzeug's headers of the request.

    Raises:
        Problem: as :func:`read_parameters`.
    """
    sent = [(name, headers[name]) for name in operation.headers() if name in headers]
    return read_parameters(operation, "header", sent)
