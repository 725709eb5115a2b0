-- What was sold and given back on each day (UTC), by currency.
with sold as (

    select
        cast("timestamp" as date) as day,
        currency,
        count(*) as orders,
        sum(cast(revenue as decimal(18, 2))) as revenue
    from {{ source('events', 'order_completed') }}
    group by all

),

returned as (

    {% if exists('order_refunded') %}
    select
        cast("timestamp" as date) as day,
        currency,
        count(*) as refunds,
        sum(cast(total as decimal(18, 2))) as refunded
    from {{ source('events', 'order_refunded') }}
    group by all
    {% else %}
    select null::date as day, null::varchar as currency, 0 as refunds, 0::decimal(18, 2) as refunded where false
    {% endif %}

)

select
    coalesce(sold.day, returned.day) as day,
    coalesce(sold.currency, returned.currency) as currency,
    coalesce(orders, 0) as orders,
    coalesce(revenue, 0) as revenue,
    coalesce(refunds, 0) as refunds,
    coalesce(refunded, 0) as refunded,
    coalesce(revenue, 0) - coalesce(refunded, 0) as net
from sold
full join returned on sold.day = returned.day and sold.currency is not distinct from returned.currency
