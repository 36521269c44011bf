def as_markdown() -> str:
    return ""
