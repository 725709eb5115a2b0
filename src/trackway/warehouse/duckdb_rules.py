"""What DuckDB asks of names.

Source: `duckdb_keywords()` of DuckDB 2.0: the words of the categories `reserved` and `type_function` cannot be the name
of a table or a column without quotes; a test asks the installed DuckDB. The list is written down because names must not
change with a new version.
"""

from trackway.warehouse.naming import Rules

_RESERVED_WORDS = """
all analyse analyze and anti any array as asc asof asymmetric at authorization binary both by case cast check collate
collation column concurrently constraint create cross default deferrable desc describe distinct do else end except false
fetch for foreign freeze from full glob group having ilike in initially inner intersect into is isnull join lambda
lateral leading left like limit natural not notnull null offset on only or order outer overlaps pivot pivot_longer
pivot_wider placing positional primary qualify references returning right select semi show similar some summarize
symmetric table tablesample then to trailing true union unique unpack unpivot using variadic verbose when where window
with
"""
_CATALOGS = frozenset({"temp", "system", "information_schema", "pg_catalog"})


def duckdb_rules(catalog: str) -> Rules:
    """Return the rules of a database file whose name without ending is `catalog`.

    A schema of that name could not be reached as `schema.table`. DuckDB has no limit on length; 127 characters are
    what Redshift allows and people can still read.
    """
    return Rules(
        reserved=frozenset(_RESERVED_WORDS.split()), reserved_schemas=_CATALOGS | {catalog.lower()}, max_length=127
    )
