-- From looking to buying: how many people took each step at or after the step before.
{% set steps = ['Product Viewed', 'Product Added', 'Checkout Started', 'Order Completed'] %}

with
{% for step in steps %}
step_{{ loop.index }} as (

    select
        calls.person_id,
        min(calls.happened_at) as reached_at
    from {{ ref('calls') }} as calls
    {% if not loop.first %}
    join step_{{ loop.index - 1 }} as earlier
        on earlier.person_id = calls.person_id and calls.happened_at >= earlier.reached_at
    {% endif %}
    where calls.name = '{{ step }}'
    group by calls.person_id

),
{% endfor %}

counted as (

    {% for step in steps %}
    select {{ loop.index }} as step, '{{ step }}' as name, count(*) as people from step_{{ loop.index }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    step,
    name,
    people,
    people / nullif(first_value(people) over (order by step), 0) as share_of_first,
    people / nullif(lag(people) over (order by step), 0) as share_of_previous
from counted
