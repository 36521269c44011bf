"""A run in LaTeX: a complete article that needs amsmath only."""

from __future__ import annotations

from gradcalc.report.ledger import Cell, Section

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    "%": r"\%",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "×": r"$\times$",
    "∂": r"$\partial$",
    "→": r"$\to$",
    "∘": r"$\circ$",
    "⊗": r"$\otimes$",
    "‖": r"$\lVert$",
    "δ": r"$\delta$",
    "…": r"\dots{}",
    "∈": r"$\in$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "≠": r"$\ne$",
    "·": r"$\cdot$",
    "ℝ": r"$\mathbf{R}$",
    "ᵀ": "$^T$",
    "∞": r"$\infty$",
}
_GREEK_NAMES = (
    "αalpha βbeta γgamma εvarepsilon ζzeta ηeta θtheta ιiota κkappa λlambda μmu νnu ξxi πpi ρrho σsigma "
    "τtau υupsilon φvarphi χchi ψpsi ωomega ΓGamma ΔDelta ΘTheta ΛLambda ΞXi ΠPi ΣSigma ΦPhi ΨPsi ΩOmega"
)
_ESCAPES.update({word[0]: f"$\\{word[1:]}$" for word in _GREEK_NAMES.split()})


def escape(text: str) -> str:
    """Words as LaTeX shows them; characters that it has no plain form for become U+XXXX."""
    return "".join(_ESCAPES.get(c) or (c if c.isascii() or "À" <= c <= "ɏ" else f"U+{ord(c):04X}") for c in text)


def document(sections: list[Section]) -> str:
    """All sections as an article."""
    body = "\n\n".join(_section(s) for s in sections)
    return (
        "\\documentclass{article}\n\\usepackage[T1]{fontenc}\n\\usepackage{amsmath}\n"
        "\\usepackage[landscape,margin=1.5cm]{geometry}\n\\allowdisplaybreaks\n\\setlength{\\parindent}{0pt}\n"
        f"\\begin{{document}}\n\n{body}\n\n\\end{{document}}\n"
    )


def _section(section: Section) -> str:
    notes = "".join(f"\n\n{escape(note)}" for note in section.notes)
    if any(cell.latex for row in section.rows for cell in row):
        return f"\\section*{{{escape(section.title)}}}\n\n{_array(section)}{notes}"
    rows = "".join(f"\\item {' --- '.join(escape(c.text) for c in row)}\n" for row in section.rows)
    return f"\\section*{{{escape(section.title)}}}\n\n\\begin{{itemize}}\n{rows}\\end{{itemize}}{notes}"


def _array(section: Section) -> str:
    """Rows as displayed mathematics; each breaks on its own, so a long table goes over pages."""
    heads = r" \quad ".join(rf"\text{{{escape(h)}}}" for h in section.headers)
    lines = [f"% {heads}"]
    for row in section.rows:
        cells = r" \qquad ".join(_cell(c) for c in row if c.text)
        lines.append(rf"\[ {cells} \]")
    return "\n".join(lines)


def _cell(cell: Cell) -> str:
    return cell.latex or rf"\text{{{escape(cell.text)}}}"
