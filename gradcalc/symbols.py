"""Closed tables of spellings: Greek letters by their LaTeX names, and terminals of the grammar in words."""

from __future__ import annotations

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "varepsilon": "ε", "zeta": "ζ",
    "eta": "η", "theta": "θ", "vartheta": "ϑ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν",
    "xi": "ξ", "omicron": "ο", "pi": "π", "rho": "ρ", "sigma": "σ", "varsigma": "ς", "tau": "τ",
    "upsilon": "υ", "phi": "φ", "varphi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ",
    "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Upsilon": "Υ", "Phi": "Φ",
    "Psi": "Ψ", "Omega": "Ω",
}  # fmt: skip

_VALUE = "a value"
_OPERATOR = "an operator"
_END = "the end of the statement"
TERMINALS = {
    "NAME": _VALUE, "CALLEE": _VALUE, "NUMBER": _VALUE, "LPAR": _VALUE, "LSQB": _VALUE, "INDICATOR": _VALUE,
    "LEFT_BAR": _VALUE, "LEFT_BARS": _VALUE, "DEL": _VALUE, "LBRACE": _VALUE,
    "MULTIPLY": _OPERATOR, "ADD": _OPERATOR, "HAT": _OPERATOR, "TRANSPOSE": _OPERATOR,
    "INVERSE_TRANSPOSE": _OPERATOR, "SLASH": "`/`", "EQUAL": "`==`", "COMPARE": "a comparison",
    "RPAR": "`)`", "RSQB": "`]`", "RBRACE": "`}`", "RIGHT_BAR": "`|`", "RIGHT_BARS": "`||`",
    "COMMA": "`,`", "COLON": "`:`", "LABEL": "a label", "KEYWORD": "a keyword such as `axis=`",
    "SPACE": "a space such as `R^3`", "_IN": "`in`", "INPUT": "`input`", "_NEWLINE": _END, "SEMICOLON": _END,
}  # fmt: skip
