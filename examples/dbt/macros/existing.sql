{#- Tables and columns of a warehouse appear with their first value: an event that never came has no table, and a property
    that never came no column. These two let a model be built all the same. -#}

{% macro exists(table) -%}
    {{ return(adapter.get_relation(database=source('events', table).database, schema=source('events', table).schema,
                                   identifier=table) is not none) }}
{%- endmacro %}

{% macro column_or_null(table, column, type) -%}
    {%- set columns = adapter.get_columns_in_relation(source('events', table)) | map(attribute='name') | list -%}
    {{ 'cast(' ~ (column if column in columns else 'null') ~ ' as ' ~ type ~ ')' }}
{%- endmacro %}
