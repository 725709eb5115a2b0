-- The sessions hold all calls, and none twice.
select 1 as difference
where (select sum(calls) from {{ ref('sessions') }}) <> (select count(*) from {{ ref('calls') }})
