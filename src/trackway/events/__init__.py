"""What an event is: the six calls, their common fields, ids, times and limits. Pure: nothing here does I/O."""
