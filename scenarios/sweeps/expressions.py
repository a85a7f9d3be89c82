"""Arithmetic over keys, as an experiment file writes it: ``2 * policy.terms.trial_days``, ``policy.a <= policy.b``.

The text is parsed into a syntax tree of which only numbers, names of keys, ``+ - * /``, brackets and a few functions
are admitted; nothing is evaluated by Python itself. A key that is no Python name is put in quotes:
``2 * 'policy.x-y'``.
"""

from __future__ import annotations

import ast
import math
import operator
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from scenarios.errors import shown

MAX_LENGTH = 500
"""Longest expression, in characters: a convention that keeps the tree shallow."""

BINARY: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
UNARY: Mapping[type[ast.unaryop], Callable[[float], float]] = {ast.USub: operator.neg, ast.UAdd: operator.pos}
SENSES: Mapping[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.LtE: operator.le,
    ast.Lt: operator.lt,
    ast.GtE: operator.ge,
    ast.Gt: operator.gt,
}
FUNCTIONS: Mapping[str, Callable[..., float]] = {"min": min, "max": max, "abs": abs, "sqrt": math.sqrt}

ALLOWED = "numbers, keys, + - * / ( ) min max abs sqrt"


@dataclass(frozen=True)
class Expression:
    """A number made of keys.

    Attributes
    ----------
    text : str
        As it was written.
    names : tuple of str
        The keys in it, each once, in their order.
    """

    text: str
    names: tuple[str, ...]
    node: ast.expr = field(repr=False, compare=False)

    def __call__(self, values: Mapping[str, float]) -> float:
        """The number under these values of its keys.

        Raises
        ------
        ArithmeticError, ValueError
            If it has none: a division by zero, the root of a negative number, a number too large.
        """
        value = _number(self.node, values)
        if not math.isfinite(value):
            raise OverflowError("a number too large")
        return value


@dataclass(frozen=True)
class Constraint:
    """Comparisons between numbers made of keys, all of which must hold."""

    text: str
    names: tuple[str, ...]
    sides: tuple[Expression, ...]
    senses: tuple[Callable[[float, float], bool], ...] = field(repr=False, compare=False)

    def holds(self, values: Mapping[str, float]) -> bool:
        """Whether these values keep it; they do not where a side has no value."""
        try:
            sides = [side(values) for side in self.sides]
        except (ArithmeticError, ValueError):
            return False
        return all(sense(a, b) for sense, a, b in zip(self.senses, sides, sides[1:], strict=False))


def parse(text: str) -> Expression:
    """An expression.

    Raises
    ------
    ValueError
        With what is wrong, as a message goes on after the key.
    """
    return _expression(_tree(text))


def parse_constraint(text: str) -> Constraint:
    """A constraint: two or more expressions with ``<= < >= >`` between them.

    Raises
    ------
    ValueError
        With what is wrong.
    """
    node = _tree(text)
    if not isinstance(node, ast.Compare) or any(type(op) not in SENSES for op in node.ops):
        raise ValueError(f"compares nothing, got {shown(text)}; policy.a <= policy.b, with <= < >= or >")
    sides = tuple(_expression(side) for side in (node.left, *node.comparators))
    names = tuple(dict.fromkeys(name for side in sides for name in side.names))
    if not names:
        raise ValueError(f"names no key, got {shown(text)}; policy.a <= policy.b")
    return Constraint(text, names, sides, tuple(SENSES[type(op)] for op in node.ops))


def _tree(text: object) -> ast.expr:
    if not isinstance(text, str) or not text.strip() or len(text) > MAX_LENGTH:
        raise ValueError(f"is no expression, got {shown(text)}; text of 1 to {MAX_LENGTH} characters")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"cannot be read, got {shown(text)}; {ALLOWED}") from None


def _expression(node: ast.expr) -> Expression:
    try:
        text = ast.unparse(node)
        return Expression(text, tuple(dict.fromkeys(_names(node, text))), node)
    except RecursionError:
        raise ValueError("is nested too deep, got more than is read; fewer signs and brackets") from None


def _names(node: ast.expr, text: str) -> Iterator[str]:
    """Keys in a tree.

    Raises
    ------
    ValueError
        At the first thing that is not admitted.
    """
    name = _key(node)
    if name:
        yield name
    elif not _is_number(node):
        for part in _parts(node, text):
            yield from _names(part, text)


def _parts(node: ast.expr, text: str) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and type(node.op) in BINARY:
        return [node.left, node.right]
    if isinstance(node, ast.UnaryOp) and type(node.op) in UNARY:
        return [node.operand]
    if isinstance(node, ast.Call) and _function(node) and node.args and not node.keywords:
        return node.args
    raise ValueError(f"holds what is not allowed, got {shown(text)}; {ALLOWED}")


def _is_number(node: ast.expr) -> bool:
    value = node.value if isinstance(node, ast.Constant) else None
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _function(node: ast.Call) -> Callable[..., float] | None:
    """The function that is called; None if there is none of that name, or not with so many arguments."""
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    single = name in ("abs", "sqrt")
    return FUNCTIONS.get(name) if (len(node.args) == 1) == single else None


def _key(node: ast.expr) -> str:
    """The key that a node names; empty if it names none."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
        return f"{_key(node.value)}.{node.attr}"
    return ""


def _number(node: Any, values: Mapping[str, float]) -> float:
    if name := _key(node):
        return values[name]
    if isinstance(node, ast.BinOp):
        return BINARY[type(node.op)](_number(node.left, values), _number(node.right, values))
    if isinstance(node, ast.UnaryOp):
        return UNARY[type(node.op)](_number(node.operand, values))
    if isinstance(node, ast.Call):
        return FUNCTIONS[node.func.id](*(_number(part, values) for part in node.args))  # type: ignore[attr-defined]
    return float(node.value)
