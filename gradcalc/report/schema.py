"""JSON Schemas (2020-12) of the documents that we emit, from small pieces."""

from __future__ import annotations

from typing import Any

_NUMBER = {"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]}
_VALUE = {
    "description": "a scalar is a number, a column a list, a row or matrix a list of lists",
    "anyOf": [
        {"$ref": "#/$defs/number"},
        {"type": "array", "items": {"$ref": "#/$defs/number"}},
        {"type": "array", "items": {"type": "array", "items": {"$ref": "#/$defs/number"}}},
    ],
}
_TEXT = {"type": "string"}
_MAYBE_TEXT = {"type": ["string", "null"]}
_TEXTS = {"type": "array", "items": _TEXT}
_COUNT = {"type": "integer", "minimum": 0}
_SHAPE = {"type": "array", "items": _COUNT, "maxItems": 2}
_V = {"$ref": "#/$defs/value"}


def _object(optional: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    required = [k for k in properties if k not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _map(items: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": items}


def _list(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


_DIAGNOSTIC = _object(
    code=_TEXT,
    severity={"enum": ["error", "warning"]},
    message=_TEXT,
    source=_MAYBE_TEXT,
    line={"type": ["integer", "null"]},
    column={"type": ["integer", "null"]},
    rule=_MAYBE_TEXT,
    help=_MAYBE_TEXT,
)
_NODE = _object(
    ("labels",),
    op=_TEXT,
    equation=_TEXT,
    inputs=_TEXTS,
    shape=_SHAPE,
    value=_V,
    habit=_TEXT,
    uses=_COUNT,
    labels=_TEXTS,
)
_LOCAL = _object(("parts", "value"), rule=_TEXT, kind=_TEXT, parts=_map(_V), value=_V)
_EDGE = _object(node=_TEXT, input=_TEXT, argument=_COUNT, upstream=_V, local=_LOCAL, downstream=_V)
_GRADIENT = _object(
    ("labels",),
    shape=_SHAPE,
    value=_V,
    rule=_MAYBE_TEXT,
    also=_MAYBE_TEXT,
    latex=_MAYBE_TEXT,
    branches=_list(_object(through=_TEXT, value=_V)),
    connected={"type": "boolean"},
    labels=_TEXTS,
)
_CLAIM = _object(
    text=_TEXT, line=_COUNT, holds={"type": "boolean"}, by={"enum": ["symbols", "numbers"]}, hint=_MAYBE_TEXT
)
_CHECKED_CLAIM = _object(
    text=_TEXT,
    line=_COUNT,
    holds={"type": "boolean"},
    by={"enum": ["symbols", "numbers"]},
    hint=_MAYBE_TEXT,
    where=_MAYBE_TEXT,
)
_MAYBE_NUMBER = {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/number"}]}
_CHECKED_GRADIENT = _object(
    holds={"description": "null where it was not checked", "type": ["boolean", "null"]},
    largest_error=_MAYBE_NUMBER,
    at=_MAYBE_TEXT,
    method=_MAYBE_TEXT,
    gradient=_MAYBE_NUMBER,
    numeric=_MAYBE_NUMBER,
    tolerance=_MAYBE_NUMBER,
    checked=_COUNT,
    entries=_COUNT,
    skipped=_MAYBE_TEXT,
    where=_MAYBE_TEXT,
)
_FLAG = _object(code=_TEXT, node=_TEXT, rule=_TEXT, places=_list(_list(_COUNT)), message=_TEXT)
_REUSE = {"anyOf": [{"type": "null"}, _object(at_once=_COUNT, one_at_a_time=_COUNT, shared=_map(_TEXTS))]}


def _document(name: str, title: str, **properties: Any) -> dict[str, Any]:
    body = _object(schema={"const": name}, **properties)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        **body,
        "$defs": {"number": _NUMBER, "value": _VALUE},
    }


_STEP = _object(left=_TEXT, right=_TEXT, latex=_TEXT, reason=_MAYBE_TEXT, condition=_MAYBE_TEXT)
_SIZES = _list({"type": ["integer", "string"]})
_DERIVATION = _object(
    gradient=_TEXT,
    delta=_MAYBE_TEXT,
    shape=_SIZES,
    rule=_TEXT,
    latex=_TEXT,
    short=_TEXTS,
    rules=_list(_STEP),
    steps=_list(_STEP),
    shapes=_MAYBE_TEXT,
    used_by=_TEXTS,
    wanted={"type": "boolean"},
    connected={"type": "boolean"},
)
_BLOCK = _object(
    ("reason", "axes", "labels"),
    shape=_list({"type": ["integer", "string"]}),
    rule=_MAYBE_TEXT,
    latex=_MAYBE_TEXT,
    value={"anyOf": [{"type": "null"}, _V]},
    connected={"type": "boolean"},
    reason=_TEXT,
    axes=_object(rows=_TEXTS, columns=_TEXTS),
    labels=_TEXTS,
)


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [{"type": "null"}, schema]}


SCHEMAS: dict[str, dict[str, Any]] = {
    "run": _document(
        "gradcalc.run/1",
        "What gradcalc run shows",
        source=_TEXT,
        layout={"enum": ["shape", "numerator"]},
        of=_TEXT,
        kind={"enum": ["gradient", "jacobian", "vjp"]},
        value=_V,
        nodes=_map(_NODE),
        edges=_list(_EDGE),
        gradients=_map(_GRADIENT),
        deltas=_map(_object(of=_TEXT, rule=_MAYBE_TEXT, value=_V, used_by=_TEXTS)),
        reuse=_REUSE,
        claims=_list(_CLAIM),
        flags=_list(_FLAG),
        warnings=_list(_DIAGNOSTIC),
        notes=_TEXTS,
        assumed=_TEXTS,
    ),
    "derive": _document(
        "gradcalc.derive/1",
        "A derivation in symbols",
        source=_TEXT,
        layout={"enum": ["shape", "numerator"]},
        of=_TEXT,
        shapes=_TEXTS,
        equations=_list(_STEP),
        deltas=_map(_object(of=_TEXT, rule=_TEXT, used_by=_TEXTS)),
        derivations=_map(_DERIVATION),
        warnings=_list(_DIAGNOSTIC),
        notes=_TEXTS,
    ),
    "jacobian": _document(
        "gradcalc.jacobian/1",
        "What gradcalc jacobian shows",
        source=_TEXT,
        layout={"enum": ["shape", "numerator"]},
        of=_TEXT,
        shape=_list({"type": ["integer", "string"]}),
        jacobians=_map(_BLOCK),
        upstream=_or_null(_object(name=_TEXT, value=_V)),
        vjp=_or_null(_map(_BLOCK)),
        tangent=_or_null(_map(_V)),
        jvp=_or_null(_BLOCK),
        flags=_list(_FLAG),
        warnings=_list(_DIAGNOSTIC),
        notes=_TEXTS,
    ),
    "hessian": _document(
        "gradcalc.hessian/1",
        "What gradcalc hessian shows",
        source=_TEXT,
        layout={"enum": ["shape", "numerator"]},
        of=_TEXT,
        hessians=_map(_map(_BLOCK)),
        tangent=_or_null(_map(_V)),
        hvp=_or_null(_map(_BLOCK)),
        flags=_list(_FLAG),
        warnings=_list(_DIAGNOSTIC),
        notes=_TEXTS,
    ),
    "check": _document(
        "gradcalc.check/1",
        "What gradcalc check found",
        source=_TEXT,
        layout={"enum": ["shape", "numerator"]},
        of=_TEXT,
        claims=_list(_CHECKED_CLAIM),
        gradients=_map(_CHECKED_GRADIENT),
        drawn=_map({"anyOf": [{"type": "null"}, _SHAPE]}),
        points=_COUNT,
        seed=_COUNT,
        failed={"type": "boolean"},
        warnings=_list(_DIAGNOSTIC),
        notes=_TEXTS,
    ),
    "error": _document("gradcalc.error/1", "What went wrong", errors={**_list(_DIAGNOSTIC), "minItems": 1}),
    "functions": _document(
        "gradcalc.functions/1",
        "The function table",
        functions=_map(
            _object(
                summary=_TEXT,
                notation=_TEXT,
                latex=_TEXT,
                arguments=_TEXT,
                derivative=_TEXT,
                domain=_TEXT,
                kink=_TEXT,
                elementwise={"type": "boolean"},
                axis={"type": "boolean"},
                aliases=_TEXTS,
                example=_TEXT,
            )
        ),
    ),
    "graph": _document(
        "gradcalc.graph/1",
        "A computation graph",
        source=_TEXT,
        of=_TEXT,
        nodes=_map(_object(op=_TEXT, equation=_TEXT, inputs=_TEXTS, shape=_list({"type": ["integer", "string"]}))),
    ),
    "record": _document(
        "gradcalc.record/1",
        "One line of a batch",
        source=_TEXT,
        row={"type": ["integer", "null"], "minimum": 0},
        hash={"type": "string", "pattern": "^[0-9a-f]{32}$"},
        status={"enum": ["ok", "error"]},
        result={"type": ["object", "null"], "description": "fields of gradcalc.run/1, those of --only"},
        error={"type": ["object", "null"], "description": "gradcalc.error/1"},
    ),
    "explain": _document(
        "gradcalc.explain/1",
        "What a diagnostic means",
        codes=_map(
            _object(title=_TEXT, explanation=_TEXT, example=_TEXT, mended=_TEXT, exit={"type": ["integer", "null"]})
        ),
    ),
}
