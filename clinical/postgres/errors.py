class ClusterError(Exception):
    """Our own PostgreSQL server cannot be used; the message says what, where and what to do next."""

    def __init__(self, what: str, *, where: object = "", next_step: str = "") -> None:
        lines = [what, f"Where: {where}" if str(where) else "", f"Next: {next_step}" if next_step else ""]
        super().__init__("\n".join(line for line in lines if line))
