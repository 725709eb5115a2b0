"""Events as tables: names, types, schema evolution, and the databases they are kept in."""
