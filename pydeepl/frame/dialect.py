"""Where DuckDB's SQL and Spark's say the same and mean something else: Spark's meaning.

DuckDB finds macros before its own functions and operators, so that one of the same name takes their place;
"system.main" has its own. Casts to whole numbers are no functions: `with_whole_casts` puts one inside.

    cast(d AS int)  ->  cast(whole_number(d) AS int)
    a[0]            ->  a[0 + 1]                          by `with_places_from_one`

Source: Spark's "SQL Reference: Built-in Functions" and "ANSI Compliance".
"""

import re

_MOST_ARGUMENTS = 8  # of concat: a macro has a fixed number of them, and each takes time to make


def _concat(count: int) -> str:
    names = [f"a{place}" for place in range(count)]
    nulls = " OR ".join(f"{name} IS NULL" for name in names)
    arguments = ", ".join(names)
    return f"({arguments}) AS CASE WHEN {nulls} THEN NULL ELSE system.main.concat({arguments}) END"


_GROUPS = r"system.main.regexp_replace(r, '\$(\d)', '\\\1', 'g')"
_CONCAT = ", ".join(_concat(count) for count in range(1, _MOST_ARGUMENTS + 1))

_SAME_NAMES = [
    # null where an argument is null; DuckDB leaves nulls out
    f"concat{_CONCAT}",
    # every match, and $1 for a group; DuckDB replaces the first, with \1
    f"regexp_replace(s, p, r) AS system.main.regexp_replace(s, p, {_GROUPS}, 'g'), "
    "(s, p, r, o) AS system.main.regexp_replace(s, p, r, o)",
    # of base e, and null where there is none; DuckDB's log is of base 10
    "ln(x) AS CASE WHEN x > 0 THEN system.main.ln(x) END",
    "log(x) AS CASE WHEN x > 0 THEN system.main.ln(x) END, "
    "(b, x) AS CASE WHEN b > 0 AND x > 0 THEN system.main.ln(x) / system.main.ln(b) END",
    "log2(x) AS CASE WHEN x > 0 THEN system.main.log2(x) END",
    "log10(x) AS CASE WHEN x > 0 THEN system.main.log10(x) END",
    # whole numbers; DuckDB gives doubles
    "floor(x) AS CAST(system.main.floor(x) AS BIGINT)",
    "ceil(x) AS CAST(system.main.ceil(x) AS BIGINT)",
    "ceiling(x) AS CAST(system.main.ceil(x) AS BIGINT)",
    "sign(x) AS CAST(system.main.sign(x) AS DOUBLE)",
    # place 0 is the first, too
    *(
        f"{name}(s, p) AS system.main.substring(s, CASE p WHEN 0 THEN 1 ELSE p END), "
        "(s, p, n) AS system.main.substring(s, CASE p WHEN 0 THEN 1 ELSE p END, n)"
        for name in ("substring", "substr")
    ),
    # nothing of a negative length; DuckDB leaves as many letters out
    '"left"(s, n) AS system.main."left"(s, greatest(n, 0))',
    '"right"(s, n) AS system.main."right"(s, greatest(n, 0))',
    # null is a number or not known; Spark says it is no NaN
    "isnan(x) AS coalesce(system.main.isnan(x), false)",
    # of bits; DuckDB's is a power
    '"^"(a, b) AS xor(a, b)',
    # an error; DuckDB gives infinity
    """"/"(a, b) AS system.main."/"(a, CASE b WHEN 0 THEN error('Division by zero') ELSE b END)""",
]

_SPARKS_NAMES = [
    "nvl(a, b) AS coalesce(a, b)",
    "size(a) AS len(a)",
    "element_at(a, i) AS list_extract(a, i)",  # DuckDB's is of maps
    "startswith(s, t) AS starts_with(s, t)",
    "endswith(s, t) AS ends_with(s, t)",
]

# A number without its fraction (DuckDB rounds), a text as it is, but for one with a fraction (DuckDB rounds).
_WHOLE_NUMBER = """{name}(x) AS CASE
    WHEN typeof(x) IN ('DOUBLE', 'FLOAT') OR typeof(x) LIKE 'DECIMAL%'
        THEN CAST({cast}(trunc(TRY_CAST(x AS DOUBLE)) AS BIGINT) AS VARCHAR)
    WHEN typeof(x) = 'BOOLEAN' THEN CAST(TRY_CAST(TRY_CAST(x AS BOOLEAN) AS INTEGER) AS VARCHAR)
    WHEN typeof(x) = 'VARCHAR' AND regexp_matches(CAST(x AS VARCHAR), '[.eE]') THEN {refused}
    ELSE CAST(x AS VARCHAR) END"""
_REFUSED = "error('Could not convert string ' || CAST(x AS VARCHAR) || ' to a whole number')"
_WHOLE_NUMBERS = [
    _WHOLE_NUMBER.format(name="whole_number", cast="CAST", refused=_REFUSED),
    _WHOLE_NUMBER.format(name="try_whole_number", cast="TRY_CAST", refused="NULL"),
]

MACROS = [f"CREATE MACRO {each}" for each in (*_SAME_NAMES, *_SPARKS_NAMES, *_WHOLE_NUMBERS)]

_PARTS = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*"                                       # text, or a name
      | (?P<cast>\b(?:try_)?cast\s*\() | [()]
      | (?P<whole>\bas\s+(?:big|small|tiny)?int(?:eger)?\s*(?=\))|\bas\s+(?:long|short|byte)\s*(?=\)))
      """,
    re.VERBOSE | re.IGNORECASE,
)


def with_whole_casts(sql: str) -> str:
    """SQL, spelled for DuckDB, whose casts to whole numbers cut fractions off, as Spark's do."""
    pieces: list[str] = []
    open_places: list[tuple[int, str] | None] = []  # in pieces, after each "(" that is open and a cast's
    end = 0
    for match in _PARTS.finditer(sql):
        pieces += [sql[end : match.start()], match[0]]
        end = match.end()
        if match["cast"]:
            kind = "try_whole_number(" if match[0][0] in "tT" else "whole_number("
            pieces.append("")
            open_places.append((len(pieces) - 1, kind))
        elif match[0] == "(":
            open_places.append(None)
        elif match[0] == ")" and open_places:
            open_places.pop()
        elif match["whole"] and open_places and open_places[-1] is not None:
            place, kind = open_places[-1]
            pieces[place] = kind
            pieces[-1] = f") {match[0]}"
    return "".join([*pieces, sql[end:]])


_PLACE = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | (?<=[\w)\]"])\[\s*(?P<place>-?\d+)\s*\]""", re.VERBOSE
)


def with_places_from_one(sql: str) -> str:
    """SQL whose lists' elements are counted from 1, as DuckDB does, not from 0; a negative place is none.

    The 1 is added in the text, so that what was changed is not changed again. Places that are no literals are
    left as they are: they may be keys.
    """

    def counted(match: re.Match[str]) -> str:
        if match["place"] is None:
            return match[0]
        return f"[{match['place']} + 1]" if int(match["place"]) >= 0 else "[0 + 0]"

    return _PLACE.sub(counted, sql)
