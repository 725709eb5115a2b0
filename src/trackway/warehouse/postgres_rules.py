"""What PostgreSQL asks of names.

Source: `pg_get_keywords()` of PostgreSQL 15 (categories `reserved` and `reserved (can be function or type)`), the words
that later versions added to them, and the system columns; a test tries every keyword of the installed server.
"""

from trackway.warehouse.naming import Rules

_RESERVED_WORDS = """
all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation column
concurrently constraint create cross current_catalog current_date current_role current_schema current_time
current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze from
full grant group having ilike in initially inner intersect into is isnull join lateral leading left like limit
localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing primary references
returning right select session_user similar some symmetric system_user table tablesample then to trailing true union
unique user using variadic verbose when where window with
cmax cmin ctid tableoid xmax xmin
"""

POSTGRES_RULES = Rules(
    reserved=frozenset(_RESERVED_WORDS.split()),
    reserved_schemas=frozenset({"information_schema"}),
    reserved_schema_prefix="pg_",
    max_length=63,
)
"""Names are ASCII, so that 63 characters are PostgreSQL's 63 bytes; it would cut longer ones and so merge them."""
