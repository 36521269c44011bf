"""A run in LaTeX: a complete article with amsmath, geometry and longtable, which every distribution has."""

from __future__ import annotations

from gradcalc.report.cells import Cell, Section
from gradcalc.report.escapes import escape


def document(sections: list[Section]) -> str:
    """All sections as an article."""
    body = "\n\n".join(_section(s) for s in sections)
    return (
        "\\documentclass{article}\n\\usepackage{amsmath}\n\\usepackage{longtable}\n"
        "\\usepackage[landscape,margin=1.5cm]{geometry}\n"
        "\\setlength{\\parindent}{0pt}\n\\setcounter{LTchunksize}{1000}\n"
        f"\\begin{{document}}\n\n{body}\n\n\\end{{document}}\n"
    )


def _section(section: Section) -> str:
    """A table that goes over pages, its cells displayed mathematics where they are mathematics."""
    heads = " & ".join(rf"\textbf{{{escape(h)}}}" for h in section.headers)
    rows = "".join(" & ".join(map(_cell, row)) + " \\\\[6pt]\n" for row in section.rows)
    notes = "".join(f"\n\n{escape(note)}" for note in section.notes)
    columns = "l" * len(section.headers)
    return (
        f"\\section*{{{escape(section.title)}}}\n\n\\begin{{longtable}}[l]{{@{{}}{columns}}}\n"
        f"{heads} \\\\\n\\hline\\noalign{{\\vskip 4pt}}\n\\endhead\n{rows}\\end{{longtable}}{notes}"
    )


def _cell(cell: Cell) -> str:
    return rf"$\displaystyle {cell.latex}$" if cell.latex else escape(cell.text)
