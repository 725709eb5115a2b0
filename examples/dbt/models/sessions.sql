-- Visits: the calls of a person without a silence longer than the variable `inactivity_minutes`.
with gaps as (

    select
        *,
        lag(happened_at) over (partition by person_id order by happened_at, id) as before
    from {{ ref('calls') }}

),

numbered as (

    select
        *,
        sum(
            case
                when before is null then 1
                when happened_at - before > interval '{{ var("inactivity_minutes") }} minutes' then 1
                else 0
            end
        ) over (partition by person_id order by happened_at, id rows unbounded preceding) as session_number
    from gaps

)

select
    md5(person_id || '/' || session_number) as session_id,
    person_id,
    session_number,
    min(happened_at) as started_at,
    max(happened_at) as ended_at,
    count(*) as calls,
    count(*) filter (where call = 'page') as pages,
    count(*) filter (where name = 'Order Completed') as orders,
    min_by(name, happened_at) as first_call,
    max_by(name, happened_at) as last_call
from numbered
group by person_id, session_number
