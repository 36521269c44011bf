"""Readable closed forms: the table of rewrites applied until none fires, then brackets left out.

`simplify` gives the result, `steps` every line on the way to it. Both are without recursion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from gradcalc import algebra as al
from gradcalc.graph import LEAVES, Graph, Node
from gradcalc.notation import render
from gradcalc.simplify.rewrites import BRACKETS, REWRITES, Rewrite
from gradcalc.simplify.sums import opened

__all__ = ["BRACKETS", "REWRITES", "Rewrite", "extract", "simplify", "steps"]

Table = Mapping[str, Sequence[Rewrite]]
Watch = Callable[[str, Mapping[Node, Node], Mapping[Node, Node]], None]


def _by_operation(rewrites: Iterable[Rewrite]) -> Table:
    found: dict[str, list[Rewrite]] = {}
    for rewrite in rewrites:
        found.setdefault(rewrite.op, []).append(rewrite)
    return found


PASSES: tuple[Table, ...] = (_by_operation(REWRITES), _by_operation(BRACKETS))


def simplify(root: Node, known: Sequence[dict[Node, Node]] | None = None) -> Node:
    """The node after all rewrites, its operands first; the value is the same to rounding.

    `known` keeps what the nodes of one graph have become, a mapping for each pass, so that what several expressions
    share is simplified once: `[{} for _ in PASSES]` to begin with.
    """
    for k, table in enumerate(PASSES):
        root = _settled(root, table, None, known[k] if known else None)
    return root


def steps(root: Node) -> list[tuple[str, Node]]:
    """The rewrites that lead to `simplify(root)`, one at a time: the name of each and the whole expression after it.

    A rewrite that cannot be seen, such as a change of brackets that are not printed, is left out.
    """
    found: list[tuple[str, Node]] = []
    current, text = root, render(root).text
    for table in PASSES:
        start = current

        def watch(name: str, done: Mapping[Node, Node], next_form: Mapping[Node, Node], start: Node = start) -> None:
            nonlocal current, text
            whole = _current(start, done, next_form)
            shown = render(whole).text
            if shown != text:
                found.append((name, whole))
            current, text = whole, shown

        current = _settled(start, table, watch)
    if found:
        found[-1] = (found[-1][0], current)
    return found


def _settled(root: Node, table: Table, watch: Watch | None, known: dict[Node, Node] | None = None) -> Node:
    """The node after all rewrites of one table. `watch` is told each rewrite's name and how far all has come:

    the nodes that are done, and those that have become another which is not done yet.
    """
    done = {} if known is None else known
    next_form: dict[Node, Node] = {}
    flats: set[Node] = set()
    stack = [root]
    while stack:
        node = stack[-1]
        if node in done:
            stack.pop()
        elif node in next_form:
            done[node] = done[next_form[node]]
            stack.pop()
        elif node not in flats and (flat := opened(node)) is not node:
            flats.add(flat)
            next_form[node] = flat
            stack.append(flat)
            if watch is not None:
                watch("a sum needs no brackets", done, next_form)
        elif open_inputs := [i for i in node.inputs if i not in done]:
            stack.extend(open_inputs)
        else:
            rebuilt = _rebuild(node, [done[i] for i in node.inputs])
            name, better = _rewritten(rebuilt, table)
            if better is None and rebuilt is node:
                done[node] = node
                stack.pop()
                continue
            next_form[node] = rebuilt if better is None else better
            stack.append(next_form[node])
            if better is not None and watch is not None:
                watch(name, done, next_form)
    return done[root]


def _current(root: Node, done: Mapping[Node, Node], next_form: Mapping[Node, Node]) -> Node:
    """The whole expression in the middle of the process."""
    found: dict[Node, Node] = dict(done)
    stack = [root]
    while stack:
        node = stack[-1]
        needed = (next_form[node],) if node in next_form else node.inputs
        if node in found:
            stack.pop()
        elif waiting := [i for i in needed if i not in found]:
            stack.extend(waiting)
        elif node in next_form:
            found[node] = found[next_form[node]]
        else:
            found[node] = _rebuild(node, [found[i] for i in node.inputs])
    return found[root]


def _rebuild(node: Node, inputs: Sequence[Node]) -> Node:
    if all(a is b for a, b in zip(inputs, node.inputs, strict=True)):
        return node
    return node.graph.make(node.op, *inputs, **node.attributes)


def _rewritten(node: Node, table: Table) -> tuple[str, Node | None]:
    for rewrite in table.get(node.op, ()):
        found = rewrite.rule(node)
        if found is not None and found is not node:
            return rewrite.name, al.fit(found, node.shape)
    return "", None


def extract(root: Node, leaves: Mapping[Node, Node], graph: Graph, spelt: bool = False) -> Node:
    """A copy of an expression in another graph; nodes in `leaves` stand as the nodes given for them there.

    `spelt` has every node as it is written, for readers; without it the kernels stay those that keep their digits.
    """
    done: dict[Node, Node] = {}
    stack = [root]
    while stack:
        node = stack[-1]
        if node in done:
            stack.pop()
        elif node in leaves:
            done[node] = leaves[node]
        elif spelt and node.spelt is not node:
            if node.spelt in done:
                done[node] = done[node.spelt]
            stack.append(node.spelt)
        elif waiting := [i for i in node.inputs if i not in done]:
            stack.extend(waiting)
        else:
            leaf = {"shape": node.shape} if node.op in LEAVES else {}
            done[node] = graph.make(node.op, *(done[i] for i in node.inputs), **leaf, **node.attributes)
    return done[root]
