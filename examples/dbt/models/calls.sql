-- Every call that shows somebody doing something: one row each.
{{ config(materialized='view') }}

select
    id,
    coalesce(user_id, anonymous_id) as person_id,
    "timestamp" as happened_at,
    'track' as call,
    event_text as name
from {{ source('events', 'tracks') }}
where coalesce(user_id, anonymous_id) is not null

{% if exists('pages') %}
union all

select
    id,
    coalesce(user_id, anonymous_id) as person_id,
    "timestamp" as happened_at,
    'page' as call,
    {{ column_or_null('pages', 'path', 'varchar') }} as name
from {{ source('events', 'pages') }}
where coalesce(user_id, anonymous_id) is not null
{% endif %}
