{#- Tables and columns of a warehouse appear with their first value: an event that never came has no table, and a property
    that never came no column. These two let a model be built all the same. -#}

{#- Asks the warehouse and not dbt's cache, which tells one thread that a table is missing while another fills it. -#}
{% macro exists(table) -%}
    {%- set wanted = source('events', table) -%}
    {%- set found = run_query(
        "select 1 from information_schema.tables where table_catalog = '" ~ wanted.database
        ~ "' and table_schema = '" ~ wanted.schema ~ "' and table_name = '" ~ wanted.identifier ~ "'"
    ) -%}
    {{ return(execute and found | length > 0) }}
{%- endmacro %}

{% macro column_or_null(table, column, type) -%}
    {%- set columns = adapter.get_columns_in_relation(source('events', table)) | map(attribute='name') | list -%}
    {{ 'cast(' ~ (column if column in columns else 'null') ~ ' as ' ~ type ~ ')' }}
{%- endmacro %}
